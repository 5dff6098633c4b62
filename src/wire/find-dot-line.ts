import { cr, dot, lf } from './octets.ts'

/**
 * Finds the first CRLF followed by a dot, at `from` or after it; -1 where there is none. A door may bring a faster one (Node's
 * `Buffer.prototype.indexOf` searches four times as fast), which is why the engines take it as an option.
 */
export type FindDotLine = (octets: Uint8Array, from: number) => number

/** The `FindDotLine` that runs anywhere. It looks at every third octet only: whatever that is tells how far to step. */
export const findDotLine: FindDotLine = (octets, from) => {
  const { length } = octets
  for (let i = from + 2; i < length;) {
    const octet = octets[i]
    if (octet === dot) {
      if (octets[i - 1] === lf && octets[i - 2] === cr) return i - 2
      i += 3
    } else if (octet === lf) i += 1
    else if (octet === cr) i += 2
    else i += 3
  }
  return -1
}

/** Finds the first LF followed by a dot: the same for a reply whose lines end in LF alone. */
export const findBareDotLine: FindDotLine = (octets, from) => {
  for (let i = octets.indexOf(lf, from); i !== -1; i = octets.indexOf(lf, i + 1)) if (octets[i + 1] === dot) return i
  return -1
}
