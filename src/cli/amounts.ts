/** `1,234` */
export function count(number: number): string {
  // toLocaleString does the same, after some ten milliseconds of loading its tables.
  return String(number).replace(/\B(?=(\d{3})+$)/g, ',')
}

/** `1 message`, `2 messages` */
export function plural(number: number, word: string): string {
  return `${count(number)} ${word}${number === 1 ? '' : 's'}`
}

/** `980 B`, `12.3 MB`: powers of ten. */
export function octetsText(octets: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB']
  let value = octets
  let unit = 0
  while (value >= 999.5 && unit < units.length - 1) [value, unit] = [value / 1000, unit + 1]
  return `${unit === 0 || value >= 99.95 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`
}

/** `40 ms`, `0.4 s`, `12 s`, `3 min 20 s`, `2 h 5 min` */
export function durationText(seconds: number): string {
  if (seconds < 0.0995) return `${Math.round(seconds * 1000)} ms`
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`
  const whole = Math.round(seconds)
  if (whole < 60) return `${whole} s`
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`
}

/** `2026-11-23 14:05`, in the time of this machine. */
export function dateText(milliseconds: number): string {
  const date = new Date(milliseconds)
  if (Number.isNaN(date.getTime())) return '?'
  const two = (number: number): string => String(number).padStart(2, '0')
  const day = `${String(date.getFullYear()).padStart(4, '0')}-${two(date.getMonth() + 1)}-${two(date.getDate())}`
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}`
}
