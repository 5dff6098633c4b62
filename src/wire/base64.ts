const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'

/** The base64 text of octets (RFC 4648 §4). */
export function toBase64(octets: Uint8Array): string {
  let text = ''
  for (let i = 0; i < octets.length; i += 3) {
    const left = octets.length - i
    const bits = ((octets[i] ?? 0) << 16) | ((octets[i + 1] ?? 0) << 8) | (octets[i + 2] ?? 0)
    text += letters.charAt(bits >> 18) + letters.charAt((bits >> 12) & 63)
    text += left > 1 ? letters.charAt((bits >> 6) & 63) : '='
    text += left > 2 ? letters.charAt(bits & 63) : '='
  }
  return text
}

/** The octets that a base64 text stands for; undefined where it is not base64 (RFC 4648 §3.3: no line ends, padding whole). */
export function fromBase64(text: string): Uint8Array | undefined {
  if (text.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(text)) return undefined
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0
  const octets = new Uint8Array((text.length / 4) * 3 - padding)
  let to = 0
  for (let i = 0; i < text.length; i += 4) {
    let bits = 0
    for (let j = i; j < i + 4; j++) bits = (bits << 6) | Math.max(0, letters.indexOf(text.charAt(j)))
    for (let shift = 16; shift >= 0 && to < octets.length; shift -= 8) octets[to++] = (bits >> shift) & 255
  }
  return octets
}
