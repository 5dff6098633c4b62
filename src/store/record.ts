import type { Hash, HoldId, MailboxId, MessageId, ModSeq, Uid, UniqueId } from '../ids.ts'
import type { Flag, HoldScope, LineEnds, Origin } from './store.ts'

/**
 * One entry of a user's journal. The journal is written into the segments, and the index is nothing but the sum of its
 * entries: the same `Index.apply` serves a live change, a recovery and a rebuild.
 */
export type JournalRecord =
  | MailboxRecord
  | MessageRecord
  | { readonly t: 'flags'; readonly modseq: ModSeq; readonly id: MessageId; readonly flags: readonly Flag[] }
  | {
      readonly t: 'move'
      readonly modseq: ModSeq
      readonly id: MessageId
      readonly mailbox: MailboxId
      readonly uid: Uid
      /** Milliseconds since 1970, where it was put into the trash. */
      readonly trashed?: number
      /** The mailbox that it was in before; not in records of an earlier Postino: INBOX. */
      readonly from?: MailboxId | undefined
    }
  | { readonly t: 'hide'; readonly modseq: ModSeq; readonly id: MessageId; readonly hidden: boolean }
  | { readonly t: 'remove'; readonly modseq: ModSeq; readonly id: MessageId }
  | DeviceRecord
  | { readonly t: 'device-remove'; readonly modseq: ModSeq; readonly name: string }
  /** Not a `hide`: an earlier Postino, which knows no devices, would hide it from everybody. */
  | {
      readonly t: 'device-hide'
      readonly modseq: ModSeq
      readonly id: MessageId
      readonly device: string
      readonly hidden: boolean
    }
  | KnowRecord
  | RelistRecord
  | TroubleRecord
  | HoldRecord
  | ReleaseRecord
  /** What may be kept, octets; without them: any. */
  | { readonly t: 'quota'; readonly modseq: ModSeq; readonly octets?: number | undefined }

export interface MailboxRecord {
  readonly t: 'mailbox'
  readonly modseq: ModSeq
  readonly id: MailboxId
  readonly name: string
  readonly uidValidity: number
}

export interface MessageRecord {
  readonly t: 'message'
  readonly modseq: ModSeq
  readonly id: MessageId
  readonly mailbox: MailboxId
  readonly uid: Uid
  readonly uniqueId: UniqueId
  readonly hash: Hash
  readonly size: number
  readonly octets: number
  readonly lineEnds: LineEnds
  /** Not in records of an earlier Postino: see `Content`. */
  readonly crc?: number | undefined
  readonly dots?: boolean
  /** Of international messages only. */
  readonly surrogate?: number | undefined
  /** Milliseconds since 1970, like `stored`. */
  readonly received: number
  readonly stored: number
  readonly flags: readonly Flag[]
  readonly origin?: Origin | undefined
  /** The octets follow this record. False: equal octets were stored before. */
  readonly body: boolean
}

/** A device's maildrop was opened. */
export interface DeviceRecord {
  readonly t: 'device'
  readonly modseq: ModSeq
  readonly name: string
  readonly since: MessageId
  /** Milliseconds since 1970. */
  readonly created: number
}

/** A row of the ledger that came with no message: see `Draft.know`. */
export interface KnowRecord extends Origin {
  readonly t: 'know'
  readonly modseq: ModSeq
  readonly hash: Hash
  readonly size: number
  /** Milliseconds since 1970. */
  readonly stored: number
  readonly message?: MessageId
}

/** A legal hold was placed; or, where it is known already, this is written down again after damage. */
export interface HoldRecord extends HoldScope {
  readonly t: 'hold'
  readonly modseq: ModSeq
  readonly hold: HoldId
  readonly why: string
  readonly by: string
  /** Milliseconds since 1970. */
  readonly placed: number
  /** Written down again: also on these, which it had got. */
  readonly also?: readonly MessageId[] | undefined
}

/** It was released. */
export interface ReleaseRecord {
  readonly t: 'release'
  readonly modseq: ModSeq
  readonly hold: HoldId
  readonly note: string
  readonly by: string
  /** Milliseconds since 1970. */
  readonly released: number
}

export interface RelistRecord {
  readonly t: 'relist'
  readonly modseq: ModSeq
  readonly account: string
  readonly uniqueId: string
  readonly hash: Hash
  readonly nth: number
  readonly listed: number
}

export interface TroubleRecord {
  readonly t: 'trouble'
  readonly modseq: ModSeq
  readonly account: string
  readonly uniqueId: string
  /** 0: the trouble is over. */
  readonly attempts: number
  readonly why: string
  readonly next: number
}
