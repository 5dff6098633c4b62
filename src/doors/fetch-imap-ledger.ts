import type { Hash } from '../ids.ts'
import type { LedgerEntry } from '../store/store.ts'

/** A mailbox at an IMAP server, as the ledger knows it. */
export interface ImapPlace {
  /** Its name there, decoded. */
  readonly path: string
  /** What names it for ever, also when it is renamed (RFC 8474 §4); undefined where the server gives none. */
  readonly id: string | undefined
  readonly uidValidity: number
}

/** What a unique-id of the ledger says. */
export interface ImapName {
  readonly uidValidity: number
  readonly uid: number
  /** What names the message in any mailbox (RFC 8474 §5.1, Gmail's X-GM-MSGID); empty where the server gives none. */
  readonly emailId: string
  /** By its size and its header only was it known again: its octets were not held against ours under this name. */
  readonly byHeader: boolean
  /** `=` and the name of the mailbox, or `#` and its id. */
  readonly mailbox: string
}

const named = /^(\d{1,20})\/(\d{1,10})\/(~?)([^/]*)\/([=#][^]*)$/

/**
 * The unique-id of a message in the ledger: UIDVALIDITY, UID, what names the message in any mailbox, and the mailbox. The two numbers
 * and the mailbox are what it is known by (RFC 9051 §2.3.1.1).
 */
export function imapUniqueId(place: ImapPlace, uid: number, emailId = '', byHeader = false): string {
  return `${place.uidValidity}/${uid}/${byHeader ? '~' : ''}${emailId}/${keysOf(place)[0]}`
}

/** What a unique-id of the ledger says; undefined where it is none of IMAP. */
export function imapName(uniqueId: string): ImapName | undefined {
  const [, uidValidity, uid, byHeader, emailId = '', mailbox = ''] = named.exec(uniqueId) ?? []
  if (uidValidity === undefined) return undefined
  return { uidValidity: Number(uidValidity), uid: Number(uid), emailId, byHeader: byHeader === '~', mailbox }
}

/** RFC 8474 §4; X-GM-MSGID is a number. Anything else is nobody's name. */
export function emailIdOf(told: string | undefined): string {
  return told !== undefined && /^[\w-]{1,255}$/.test(told) ? told : ''
}

/** What an IMAP account has given us, by where it stood there. */
export class ImapLedger {
  /** By mailbox, UIDVALIDITY and UID: where more than one, the octets under one name have changed. */
  readonly #places = new Map<string, Map<string, LedgerEntry[]>>()
  readonly #byEmailId = new Map<string, LedgerEntry[]>()
  readonly #entries: LedgerEntry[]
  #bySize: Map<number, LedgerEntry[]> | undefined
  /** Rows that a message on the server was matched with in this session. */
  readonly #matched = new Set<LedgerEntry>()
  /** By hash, rows of messages that are where they were no more. */
  readonly #lost = new Map<Hash, LedgerEntry[]>()

  /** `before`: what came of the same account by POP3. */
  constructor(entries: readonly LedgerEntry[], before: readonly LedgerEntry[] = []) {
    const known = before.length === 0 ? undefined : new Set(entries.map(({ hash }) => hash))
    // What has a name by IMAP already is known by that.
    this.#entries = [...entries, ...before.filter(({ hash }) => known?.has(hash) === false)]
    for (const entry of entries) this.#add(entry)
  }

  /** Whether anything came before. */
  get isEmpty(): boolean {
    return this.#entries.length === 0
  }

  /** The row of a message; undefined: it is new. `octets`: the size that the server lists now, which must be that of then (law 3). */
  find(place: ImapPlace, uid: number, octets?: number): LedgerEntry | undefined {
    for (const key of keysOf(place)) {
      const entry = this.#places
        .get(key)
        ?.get(`${place.uidValidity}/${uid}`)
        ?.findLast(
          ({ listed, size, hash }) =>
            octets === undefined || (hash === '' && listed === undefined) || octets === (listed ?? size),
        )
      if (entry === undefined) continue
      this.#matched.add(entry)
      return entry
    }
    return undefined
  }

  /** What was just written to the ledger. */
  add(entry: LedgerEntry): void {
    this.#entries.push(entry)
    this.#bySize = undefined
    this.#matched.add(entry)
    this.#add(entry)
  }

  /** Rows of messages of ours with this id, wherever they stood. */
  withEmailId(emailId: string): readonly LedgerEntry[] {
    return emailId === '' ? [] : (this.#byEmailId.get(emailId) ?? [])
  }

  /** Rows of messages of ours of this size that nothing on the server was matched with yet. */
  ofSize(octets: number): readonly LedgerEntry[] {
    this.#bySize ??= Map.groupBy(
      this.#entries.filter(({ hash }) => hash !== ''),
      ({ listed, size }) => listed ?? size,
    )
    return (this.#bySize.get(octets) ?? []).filter((entry) => !this.#matched.has(entry))
  }

  isMatched(entry: LedgerEntry): boolean {
    return this.#matched.has(entry)
  }

  /** This message has another name now: its row is nobody else's. */
  match(entry: LedgerEntry): void {
    this.#matched.add(entry)
  }

  /** Rows of a place whose messages have gone from it: under other names they may be somewhere, and what comes is held against them. */
  lose(gone: (name: ImapName) => boolean): void {
    for (const entry of this.#entries) {
      if (entry.hash === '' || this.#matched.has(entry)) continue
      const name = imapName(entry.uniqueId)
      // By POP3 there is nothing more to come.
      if (name !== undefined && !gone(name)) continue
      const same = this.#lost.get(entry.hash)
      if (same === undefined) this.#lost.set(entry.hash, [entry])
      else same.push(entry)
    }
  }

  /** The row of a message with these octets that is where it was no more; each is given once. */
  adopt(hash: Hash): LedgerEntry | undefined {
    const same = this.#lost.get(hash)
    for (let entry = same?.pop(); entry !== undefined; entry = same?.pop()) {
      if (this.#matched.has(entry)) continue
      this.#matched.add(entry)
      return entry
    }
    return undefined
  }

  #add(entry: LedgerEntry): void {
    const name = imapName(entry.uniqueId)
    if (name === undefined) return
    const { mailbox, uidValidity, uid, emailId } = name
    const numbers = `${uidValidity}/${uid}`
    const place = this.#places.get(mailbox) ?? new Map<string, LedgerEntry[]>()
    this.#places.set(mailbox, place)
    const same = place.get(numbers)
    if (same === undefined) place.set(numbers, [entry])
    else same.push(entry)
    if (emailId === '' || entry.hash === '') return
    const twins = this.#byEmailId.get(emailId)
    if (twins === undefined) this.#byEmailId.set(emailId, [entry])
    else twins.push(entry)
  }
}

/** A mailbox is known by its id where it has one; what came before it had one is known by its name. */
export function keysOf({ path, id }: Pick<ImapPlace, 'path' | 'id'>): string[] {
  return id === undefined ? [`=${path}`] : [`#${id}`, `=${path}`]
}
