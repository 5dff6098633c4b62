/** A structured field's text without its comments, which may be nested (RFC 5322 §3.2.2). */
export function withoutComments(text: string): string {
  if (!text.includes('(')) return text
  let out = ''
  let depth = 0
  for (let at = 0; at < text.length; at++) {
    const char = text.charAt(at)
    if (char === '\\' && depth > 0) at++
    else if (char === '(') depth++
    else if (char === ')' && depth > 0) {
      depth--
      out += ' '
    } else if (depth === 0) out += char
  }
  return out
}
