import { MisuseError } from '../errors.ts'
import type { Hash, HoldId, MailboxId, MessageId, ModSeq, UniqueId } from '../ids.ts'
import { holdsAll, holdsMailbox, holdsReached, type Reached, trashedFrom } from './holding.ts'
import type { JournalIndex } from './journal-index.ts'
import { rowsOf } from './maildrop-rows.ts'
import type { HoldRecord, JournalRecord, MessageRecord } from './record.ts'
import type {
  Change,
  Device,
  Hold,
  LedgerEntry,
  Mailbox,
  MaildropRows,
  Message,
  MessageRange,
  Trouble,
} from './store.ts'

type Undo = () => void

interface MemoryDevice extends Omit<Device, 'hidden'> {
  readonly hidden: Set<MessageId>
}

/** The index of the memory store: maps, with an undo list so that a change that throws leaves no trace. */
export class MemoryIndex implements JournalIndex<Uint8Array> {
  modseq = 0 as ModSeq
  readonly #mailboxes = new Map<string, Mailbox>()
  readonly #messages = new Map<MessageId, Message>()
  readonly #addedAt = new Map<MessageId, ModSeq>()
  readonly #removedAt = new Map<MessageId, ModSeq>()
  readonly #bodies = new Map<Hash, Uint8Array>()
  /** By account and key of the ledger. */
  readonly #heads = new Map<string, string>()
  readonly #ledger = new Map<string, Map<string, LedgerEntry>>()
  readonly #troubles = new Map<string, Trouble>()
  readonly #uniqueIds = new Set<UniqueId>()
  readonly #devices = new Map<string, MemoryDevice>()
  readonly #holds = new Map<HoldId, Hold>()
  /** The messages of each that is in force. */
  readonly #held = new Map<HoldId, ReadonlySet<MessageId>>()
  #quota: number | undefined
  #next = 1
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

  nextMessage(): number {
    return this.#next
  }

  nextMailbox(): number {
    return this.#mailboxes.size + 1
  }

