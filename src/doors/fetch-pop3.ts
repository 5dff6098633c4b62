import { setImmediate as nextTurn } from 'node:timers/promises'
import { PeerError, PostinoError, RefusedError } from '../errors.ts'
import type { UserMail } from '../store/store.ts'
import { listMaildrop, type Unchanged } from './fetch-pop3-listing.ts'
import { logIn } from './fetch-pop3-login.ts'
import { type FetchTally, goodbye, type Session } from './fetch-pop3-session.ts'
import { unchangedSince } from './fetch-pop3-unchanged.ts'
import type { FetchOptions, FetchReport, Planned, Remote } from './fetching.ts'
import type { Pop3Connection } from './pop3-connection.ts'

/**
 * Brings home what is new in a remote POP3 maildrop. Everything is durable before anything is deleted there, and before QUIT:
 * some providers hide a message after RETR and QUIT (law 1). Resolves also when the session failed: see `error`. `mail`: or what opens it, while
 * the server is asked.
 */
export async function fetchPop3(
  remote: Remote,
  mail: UserMail | (() => Promise<UserMail>),
  options: FetchOptions = {},
): Promise<FetchReport> {
  const began = performance.now()
  const tally: FetchTally = { new: 0, skipped: 0, failed: 0, waiting: 0, deleted: 0, octets: 0, problems: [] }
  const beginning = { remote, options, tally, open: async () => (typeof mail === 'function' ? await mail() : mail) }
  let ended = await inSession(beginning, options.pipelining ?? true)
  const oneByOne = ended.error instanceof PeerError && ended.error.pipelined && options.signal?.aborted !== true
  if (oneByOne) {
    tally.problems.push(
      `${ended.error?.message}; it may not be able to do PIPELINING, so commands went one by one then`,
    )
    const again = await inSession(beginning, false)
    // That it takes no second session so soon says less than what was wrong with the first.
    if (!(again.error instanceof RefusedError)) ended = again
  }
  const seconds = (performance.now() - began) / 1000
  return { ...tally, seconds, ...ended, ...(oneByOne && { oneByOne }) }
}

interface Beginning extends Omit<Session, 'mail'> {
  readonly open: () => Promise<UserMail>
}

/** One session, and what ended it early. */
async function inSession(
  { open, ...beginning }: Beginning,
  pipelining: boolean,
): Promise<{ readonly error: PostinoError | undefined; readonly plan?: readonly Planned[] }> {
  const { remote, options } = beginning
  let connection: Pop3Connection | undefined
  try {
    const home: { mail?: UserMail; unchanged?: Unchanged | undefined } = {}
    // While the server lets us in, what is known here is looked up: in the next turn, when the command is on its way.
    const meanwhile = async (): Promise<void> => {
      await nextTurn()
      home.mail = await open()
      home.unchanged = await unchangedSince(remote, home.mail, options)
    }
    connection = await logIn(remote, { ...options, pipelining, meanwhile })
    const { mail = await open(), unchanged } = home
    const plan = await inTransaction(connection, { ...beginning, mail }, unchanged)
    return { error: undefined, ...(plan !== undefined && { plan }) }
  } catch (error) {
    if (!(error instanceof PostinoError)) throw error
    return { error }
  } finally {
    connection?.drop()
  }
}

/** All that is done between the log-in and QUIT. */
async function inTransaction(
  connection: Pop3Connection,
  session: Session,
  unchanged: Unchanged | undefined,
): Promise<readonly Planned[] | undefined> {
  const { remote, mail, options, tally } = session
  const { loginDelay } = connection.capabilities
  if (loginDelay !== undefined) tally.leastWait = loginDelay * 1000
  if (connection.plusFailed) tally.withoutPlus = true
  const { promise: needed, resolve: onNews } = Promise.withResolvers<void>()
  // While the server lists, the ledger is read: in the next turn, when the commands are on their way.
  const news = needed.then(nextTurn).then(async () => {
    const { bringNews, readHome } = await import('./fetch-pop3-news.ts')
    return { bringNews, home: await readHome(mail, remote.account, options.fits) }
  })
  news.catch(() => undefined)
  const listing = await listMaildrop(connection, { longest: options.longest, before: unchanged, onNews })
  if ('waiting' in listing) {
    tally.waiting = listing.waiting
    tally.skipped = listing.print.messages - listing.waiting
    await goodbye(connection)
    return undefined
  }
  const { bringNews, home } = await news
  return await bringNews(listing, home, connection, session)
}

/** Logs in and out again, to see whether the settings are right. Rejects with PeerError or RefusedError. */
export async function tryLogIn(remote: Remote, options: Pick<FetchOptions, 'signal' | 'patience'> = {}): Promise<void> {
  const connection = await logIn(remote, options)
  // The log-in was right; how the server says goodbye does not matter.
  await connection.ask({ verb: 'QUIT' }).catch(() => undefined)
  connection.drop()
}
