import type { Hash, MessageId } from '../ids.ts'
import type { BadBody } from './check-bodies.ts'
import type { Difference } from './check-journal.ts'
import { leftSegment } from './sqlite-bodies.ts'

/**
 * What helps. `none`: nothing is needed, for no mail hangs on it. `octets`: the same octets from elsewhere. `journal`: the index has it
 * still, and can write it into the segments again. `rebuild`: the index is to be made again.
 */
export type Remedy = 'none' | 'octets' | 'journal' | 'rebuild'

/** Something that is not as it must be. */
export interface Problem {
  readonly path: string
  /** Octets from the start of the file. */
  readonly offset?: number
  readonly message?: MessageId
  /** Of the octets that are bad. */
  readonly hash?: Hash
  readonly what: string
  readonly remedy: Remedy
  /** What of it the index and the segments have otherwise. */
  readonly columns?: readonly string[]
}

/** What a bad body is for each message that has it. */
export function problemsOf({ path, segment, start, messages, hash, why }: BadBody): Problem[] {
  const left = segment === leftSegment
  const bad = { path, hash, ...(!left && { offset: start }) }
  // Such octets leave when the mail is settled.
  if (messages.length === 0 && !left) return [{ ...bad, what: `octets of a removed message: ${why}`, remedy: 'none' }]
  return messages.map((message) => ({
    ...bad,
    message,
    what: left ? why : 'the octets of this message do not match its hash',
    remedy: 'octets',
  }))
}

/** `damaged`: the segments are. Then what only the index knows is right; where they are whole, they are right and it is not. */
export function problemOf(index: string, difference: Difference, damaged: boolean): Problem {
  const { kind, what, message, columns, known } = difference
  const isRewritten = rewritable.has(kind) || (kind === 'state' && columns.includes('quota'))
  const remedy = !damaged || known === 'journal' ? 'rebuild' : isRewritten ? 'journal' : 'none'
  const about = message === undefined ? {} : { message, ...(columns.length > 0 && { columns }) }
  return { path: index, what, remedy, ...about }
}

/** What `repairMail` writes again. */
const rewritable = new Set(['message', 'mailbox', 'ledger entry', 'hold', 'held message'])