  nextHold(): HoldId {
    return (this.#holds.size + 1) as HoldId
  }

  heldBy(hold: HoldId): MessageId[] {
    return [...(this.#held.get(hold) ?? [])].toSorted((a, b) => a - b)
  }

  octets(): number {
    return this.mailboxes().reduce((sum, { octets }) => sum + octets, 0)
  }

  quota(): number | undefined {
    return this.#quota
  }

  holds(): Hold[] {
    return [...this.#holds.values()]
  }

  holdsOn(id: MessageId): Hold[] {
    return this.#inForce().filter((hold) => holdsAll(hold) || this.#held.get(hold.id)?.has(id) === true)
  }

  body(hash: Hash): Uint8Array | undefined {
    return this.#bodies.get(hash)
  }

  uniqueIdTaken(uniqueId: UniqueId): boolean {
    return this.#uniqueIds.has(uniqueId)
  }

  mailboxes(): Mailbox[] {
    return [...this.#mailboxes.values()]
  }

  mailbox(name: string): Mailbox | undefined {
    return this.#mailboxes.get(/^inbox$/i.test(name) ? 'INBOX' : name)
  }

  mailboxById(id: MailboxId): Mailbox | undefined {
    return this.mailboxes().find((mailbox) => mailbox.id === id)
  }

  message(id: MessageId): Message | undefined {
    return this.#messages.get(id)
  }

  messages(options: MessageRange = {}): Message[] {
    const { mailbox, after = 0, before = Infinity, limit = Infinity, newest = false } = options
    const found = [...this.#messages.values()]
      .filter(({ id, mailbox: of }) => id > after && id < before && (mailbox === undefined || of === mailbox))
      .toSorted((a, b) => a.id - b.id)
    return newest ? found.slice(Math.max(0, found.length - limit)) : found.slice(0, limit)
  }

  maildrop(device?: string, storedFrom = 0): MaildropRows {
    const inbox = this.mailbox('INBOX')
    const all = inbox === undefined ? [] : this.messages({ mailbox: inbox.id })
    const { since, hidden } = device === undefined ? { since: 1, hidden: undefined } : this.#device(device)
    const isHidden = (message: Message): boolean => hidden?.has(message.id) ?? message.hidden
    return rowsOf(all.filter((each) => each.id >= since && each.stored >= storedFrom && !isHidden(each)))
  }

  devices(): Device[] {
    return [...this.#devices.values()]
      .map((device) => ({ ...device, hidden: device.hidden.size }))
      .toSorted((a, b) => (a.name < b.name ? -1 : 1))
  }

  hasDevice(name: string): boolean {
    return this.#devices.has(name)
  }

  isHiddenFrom(device: string, id: MessageId): boolean {
    return this.#device(device).hidden.has(id)
  }

  trashed(before: number): MessageId[] {
    return this.messages().flatMap(({ id, trashed }) => (trashed !== undefined && trashed < before ? [id] : []))
  }

  hidden(device?: string): MessageId[] {
    if (device !== undefined) return [...this.#device(device).hidden].toSorted((a, b) => a - b)
    return this.messages().flatMap(({ id, hidden }) => (hidden ? [id] : []))
  }

  changes(since: ModSeq, limit?: number): Change[] {
    const changed = [...this.#messages.values()]
      .filter((message) => message.modseq > since)
      .map((message): Change => ({
        id: message.id,
        modseq: message.modseq,
        message,
        added: (this.#addedAt.get(message.id) ?? 0) > since,
      }))
    const removed = [...this.#removedAt]
      .filter(([, modseq]) => modseq > since)
      .map(([id, modseq]): Change => ({ id, modseq, message: undefined, added: false }))
    return [...changed, ...removed].toSorted((a, b) => a.modseq - b.modseq || a.id - b.id).slice(0, limit)
  }

  ledger(account: string, after?: MessageId): LedgerEntry[] {
    const all = [...(this.#ledger.get(account)?.values() ?? [])]
    const wanted = after === undefined ? all : all.filter(({ message }) => message !== undefined && message > after)
    return wanted.map((entry) => this.#living(entry))
  }

  ledgerSize(account: string): number {
    return this.#ledger.get(account)?.size ?? 0
  }

  origin(account: string, uniqueId: string, hash: Hash, nth: number): LedgerEntry | undefined {
    const entry = this.#ledger.get(account)?.get(ledgerKey(uniqueId, hash, nth))
    return entry && this.#living(entry)
  }

  cameBy(accounts: readonly string[]): Float64Array {
    const rows = accounts.flatMap((account) => [...(this.#ledger.get(account)?.values() ?? [])])
    return Float64Array.from(rows.flatMap(({ message }) => message ?? [])).toSorted()
  }

  head({ account, uniqueId, hash, nth }: LedgerEntry): string | undefined {
    return this.#heads.get(`${account} ${ledgerKey(uniqueId, hash, nth)}`)
  }

  troubles(account: string): Trouble[] {
    return [...this.#troubles.values()].filter((trouble) => trouble.account === account)
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
        this.#put(this.#mailboxes, name, { ...counts, id, name, uidValidity })
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
        const from = this.#messages.get(record.id)
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
        const gone = this.#messages.get(record.id)
        if (gone !== undefined) this.#count(gone.mailbox, -1, gone.octets)
        this.#put(this.#messages, record.id, undefined)
        this.#put(this.#removedAt, record.id, record.modseq)
        for (const name of this.#devices.keys()) this.#hideFrom(name, record.id, false)
        break
      }
      case 'device': {
        const { name, since, created } = record
        this.#put(this.#devices, name, { name, since, created, hidden: new Set() })
        break
      }
      case 'device-hide':
        this.#hideFrom(record.device, record.id, record.hidden)
        break
      case 'device-remove':
        this.#put(this.#devices, record.name, undefined)
        break
      case 'know': {
        const { account, uniqueId, hash, nth, listed, size, stored, message, head } = record
        this.#note({ account, uniqueId, nth, listed, head, hash, size, stored, message })
        if (message !== undefined) this.#reach(message, { account })
        break
      }
      case 'relist': {
        const rows = this.#ledger.get(record.account)
        const key = ledgerKey(record.uniqueId, record.hash, record.nth)
        const row = rows?.get(key)
        if (rows !== undefined && row !== undefined) this.#put(rows, key, { ...row, listed: record.listed })
        break
      }
      case 'trouble': {
        const { account, uniqueId, attempts, why, next } = record
        this.#put(
          this.#troubles,
          JSON.stringify([account, uniqueId]),
          attempts === 0 ? undefined : { account, uniqueId, attempts, why, next },
        )
        break
      }
      case 'quota': {
        const quota = this.#quota
        this.#undo?.push(() => (this.#quota = quota))
        this.#quota = record.octets
        break
      }
      case 'hold':
        this.#hold(record)
        break
      case 'release': {
        const { hold, note, by, released: at } = record
        const held = this.#holds.get(hold)
        if (held !== undefined) this.#put(this.#holds, hold, { ...held, released: { note, by, at } })
        this.#put(this.#held, hold, undefined)
        break
      }
    }
  }

  #add(record: MessageRecord, body: Uint8Array | undefined): void {
    const { id, mailbox, uid, modseq, uniqueId, hash, size, octets, lineEnds, received, flags, origin, stored } = record
    const { crc, dots = true, surrogate } = record
    this.#put(this.#messages, id, {
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
    this.#put(this.#addedAt, id, modseq)
    this.#count(mailbox, 1, octets, uid + 1)
    this.#reach(id, { mailbox: this.mailboxById(mailbox)?.name, account: origin?.account })
    if (body !== undefined) this.#put(this.#bodies, hash, body)
    this.#uniqueIds.add(uniqueId)
    const next = this.#next
    this.#undo?.push(() => {
      this.#uniqueIds.delete(uniqueId)
      this.#next = next
    })
    this.#next = Math.max(this.#next, id + 1)
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
    this.#put(this.#holds, id, hold)
    const all = this.messages().filter(isOn)
    this.#put(this.#held, id, new Set(all.map((one) => one.id)))
  }

  #inForce(): Hold[] {
    return this.holds().filter(({ released }) => released === undefined)
  }

  #reach(message: MessageId, reached: Reached): void {
    if (!this.#messages.has(message)) return
    for (const hold of this.#inForce())
      if (holdsReached(hold, reached))
        this.#put(this.#held, hold.id, new Set([...(this.#held.get(hold.id) ?? []), message]))
  }

  #note({ head, ...entry }: LedgerEntry & { readonly head?: string | undefined }): void {
    const rows = this.#ledger.get(entry.account) ?? new Map<string, LedgerEntry>()
    this.#ledger.set(entry.account, rows)
    const key = ledgerKey(entry.uniqueId, entry.hash, entry.nth)
    this.#put(rows, key, entry)
    this.#put(this.#heads, `${entry.account} ${key}`, head)
  }

  #living(entry: LedgerEntry): LedgerEntry {
    return entry.message !== undefined && this.#messages.has(entry.message) ? entry : { ...entry, message: undefined }
  }

  #device(name: string): MemoryDevice {
    const device = this.#devices.get(name)
    if (device === undefined) throw new MisuseError('usage', `there is no device ${JSON.stringify(name)}`)
    return device
  }

  #hideFrom(name: string, id: MessageId, hide: boolean): void {
    const hidden = this.#devices.get(name)?.hidden
    if (hidden === undefined || hidden.has(id) === hide) return
    const set = (to: boolean): unknown => (to ? hidden.add(id) : hidden.delete(id))
    set(hide)
    this.#undo?.push(() => set(!hide))
  }

  #update(id: MessageId, change: Partial<Message>): void {
    const message = this.#messages.get(id)
    if (message !== undefined) this.#put(this.#messages, id, { ...message, ...change })
  }

  /** `by`: so many messages more, of so many octets each. */
  #count(id: MailboxId, by: number, octets: number, uidNext = 0): void {
    for (const [name, mailbox] of this.#mailboxes) {
      if (mailbox.id !== id) continue
      this.#put(this.#mailboxes, name, {
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

function ledgerKey(uniqueId: string, hash: Hash, nth: number): string {
  return `${hash} ${nth} ${uniqueId}`
}
