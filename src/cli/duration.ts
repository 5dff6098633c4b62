const units: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }
/** A timer of Node counts to 2^31 milliseconds; a schedule of more than a month is a mistake. */
const longest = 31 * 86_400_000

/** `90s`, `15m`, `2h`, `1d`, or `0`: milliseconds; undefined where it is no such time. */
export function parseDuration(text: string): number | undefined {
  if (text === '0') return 0
  const [, count = '', unit = ''] = /^(\d{1,7})([smhd])$/.exec(text) ?? []
  const found = Number(count) * (units[unit] ?? Number.NaN)
  return found <= longest ? found : undefined
}

/** As `parseDuration` reads it. */
export function spellDuration(milliseconds: number): string {
  for (const [unit, size] of Object.entries(units).toReversed())
    if (milliseconds >= size && milliseconds % size === 0) return `${milliseconds / size}${unit}`
  return `${Math.round(milliseconds / 1000)}s`
}
