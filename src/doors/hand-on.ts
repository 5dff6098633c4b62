import type { PostinoError } from '../errors.ts'
import type { ModSeq } from '../ids.ts'
import type { UserMail } from '../store/store.ts'
import { handOnAccount, noteDone, planHandOn } from './hand-on-book.ts'
import { type HandOnOptions, Round } from './hand-on-round.ts'

export type { HandOnOptions } from './hand-on-round.ts'

/** What came of handing on along one route. */
export interface HandOnReport {
  /** Messages handed on now. */
  readonly handed: number
  /** Messages that the target would not take, now or lately; they are tried again. */
  readonly refused: number
  /** Messages that have not had their turn yet. */
  readonly waiting: number
  /** What went wrong with single messages, a line each, for a person. */
  readonly problems: readonly string[]
  /** What ended it early. */
  readonly error: PostinoError | undefined
}

/** After so many more messages it is written down up to which all is done. */
const manyDone = 500

/** As of which change nothing is left to be handed on, by route. */
const nothingLeft = new WeakMap<UserMail, Map<string, ModSeq>>()

/**
 * Hands on to one target what an account brought in and the target does not have yet. A message counts as handed on once the target
 * has said so and that is durable here; what was under way when something broke is looked for before it is sent again. Resolves also
 * when it could not be done: see `error`. One at a time for each target: the caller holds a lock.
 */
export async function handOn(options: HandOnOptions): Promise<HandOnReport> {
  const { mail, address, target, since, elsewhere } = options
  const route = `${handOnAccount(address, target)} ${since}`
  if (elsewhere === undefined && nothingLeft.get(mail)?.get(route) === mail.modseq())
    return { handed: 0, refused: 0, waiting: 0, problems: [], error: undefined }
  const round = new Round(options, await mail.read((view) => planHandOn(view, options)))
  const error = await round.run()
  const after = await mail.read((view) => planHandOn(view, options))
  const { modseq, pending, troubles, underWay, done, noted } = after
  if (pending.length === 0 && underWay.length === 0) {
    const routes = nothingLeft.get(mail) ?? new Map<string, ModSeq>()
    nothingLeft.set(mail, routes.set(route, modseq))
  }
  if (done >= noted + manyDone) await mail.change((draft) => noteDone(draft, options, done))
  const refused = pending.filter(({ uniqueId }) => troubles.has(uniqueId)).length
  return { handed: round.handed, refused, waiting: pending.length - refused, problems: round.problems, error }
}
