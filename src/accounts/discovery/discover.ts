import { MisuseError, PeerError, StoreError } from '../../errors.ts'
import type { Reach } from '../../net/connect.ts'
import type { Protocol } from '../provider.ts'
import { asciiDomainOf } from '../providers.ts'
import { byAutoconfig } from './by-autoconfig.ts'
import { byIspdb, byIspdbOnline } from './by-ispdb.ts'
import { byMx } from './by-mx.ts'
import { byProbe } from './by-probe.ts'
import { byTable } from './by-provider.ts'
import { bySrv } from './by-srv.ts'
import { type Answer, type Discovery, type Found, places, type Question, type Step, type Tried } from './found.ts'
import { IspdbFolder } from './ispdb-folder.ts'
import type { Look } from './look.ts'

/** How long one step may take, and all of them, milliseconds. */
const patience = { step: 6_000, all: 25_000 }

/** How `discover` looks. */
export interface DiscoverOptions {
  /** Undefined: POP3 where there is any, else IMAP. */
  readonly protocol?: Protocol | undefined
  /** Nothing is looked for in the network. */
  readonly offline: boolean
  /** The network; the real one unless said. */
  readonly look?: Look
  /** The way that the account's connections will take, where it is not the usual one. */
  readonly reach?: Reach | undefined
  /** Thunderbird's ISPDB; the one that is shipped unless said. */
  readonly ispdb?: IspdbFolder
  /** Told each step as it begins. */
  readonly onStep?: (step: Step) => void
  /** Asked whether a server that nothing proves is the right one; unless given, it is not. */
  readonly confirm?: (found: Found) => Promise<boolean>
  readonly signal?: AbortSignal
}

/** Finds the settings to fetch an address by. Throws MisuseError where it has no domain. */
export async function discover(address: string, options: DiscoverOptions): Promise<Discovery> {
  const domain = asciiDomainOf(address)
  if (domain === undefined) throw new MisuseError('usage', `${address} has no domain to look for settings of`)
  const question: Question = { address, domain, protocol: options.protocol }
  const ispdb = options.ispdb ?? new IspdbFolder()
  const tried: Tried[] = []
  const unproved: Found[] = []
  const whole = AbortSignal.any([AbortSignal.timeout(patience.all), ...(options.signal ? [options.signal] : [])])
  const silent = new Set<Step>()
  for await (const [step, take] of steps(question, options, ispdb)) {
    options.onStep?.(step)
    const answer = await taken(step, take, whole)
    if (options.signal?.aborted === true) throw new PeerError('connection-lost', 'stopped')
    if (answer.found !== undefined) return { found: answer.found, tried }
    const why = answer.why ?? `${places[step]}: nothing`
    tried.push({ step, why })
    if (answer.unproved !== undefined) unproved.push(answer.unproved)
    if (answer.last === true) return { found: undefined, tried, closed: why }
    // Neither DNS nor a web server: there is no network, and no step to come would fare better.
    if (answer.silent === true) silent.add(step)
    if (silent.has('srv') && silent.has('autoconfig')) return { found: undefined, tried, noNetwork: true }
  }
  for (const found of unproved) if ((await options.confirm?.(found)) === true) return { found, tried }
  return { found: undefined, tried }
}

type Take = (signal: AbortSignal) => Answer | Promise<Answer>

/** What is done, in this order: what is known here, what the domain says itself, what others say of it, and at last a guess. */
async function* steps(question: Question, options: DiscoverOptions, ispdb: IspdbFolder): AsyncGenerator<[Step, Take]> {
  yield ['table', () => byTable(question)]
  yield ['ispdb', () => byIspdb(question, ispdb)]
  if (options.offline) return
  // Loaded where it is needed: most people's providers are known.
  const look = options.look ?? new (await import('./network.ts')).Network({ reach: options.reach })
  yield ['srv', (signal) => bySrv(question, look, signal, ispdb)]
  yield ['autoconfig', (signal) => byAutoconfig(question, look, signal)]
  yield ['ispdb-online', (signal) => byIspdbOnline(question, look, signal)]
  yield ['mx', (signal) => byMx(question, look, signal, ispdb)]
  yield ['probe', (signal) => byProbe(question, look, signal)]
}

/** What the step says; what went wrong, on the network or on disk, is nothing found. */
async function taken(step: Step, take: Take, whole: AbortSignal): Promise<Answer> {
  try {
    return await take(AbortSignal.any([AbortSignal.timeout(patience.step), whole]))
  } catch (error) {
    if (error instanceof PeerError)
      return {
        why: `${places[step]}: ${error.message}`,
        silent: error.code === 'unreachable' || error.code === 'timed-out',
      }
    if (error instanceof StoreError) return { why: `${places[step]}: ${error.message}` }
    throw error
  }
}
