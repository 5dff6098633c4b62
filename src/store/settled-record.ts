import type { Hash, MailboxId, MessageId, ModSeq, Uid } from '../ids.ts'
import type { Origin } from './store.ts'

/**
 * What stands only in settled segments, between the records of the journal: where octets are now, and what is left of messages that
 * were removed. See docs/store-format.md, "Settled segments".
 */
export type SettledRecord = RunRecord | KeptRecord | PartRecord | GoneRecord | EndRecord

/** The frames behind the batch that this record is in are a run: one stretch of content, cut into chunks. */
export interface RunRecord {
  readonly t: 'run'
  /** Octets of its content. */
  readonly size: number
  /** Octets of each frame in the segment. */
  readonly lengths: readonly number[]
}

/** A piece of a run's content, in octets. */
export interface Piece {
  readonly at: number
  readonly length: number
}

/** A body is kept here: its piece is its octets, or (`coded`) the recipe by which they are made again. */
export interface KeptRecord extends Piece {
  readonly t: 'kept'
  readonly hash: Hash
  /** Octets of the body. */
  readonly size: number
  readonly coded?: true
  /** Which parts the recipe needs; they may be in any segment. */
  readonly parts?: readonly Hash[]
}

/** A part is kept here: an attachment, decoded, by the SHA-256 of its octets. */
export interface PartRecord extends Piece {
  readonly t: 'part'
  readonly hash: Hash
}

/** Stands where a message was added that has been removed since: its numbers are not given again, its row of the ledger stays. */
export interface GoneRecord {
  readonly t: 'gone'
  readonly modseq: ModSeq
  readonly id: MessageId
  readonly mailbox: MailboxId
  readonly uid: Uid
  /** Only with `origin`, as are the next two. */
  readonly hash?: Hash
  readonly size?: number
  readonly stored?: number
  readonly origin?: Origin
}

/** The last record of a settled segment, so that one that is cut off is known. */
export interface EndRecord {
  readonly t: 'end'
  /** How long the file was before it was first settled: what the next segment's `after` means. */
  readonly raw: number
}
