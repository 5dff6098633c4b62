import { MisuseError } from '../errors.ts'
import type { Hash, HoldId, MailboxId, MessageId, ModSeq, UniqueId } from '../ids.ts'
import { holdsAll } from './holding.ts'
import { rowsOf } from './maildrop-rows.ts'
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
  View,
} from './store.ts'

/** A maildrop of a device, with what is hidden there. */
export interface MemoryDevice extends Omit<Device, 'hidden'> {
  readonly hidden: Set<MessageId>
}

/** The index of the memory store as it is read: maps. What changes them is in `MemoryIndex`. */
export abstract class MemoryView implements View {
  modseq = 0 as ModSeq
  protected readonly mailboxesByName: Map<string, Mailbox> = new Map()
  protected readonly messagesById: Map<MessageId, Message> = new Map()
  protected readonly addedAt: Map<MessageId, ModSeq> = new Map()
  protected readonly removedAt: Map<MessageId, ModSeq> = new Map()
  protected readonly bodies: Map<Hash, Uint8Array> = new Map()
  /** By account and key of the ledger. */
  protected readonly heads: Map<string, string> = new Map()
  protected readonly ways: Map<string, Map<string, LedgerEntry>> = new Map()
  protected readonly troublesByName: Map<string, Trouble> = new Map()
  protected readonly uniqueIds: Set<UniqueId> = new Set()
  protected readonly devicesByName: Map<string, MemoryDevice> = new Map()
  protected readonly holdsById: Map<HoldId, Hold> = new Map()
  /** The messages of each that is in force. */
  protected readonly held: Map<HoldId, ReadonlySet<MessageId>> = new Map()
  protected allowed: number | undefined
  protected next = 1

  nextMessage(): number {
    return this.next
  }

  nextMailbox(): number {
    return this.mailboxesByName.size + 1
  }

  nextHold(): HoldId {
    return (this.holdsById.size + 1) as HoldId
  }

  heldBy(hold: HoldId): MessageId[] {
    return [...(this.held.get(hold) ?? [])].toSorted((a, b) => a - b)
  }

  octets(): number {
    return this.mailboxes().reduce((sum, { octets }) => sum + octets, 0)
  }

  quota(): number | undefined {
    return this.allowed
  }

  holds(): Hold[] {
    return [...this.holdsById.values()]
  }

  holdsOn(id: MessageId): Hold[] {
    return this.inForce().filter((hold) => holdsAll(hold) || this.held.get(hold.id)?.has(id) === true)
  }

  body(hash: Hash): Uint8Array | undefined {
    return this.bodies.get(hash)
  }

  uniqueIdTaken(uniqueId: UniqueId): boolean {
    return this.uniqueIds.has(uniqueId)
  }

  mailboxes(): Mailbox[] {
    return [...this.mailboxesByName.values()]
  }

  mailbox(name: string): Mailbox | undefined {
    return this.mailboxesByName.get(/^inbox$/i.test(name) ? 'INBOX' : name)
  }

  mailboxById(id: MailboxId): Mailbox | undefined {
    return this.mailboxes().find((mailbox) => mailbox.id === id)
  }

  message(id: MessageId): Message | undefined {
    return this.messagesById.get(id)
  }

  messages(options: MessageRange = {}): Message[] {
    const { mailbox, after = 0, before = Infinity, limit = Infinity, newest = false } = options
    const found = [...this.messagesById.values()]
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
    return [...this.devicesByName.values()]
      .map((device) => ({ ...device, hidden: device.hidden.size }))
      .toSorted((a, b) => (a.name < b.name ? -1 : 1))
  }

  hasDevice(name: string): boolean {
    return this.devicesByName.has(name)
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
    const changed = [...this.messagesById.values()]
      .filter((message) => message.modseq > since)
      .map((message): Change => ({
        id: message.id,
        modseq: message.modseq,
        message,
        added: (this.addedAt.get(message.id) ?? 0) > since,
      }))
    const removed = [...this.removedAt]
      .filter(([, modseq]) => modseq > since)
      .map(([id, modseq]): Change => ({ id, modseq, message: undefined, added: false }))
    return [...changed, ...removed].toSorted((a, b) => a.modseq - b.modseq || a.id - b.id).slice(0, limit)
  }

  ledger(account: string, after?: MessageId): LedgerEntry[] {
    const all = [...(this.ways.get(account)?.values() ?? [])]
    const wanted = after === undefined ? all : all.filter(({ message }) => message !== undefined && message > after)
    return wanted.map((entry) => this.living(entry))
  }

  ledgerSize(account: string): number {
    return this.ways.get(account)?.size ?? 0
  }

  origin(account: string, uniqueId: string, hash: Hash, nth: number): LedgerEntry | undefined {
    const entry = this.ways.get(account)?.get(ledgerKey(uniqueId, hash, nth))
    return entry && this.living(entry)
  }

  cameBy(accounts: readonly string[]): Float64Array {
    const rows = accounts.flatMap((account) => [...(this.ways.get(account)?.values() ?? [])])
    return Float64Array.from(rows.flatMap(({ message }) => message ?? [])).toSorted()
  }

  head({ account, uniqueId, hash, nth }: LedgerEntry): string | undefined {
    return this.heads.get(`${account} ${ledgerKey(uniqueId, hash, nth)}`)
  }

  troubles(account: string): Trouble[] {
    return [...this.troublesByName.values()].filter((trouble) => trouble.account === account)
  }

  protected inForce(): Hold[] {
    return this.holds().filter(({ released }) => released === undefined)
  }

  protected living(entry: LedgerEntry): LedgerEntry {
    return entry.message !== undefined && this.messagesById.has(entry.message)
      ? entry
      : { ...entry, message: undefined }
  }

  #device(name: string): MemoryDevice {
    const device = this.devicesByName.get(name)
    if (device === undefined) throw new MisuseError('usage', `there is no device ${JSON.stringify(name)}`)
    return device
  }
}

/** A row of an account's ledger by its way in. */
export function ledgerKey(uniqueId: string, hash: Hash, nth: number): string {
  return `${hash} ${nth} ${uniqueId}`
}
