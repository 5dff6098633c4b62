import type { SQLOutputValue } from 'node:sqlite'
import { StoreError } from '../errors.ts'
import type { Hash, HoldId, MailboxId, MessageId, ModSeq, Uid, UniqueId } from '../ids.ts'
import type { BodyPlace } from './segment.ts'
import {
  maildropForm,
  type Change,
  type Device,
  type Hold,
  type LedgerEntry,
  type Mailbox,
  type Message,
  type Trouble,
} from './store.ts'

/** One row as SQLite gives it; the functions here turn it into our types, and say `damaged` where it is not what was written. */
export type Row = Record<string, SQLOutputValue>
/** One row as an array, where there are too many for objects. */
export type Values = readonly SQLOutputValue[]

export function number(value: SQLOutputValue | undefined): number {
  if (typeof value === 'number') return value
  throw new StoreError('damaged', `index.sqlite holds ${JSON.stringify(value)} where a number must be`)
}

export function hash(value: SQLOutputValue | undefined): Hash {
  if (value instanceof Uint8Array)
    return Buffer.from(value.buffer, value.byteOffset, value.length).toString('hex') as Hash
  throw new StoreError('damaged', `index.sqlite holds ${JSON.stringify(value)} where a hash must be`)
}

export function octets(value: SQLOutputValue | undefined): Uint8Array {
  if (value instanceof Uint8Array) return value
  throw new StoreError('damaged', `index.sqlite holds ${JSON.stringify(value)} where octets must be`)
}

/** The last hash that was asked for: a message that is added asks for its own several times. */
let last: { readonly hash: string; readonly octets: Uint8Array } = { hash: '', octets: new Uint8Array() }

export function hashBytes(value: Hash): Uint8Array {
  if (last.hash !== value) last = { hash: value, octets: Buffer.from(value, 'hex') }
  return last.octets
}

function text(value: SQLOutputValue | undefined): string {
  if (typeof value === 'string') return value
  throw new StoreError('damaged', `index.sqlite holds ${JSON.stringify(value)} where a text must be`)
}

function optional(value: SQLOutputValue | undefined): number | undefined {
  return value === null ? undefined : number(value)
}

/** From `segment, start, size, at, length, coded, generation`. */
export function place(row: Row): BodyPlace {
  const { segment, start, size, at, length, coded, generation } = row
  return {
    segment: number(segment),
    generation: optional(generation ?? null),
    start: number(start),
    size: number(size),
    piece: (at ?? null) === null ? undefined : { at: number(at), length: number(length), coded: number(coded) === 1 },
  }
}

/** From `hash in hex` and what `place` takes. */
export function bodyOf([hexHash, ...values]: Values): { hash: Hash; place: BodyPlace } {
  const [segment, start, size, at, length, coded, generation] = values
  const row = { segment, start, size, at, length, coded, generation } as Row
  return { hash: text(hexHash) as Hash, place: place(row) }
}

export function mailbox(row: Row): Mailbox {
  return {
    id: number(row['id']) as MailboxId,
    name: text(row['name']),
    uidValidity: number(row['uid_validity']),
    uidNext: number(row['uid_next']),
    messages: number(row['messages']),
    octets: number(row['octets']),
  }
}

export function message(row: Row): Message {
  const flags = text(row['flags'])
  const form = number(row['form'])
  return {
    id: number(row['id']) as MessageId,
    mailbox: number(row['mailbox']) as MailboxId,
    uid: number(row['uid']) as Uid,
    modseq: number(row['modseq']) as ModSeq,
    uniqueId: text(row['unique_id']) as UniqueId,
    hash: hash(row['hash']),
    size: number(row['size']),
    octets: number(row['octets']),
    lineEnds: (form & maildropForm.lf) === 0 ? 'crlf' : 'lf',
    crc: optional(row['crc']),
    dots: (form & maildropForm.noDots) === 0,
    surrogate: optional(row['surrogate']),
    received: number(row['received']),
    stored: number(row['stored']),
    flags: flags === '' ? [] : flags.split(' '),
    hidden: number(row['hidden']) === 1,
    trashed: optional(row['trashed']),
    trashedFrom: optional(row['trashed_from']) as MailboxId | undefined,
  }
}

export function hold(row: Row): Hold {
  const { mailbox: name, accounts, note } = row
  return {
    id: number(row['id']) as HoldId,
    mailbox: name === null ? undefined : text(name),
    accounts: accounts === null ? undefined : (JSON.parse(text(accounts)) as string[]),
    message: optional(row['message']) as MessageId | undefined,
    why: text(row['why']),
    by: text(row['placed_by']),
    placed: number(row['placed']),
    released:
      note === null ? undefined : { note: text(note), by: text(row['released_by']), at: number(row['released']) },
  }
}

export function device(row: Row): Device {
  return {
    name: text(row['name']),
    since: number(row['since']) as MessageId,
    created: number(row['created']),
    hidden: number(row['hidden']),
  }
}

/** From `id`. */
export function messageId([id]: Values): MessageId {
  return number(id) as MessageId
}

export function change(row: Row, since: ModSeq): Change {
  const changed = message(row)
  return { id: changed.id, modseq: changed.modseq, message: changed, added: number(row['added']) > since }
}

export function removal(row: Row): { id: MessageId; modseq: ModSeq } {
  return { id: number(row['id']) as MessageId, modseq: number(row['modseq']) as ModSeq }
}

/** From `unique_id, hash in hex, nth, listed, size, stored, message`. */
export function ledgerEntry(account: string, row: Values): LedgerEntry {
  const [uniqueId, hexHash, nth, listed, size, stored, message] = row
  return {
    account,
    uniqueId: text(uniqueId),
    hash: text(hexHash) as Hash,
    nth: number(nth),
    listed: typeof listed === 'number' ? listed : undefined,
    size: number(size),
    stored: number(stored),
    message: typeof message === 'number' ? (message as MessageId) : undefined,
  }
}

export function trouble(row: Row): Trouble {
  return {
    account: text(row['account']),
    uniqueId: text(row['unique_id']),
    attempts: number(row['attempts']),
    why: text(row['why']),
    next: number(row['next']),
  }
}
