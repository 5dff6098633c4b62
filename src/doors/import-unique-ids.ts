import { MisuseError } from '../errors.ts'
import type { Hash, UniqueId } from '../ids.ts'
import { parseHeader } from '../message/header.ts'

/** RFC 1939 §7: 1 to 70 octets of 0x21 to 0x7E. */
const possible = /^[!-~]{1,70}$/

/**
 * Unique-ids of an earlier server, in a file: on each line a unique-id, a tab, and the SHA-256 of the message's octets (in
 * hexadecimal) or its Message-ID. Messages that are alike get theirs in the order of the lines.
 */
export class UniqueIdList {
  readonly #byKey = new Map<string, string[]>()
  #left = 0

  /** Throws MisuseError that names the line. `file`: for that. */
  constructor(text: string, file: string) {
    const seen = new Set<string>()
    for (const [place, line] of text.split(/\r?\n/).entries()) {
      if (line.trim() === '') continue
      const fault = (what: string): MisuseError => new MisuseError('usage', `${file}, line ${place + 1}: ${what}`)
      const [uniqueId = '', key = '', ...more] = line.split('\t').map((part) => part.trim())
      if (key === '' || more.length > 0) throw fault('give a unique-id, a tab, and a SHA-256 or a Message-ID')
      if (!possible.test(uniqueId))
        throw fault(`${JSON.stringify(uniqueId)} cannot be a unique-id (RFC 1939, section 7)`)
      if (seen.has(uniqueId)) throw fault(`the unique-id ${uniqueId} stands further up too`)
      seen.add(uniqueId)
      const spelt = keyOf(key)
      this.#byKey.set(spelt, [...(this.#byKey.get(spelt) ?? []), uniqueId])
      this.#left++
    }
  }

  /** How many were not taken. */
  get left(): number {
    return this.#left
  }

  /** The unique-id of a message; each is given once. */
  take(hash: Hash, messageId: string | undefined): string | undefined {
    for (const key of [hash, messageId]) {
      const taken = key === undefined ? undefined : this.#byKey.get(keyOf(key))?.shift()
      if (taken === undefined) continue
      this.#left--
      return taken
    }
    return undefined
  }
}

function keyOf(text: string): string {
  return /^[0-9a-f]{64}$/i.test(text) ? text.toLowerCase() : text.replace(/^<(.*)>$/, '$1')
}

/** Where unique-ids of an earlier server are to be found, besides a Maildir's `dovecot-uidlist`. */
export interface UniqueIdSources {
  readonly list?: UniqueIdList | undefined
  /** Whether the field X-UIDL is believed. */
  readonly xUidl?: boolean | undefined
}

/** What is known of a message whose unique-id is looked for. */
export interface Nameless {
  /** What the place where it was found says. */
  readonly uniqueId: string | undefined
  /** Its first octets. */
  readonly head: Uint8Array
  readonly hash: Hash
}

/** The unique-id that a message had at an earlier server; undefined where nothing says so, or it cannot be one. */
export function formerUniqueId(sources: UniqueIdSources, message: Nameless): UniqueId | undefined {
  const { list, xUidl = false } = sources
  const header = list !== undefined || xUidl ? parseHeader(message.head) : undefined
  const found =
    list?.take(message.hash, /<[^<>]+>/.exec(header?.get('message-id') ?? '')?.[0]) ??
    message.uniqueId ??
    (xUidl ? header?.get('x-uidl') : undefined)
  return found !== undefined && possible.test(found) ? (found as UniqueId) : undefined
}
