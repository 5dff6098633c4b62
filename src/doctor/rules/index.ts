import type { Family } from '../rule.ts'
import { capabilities } from './capabilities.ts'
import { deletion } from './deletion.ts'
import { greeting } from './greeting.ts'
import { limits } from './limits.ts'
import { listing } from './listing.ts'
import { locking } from './locking.ts'
import { logIn } from './log-in.ts'
import { pipelining } from './pipelining.ts'
import { refusals } from './refusals.ts'
import { replies } from './replies.ts'
import { retrieval } from './retrieval.ts'
import { tls } from './tls.ts'
import { unicode } from './unicode.ts'

/** All rules, in the order they are tried: what may slow the server down comes late, what looks back on all answers last. */
export const families: readonly Family[] = [
  greeting,
  capabilities,
  tls,
  logIn,
  listing,
  retrieval,
  locking,
  pipelining,
  unicode,
  deletion,
  limits,
  refusals,
  replies,
]

/** The ids of all rules. */
export const ruleIds: readonly string[] = families.flatMap(({ rules }) => rules.map(({ id }) => id))
