import type { Examination } from './examination.ts'
import { quoted, type Reply } from './reply.ts'

/** How binding a rule is (RFC 2119). `informative`: worth knowing; it cannot be broken. */
export type Level = 'must' | 'should' | 'informative'

/** What came of trying a rule. */
export type Verdict =
  | { readonly result: 'holds'; readonly seen?: string }
  | { readonly result: 'fails'; readonly seen: string }
  /** It could not be tried here; `why` says what was wanting. */
  | { readonly result: 'untried'; readonly why: string }

/** One rule that a POP3 server keeps or breaks. */
export interface Rule {
  /** Never changes: others name it in their own tests. */
  readonly id: string
  /** Where it is written: `RFC 1939 §5`. */
  readonly section: string
  readonly level: Level
  /** Changes the maildrop, may set off a lock-out, or strains the server: tried only where that is permitted. */
  readonly destructive?: true
  /** What must hold, one sentence. */
  readonly holds: string
  /** What it means for a client where it does not hold (or, of an informative rule, in any case), one sentence. */
  readonly means: string
  /** May throw `Untried`; a PeerError that it lets through (silence, a lost connection) means that the rule does not hold. */
  readonly check: (exam: Examination) => Promise<Verdict>
}

/** Rules about one thing. They are tried in their order. */
export interface Family {
  readonly name: string
  readonly title: string
  readonly rules: readonly Rule[]
}

/** Thrown where a rule cannot be tried. */
export class Untried extends Error {
  override readonly name = 'Untried'
}

export function holds(seen?: string): Verdict {
  return seen === undefined ? { result: 'holds' } : { result: 'holds', seen }
}

export function fails(seen: string): Verdict {
  return { result: 'fails', seen }
}

/** Fails with the first thing that was seen to be wrong; holds where there is none. */
export function unless(faults: readonly string[], seen?: string): Verdict {
  const [first] = faults
  if (first === undefined) return holds(seen)
  return fails(faults.length === 1 ? first : `${first} (and ${faults.length - 1} more)`)
}

/** Holds where the answer is a -ERR. */
export function refused(reply: Reply, command: string): Verdict {
  return reply.status === '-ERR' ? holds() : fails(`${command}: ${quoted(reply.line)}`)
}

/** Holds where the answer is a +OK. */
export function granted(reply: Reply, command: string): Verdict {
  return reply.status === '+OK' ? holds() : fails(`${command}: ${quoted(reply.line)}`)
}
