import type { MailboxId, MessageId } from '../ids.ts'
import { holdsMailbox, holdsReached, type Reached, trashedFrom } from './holding.ts'
import type { JournalIndex } from './journal-index.ts'
import { ledgerKey, MemoryView } from './memory-view.ts'
import type { HoldRecord, JournalRecord, MessageRecord } from './record.ts'
import type { Hold, LedgerEntry, Message } from './store.ts'

type Undo = () => void

/** The index of the memory store, with an undo list so that a change that throws leaves no trace. */
export class MemoryIndex extends MemoryView implements JournalIndex<Uint8Array> {
  #undo: Undo[] | undefined

  /** Runs `work`; when it throws, takes back what it applied. */
  attempt<T>(work: () => T): T {
    this.#undo = []
    try {
      return work()
    } catch (error) {
      for (const undo of this.#undo.toReversed()) undo()
      throw error
    } finally {
      this.#undo = undefined
    }
  }

  apply(record: JournalRecord, body?: Uint8Array): void {
    const before = this.modseq
    this.#undo?.push(() => (this.modseq = before))
    this.modseq = record.modseq
    switch (record.t) {
      case 'mailbox': {
        const { id, name, uidValidity } = record
        // One that is there already is what it was.
        const counts = this.mailboxById(id) ?? { uidNext: 1, messages: 0, octets: 0 }
        this.#put(this.mailboxesByName, name, { ...counts, id, name, uidValidity })
        break
      }
      case 'message':
        this.#add(record, body)
        break
      case 'flags':
      case 'hide':
        this.#update(
          record.id,
          record.t === 'flags'
            ? { modseq: record.modseq, flags: record.flags }
            : { modseq: record.modseq, hidden: record.hidden },
        )
        break
      case 'move': {
        const from = this.messagesById.get(record.id)
        if (from !== undefined) this.#count(from.mailbox, -1, from.octets)
        this.#count(record.mailbox, 1, from?.octets ?? 0, record.uid + 1)
        this.#update(record.id, {
          modseq: record.modseq,
          mailbox: record.mailbox,
          uid: record.uid,
          trashed: record.trashed,
          trashedFrom: trashedFrom(record),
        })
        this.#reach(record.id, { mailbox: this.mailboxById(record.mailbox)?.name })
        break
      }
      case 'remove': {
        const gone = this.messagesById.get(record.id)
        if (gone !== undefined) this.#count(gone.mailbox, -1, gone.octets)
        this.#put(this.messagesById, record.id, undefined)
        this.#put(this.removedAt, record.id, record.modseq)
        for (const name of this.devicesByName.keys()) this.#hideFrom(name, record.id, false)
        break
      }
      case 'device': {
        const { name, since, created } = record
        this.#put(this.devicesByName, name, { name, since, created, hidden: new Set() })
        break
      }
      case 'device-hide':
        this.#hideFrom(record.device, record.id, record.hidden)
        break
      case 'device-remove':
        this.#put(this.devicesByName, record.name, undefined)
        break
      case 'know': {
        const { account, uniqueId, hash, nth, listed, size, stored, message, head } = record
        this.#note({ account, uniqueId, nth, listed, head, hash, size, stored, message })
        if (message !== undefined) this.#reach(message, { account })
        break
      }
      case 'relist': {
        const rows = this.ways.get(record.account)
        const key = ledgerKey(record.uniqueId, record.hash, record.nth)
        const row = rows?.get(key)
        if (rows !== undefined && row !== undefined) this.#put(rows, key, { ...row, listed: record.listed })
        break
      }
      case 'trouble': {
        const { account, uniqueId, attempts, why, next } = record
        this.#put(
          this.troublesByName,
          JSON.stringify([account, uniqueId]),
          attempts === 0 ? undefined : { account, uniqueId, attempts, why, next },
        )
        break
      }
      case 'quota': {
        const quota = this.allowed
        this.#undo?.push(() => (this.allowed = quota))
        this.allowed = record.octets
        break
      }
      case 'hold':
        this.#hold(record)
        break
      case 'release': {
        const { hold, note, by, released: at } = record
        const held = this.holdsById.get(hold)
        if (held !== undefined) this.#put(this.holdsById, hold, { ...held, released: { note, by, at } })
        this.#put(this.held, hold, undefined)
        break
      }
    }
  }

  #add(record: MessageRecord, body: Uint8Array | undefined): void {
    const { id, mailbox, uid, modseq, uniqueId, hash, size, octets, lineEnds, received, flags, origin, stored } = record
    const { crc, dots = true, surrogate } = record
    this.#put(this.messagesById, id, {
      id,
      mailbox,
      uid,
      modseq,
      uniqueId,
      hash,
      size,
      octets,
      lineEnds,
      crc,
      dots,
      surrogate,
      received,
      stored,
      flags,
      hidden: false,
      trashed: undefined,
      trashedFrom: undefined,
    })
    this.#put(this.addedAt, id, modseq)
    this.#count(mailbox, 1, octets, uid + 1)
    this.#reach(id, { mailbox: this.mailboxById(mailbox)?.name, account: origin?.account })
    if (body !== undefined) this.#put(this.bodies, hash, body)
    this.uniqueIds.add(uniqueId)
    const next = this.next
    this.#undo?.push(() => {
      this.uniqueIds.delete(uniqueId)
      this.next = next
    })
    this.next = Math.max(this.next, id + 1)
    if (origin !== undefined) this.#note({ ...origin, hash, size, stored, message: id })
  }

  #hold({ hold: id, mailbox, accounts, message, why, by, placed, also = [] }: HoldRecord): void {
    const hold: Hold = { id, mailbox, accounts, message, why, by, placed, released: undefined }
    const came = new Set(
      (accounts ?? []).flatMap((account) => this.ledger(account).flatMap((row) => row.message ?? [])),
    )
    const names = new Map(this.mailboxes().map((each) => [each.id, each.name]))
    const had = new Set([...this.heldBy(id), ...also])
    const isOn = (one: Message): boolean =>
      one.id === message || had.has(one.id) || came.has(one.id) || holdsMailbox(hold, names.get(one.mailbox) ?? '')
    this.#put(this.holdsById, id, hold)
    const all = this.messages().filter(isOn)
    this.#put(this.held, id, new Set(all.map((one) => one.id)))
  }

  #reach(message: MessageId, reached: Reached): void {
    if (!this.messagesById.has(message)) return
    for (const hold of this.inForce())
      if (holdsReached(hold, reached))
        this.#put(this.held, hold.id, new Set([...(this.held.get(hold.id) ?? []), message]))
  }

  #note({ head, ...entry }: LedgerEntry & { readonly head?: string | undefined }): void {
    const rows = this.ways.get(entry.account) ?? new Map<string, LedgerEntry>()
    this.ways.set(entry.account, rows)
    const key = ledgerKey(entry.uniqueId, entry.hash, entry.nth)
    this.#put(rows, key, entry)
    this.#put(this.heads, `${entry.account} ${key}`, head)
  }

  #hideFrom(name: string, id: MessageId, hide: boolean): void {
    const hidden = this.devicesByName.get(name)?.hidden
    if (hidden === undefined || hidden.has(id) === hide) return
    const set = (to: boolean): unknown => (to ? hidden.add(id) : hidden.delete(id))
    set(hide)
    this.#undo?.push(() => set(!hide))
  }

  #update(id: MessageId, change: Partial<Message>): void {
    const message = this.messagesById.get(id)
    if (message !== undefined) this.#put(this.messagesById, id, { ...message, ...change })
  }

  /** `by`: so many messages more, of so many octets each. */
  #count(id: MailboxId, by: number, octets: number, uidNext = 0): void {
    for (const [name, mailbox] of this.mailboxesByName) {
      if (mailbox.id !== id) continue
      this.#put(this.mailboxesByName, name, {
        ...mailbox,
        messages: mailbox.messages + by,
        octets: mailbox.octets + by * octets,
        uidNext: Math.max(mailbox.uidNext, uidNext),
      })
    }
  }

  #put<K, V>(map: Map<K, V>, key: K, value: V | undefined): void {
    const before = map.get(key)
    this.#undo?.push(() => (before === undefined ? map.delete(key) : map.set(key, before)))
    if (value === undefined) map.delete(key)
    else map.set(key, value)
  }
}
