import { hash } from 'node:crypto'
import { join } from 'node:path'
import { usersOf } from '../accounts/account-users.ts'
import type { Account } from '../accounts/directory.ts'
import { handOnSecretName, type HandOnTarget, needsSecret, parseHandOnTarget } from '../accounts/hand-on-target.ts'
import type { Message, UserMail, View } from '../store/store.ts'
import { handOn, type HandOnReport } from '../doors/hand-on.ts'
import { handOnAccount, type Route, wayIn } from '../doors/hand-on-book.ts'
import type { HandOnSecret } from '../doors/hand-on-log-in.ts'
import { handOnDue, handOnState, type HandOnState } from '../doors/hand-on-state.ts'
import type { Patience } from '../doors/pop3-connection.ts'
import { PeerError, PostinoError } from '../errors.ts'
import { count } from './amounts.ts'
import type { Fetching } from './fetch-account.ts'
import { holding } from './locks.ts'

export interface HandOnTask {
  /** Leave in peace what failed lately, as a schedule should. */
  readonly backOff?: boolean
  readonly signal?: AbortSignal
  readonly patience?: Patience
  readonly settle?: number
  readonly now?: () => number
  /** Told of each message that was handed on, with the target's words. */
  readonly onHanded?: (target: string, message: Message, reply: string) => void
}

/** What became of handing on to one target. */
export interface HandOnOutcome {
  readonly target: string
  readonly report: HandOnReport
}

/** Hands on what an account brought in, to all its targets side by side: one that is down holds up no other. */
export async function handOnAll(parts: Fetching, account: Account, task: HandOnTask): Promise<HandOnOutcome[]> {
  const entries = account.options.handOn ?? []
  return await Promise.all(
    entries.map(async ({ url, since }): Promise<HandOnOutcome> => {
      let target: HandOnTarget | undefined
      try {
        target = parseHandOnTarget(url)
        const route = { ...routeOf(account, target), since }
        const file = handOnLockFile(parts.data, target)
        const why = `mail is being handed on to ${target.name} by another postino process; try again later`
        const waiting = task.signal === undefined ? {} : { signal: task.signal }
        const work = (): Promise<HandOnReport> =>
          holding(file, why, () => handOnFor(parts, account, route, task), waiting)
        return { target: target.name, report: await inTurn(file, work) }
      } catch (fault) {
        const error = task.signal?.aborted === true ? new PeerError('connection-lost', 'stopped') : fault
        if (!(error instanceof PostinoError)) throw error
        const report = { handed: 0, refused: 0, waiting: 0, problems: [], error }
        return { target: target?.name ?? 'a target that makes no sense', report }
      }
    }),
  )
}

/** How handing on stands for each target of an account, in the mail of one user. */
export function handOnStates(view: View, account: Account, now: number): HandOnState[] {
  return (account.options.handOn ?? []).map(({ url, since }) =>
    handOnState(view, { ...routeOf(account, parseHandOnTarget(url)), since }, now),
  )
}

/** When something is to be tried next for any target of an account, milliseconds since 1970; Infinity: there is nothing to do. */
export function handOnNext(view: View, account: Account, now: number): number {
  const times = (account.options.handOn ?? []).map(
    ({ url, since }) => handOnDue(view, { ...routeOf(account, parseHandOnTarget(url)), since }, now) ?? Infinity,
  )
  return Math.min(...times)
}

/** What became of it in one line, where there is something to tell. `fault`: what ended it early, in words. */
export function handOnLine({ target, report }: HandOnOutcome, fault: string | undefined): string | undefined {
  const { handed, refused, waiting } = report
  if (handed === 0 && refused === 0 && waiting === 0 && fault === undefined) return undefined
  const words = [`${count(handed)} handed on to ${target}`]
  if (refused > 0) words.push(`${count(refused)} not taken there, to be tried again`)
  if (waiting > 0) words.push(`${count(waiting)} waiting`)
  return `${words.join(', ')}${fault === undefined ? '' : `; ${fault}`}`
}

/** The lock of whoever hands on to a target: two at once could not tell whose message is there. */
function handOnLockFile(data: string, target: HandOnTarget): string {
  return join(data, 'locks', `hand-on-${hash('sha256', target.name).slice(0, 32)}`)
}

/** By lock, the last that waits for it in this process: two accounts may go to one target, and neither gives up for the other. */
const turns = new Map<string, Promise<unknown>>()

async function inTurn<T>(name: string, work: () => Promise<T>): Promise<T> {
  const turn = (turns.get(name) ?? Promise.resolve()).then(work)
  const settled = turn.catch(() => undefined)
  turns.set(name, settled)
  try {
    return await turn
  } finally {
    if (turns.get(name) === settled) turns.delete(name)
  }
}

function routeOf({ address }: Account, target: HandOnTarget): Omit<Route, 'since'> {
  return { address, accounts: [`pop3:${address}`, `imap:${address}`], target }
}

/** In the mail of each user who has some of it. What is with several of them goes once. */
async function handOnFor(parts: Fetching, account: Account, route: Route, task: HandOnTask): Promise<HandOnReport> {
  const { onHanded, ...rest } = task
  const { target } = route
  const secret = needsSecret(target) ? secretFor(parts, account.address, target) : undefined
  const total = { handed: 0, refused: 0, waiting: 0, problems: [] as string[] }
  const elsewhere = new Map<string, boolean>()
  const users = usersOf(account).filter((user) => parts.directory.user(user) !== undefined)
  for (const [place, user] of users.entries()) {
    const mail = await parts.open(user)
    const report = await handOn({
      ...route,
      ...rest,
      mail,
      secret,
      ...(place > 0 && { elsewhere }),
      ...(onHanded && { onHanded: (message, reply) => onHanded(target.name, message, reply) }),
    })
    total.handed += report.handed
    total.refused += report.refused
    total.waiting += report.waiting
    total.problems.push(...report.problems)
    if (report.error !== undefined) return { ...total, error: report.error }
    if (users.length > 1) await noteWaysIn(mail, route, elsewhere)
  }
  return { ...total, error: undefined }
}

/** Notes by which ways the messages came in that this user has, and which of them were handed on. */
async function noteWaysIn(mail: UserMail, route: Route, elsewhere: Map<string, boolean>): Promise<void> {
  await mail.read((view) => {
    const handed = new Set(
      view.ledger(handOnAccount(route.address, route.target)).flatMap(({ message }) => message ?? []),
    )
    for (const entry of route.accounts.flatMap((name) => view.ledger(name)))
      if (entry.message !== undefined) elsewhere.set(wayIn(entry), handed.has(entry.message))
  })
}

function secretFor({ directory, secrets }: Fetching, address: string, target: HandOnTarget): HandOnSecret | undefined {
  const sealed = directory.namedSecret(address, handOnSecretName(target))
  return sealed === undefined ? undefined : { password: secrets.unseal(address, sealed) }
}
