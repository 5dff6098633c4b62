import type { Flag } from '../store/store.ts'

/** So far into a message its status fields are looked for, octets: programs write them behind what was there. */
const limit = 16 << 10

/** `D` is not among them: what was only marked for deletion is mail still. */
const flags: readonly (readonly [letter: string, flag: Flag])[] = [
  ['A', '\\Answered'],
  ['F', '\\Flagged'],
  ['R', '\\Seen'],
]

/**
 * Reads the flags that mail programs write into a message of an mbox: `Status: RO`, `X-Status: AF`. No RFC has them; these are the
 * letters of c-client, mutt and Dovecot.
 */
export class MboxStatus {
  readonly #chunks: Uint8Array[] = []
  #length = 0

  /** The next octets of the message. They must not be changed before `flags` is called. */
  push(octets: Uint8Array): void {
    if (this.#length >= limit) return
    const part = octets.subarray(0, limit - this.#length)
    this.#chunks.push(part)
    this.#length += part.length
  }

  /** The first octets of the message. */
  head(): Buffer {
    return Buffer.concat(this.#chunks, this.#length)
  }

  flags(): Flag[] {
    const text = `\n${this.head().toString('latin1')}`
    // RFC 5322 §2.1: an empty line ends the header.
    const end = /\n\r?\n/.exec(text)?.index ?? text.length
    let letters = ''
    for (const [, value = ''] of text.slice(0, end).matchAll(/\n(?:X-)?Status:[ \t]*([ADFNORTU]+)[ \t\r]*(?=\n|$)/gi))
      letters += value
    return flags.filter(([letter]) => letters.includes(letter)).map(([, flag]) => flag)
  }
}
