import { setTimeout as sleep } from 'node:timers/promises'
import { PeerError, PostinoError, RefusedError } from '../errors.ts'
import type { Remote } from './fetching.ts'
import { ImapConnection } from './imap-connection.ts'
import type { Patience } from './pop3-connection.ts'

/** RFC 2177 §3: at least every 29 minutes. Routers forget a silent connection much sooner (milliseconds). */
const usualRenewal = 9 * 60_000
/** Between a lost connection and the next: this, doubled each time, at most the other (milliseconds). */
const firstPause = 5000
const longestPause = 15 * 60_000
/** Where the log-in is refused, trying again soon helps nobody. */
const refusedPause = 60 * 60_000
/** What comes close together is told once (milliseconds). */
const together = 500

/** What is watched, and who is told. */
export interface WatchOptions {
  /** Something has changed in the mailbox, or may have while nobody watched. */
  readonly onNews: () => void
  readonly signal: AbortSignal
  /** Why nobody watches just now; it is tried again. */
  readonly onTrouble?: (error: PostinoError) => void
  /** Which mailbox: INBOX unless said. A connection can watch one (RFC 2177). */
  readonly mailbox?: string
  readonly patience?: Patience
  /** How long one IDLE lasts (milliseconds). */
  readonly renewal?: number
  /** Waits between two tries (milliseconds); tests give their own. */
  readonly wait?: ((milliseconds: number) => Promise<unknown>) | undefined
  /** Between 0 and 1. */
  readonly random?: () => number
}

/**
 * Keeps a connection in IDLE (RFC 2177) and tells when something changes. Resolves when the signal says to stop, with `no-idle` where the
 * server knows no IDLE: then only the schedule finds what is new.
 */
export async function watchImap(remote: Remote, options: WatchOptions): Promise<'stopped' | 'no-idle'> {
  const { signal, onTrouble, random = Math.random } = options
  const { wait = (milliseconds) => sleep(milliseconds, undefined, { signal }).catch(() => undefined) } = options
  for (let failures = 0; !signal.aborted;) {
    const began = performance.now()
    try {
      if ((await watchOnce(remote, options, failures > 0)) === 'no-idle') return 'no-idle'
    } catch (error) {
      if (!(error instanceof PostinoError)) throw error
      if (signal.aborted) break
      onTrouble?.(error)
      // One that lasted was a good one.
      failures = performance.now() - began > longestPause ? 1 : failures + 1
      const least = error instanceof RefusedError && error.reason === 'bad-login' ? refusedPause : 0
      const rest = Math.max(least, Math.min(firstPause * 2 ** (failures - 1), longestPause))
      // Half of it is chance, so that many accounts do not come back together.
      await wait(rest * (0.5 + random()))
    }
  }
  return 'stopped'
}

async function watchOnce(remote: Remote, options: WatchOptions, again: boolean): Promise<'stopped' | 'no-idle'> {
  const { signal, onNews, mailbox = 'INBOX', renewal = usualRenewal, patience } = options
  const connection = await ImapConnection.open(remote, {
    patience,
    signal,
    // A server that says nothing within IDLE is as it should be; one that does not end it is not.
    idleSilence: renewal + (patience?.silence ?? 60_000),
    idleRenewal: renewal,
  })
  let timer: NodeJS.Timeout | undefined
  try {
    if (!connection.can('IDLE')) return 'no-idle'
    await connection.select(mailbox, false)
    const soon = (): void => {
      timer ??= setTimeout(() => {
        timer = undefined
        onNews()
      }, together)
    }
    // What is deleted there is no news here.
    connection.client.on('exists', ({ count, prevCount }) => count > prevCount && soon()).on('flags', soon)
    // What came while nobody watched.
    if (again) soon()
    while (!signal.aborted) {
      // false: it was refused, or the connection is gone.
      if ((await connection.run('to tell of news', (client) => client.idle())) !== false) continue
      if (connection.client.usable) return 'no-idle'
      await connection.run('to tell of news', (client) => client.noop())
      throw new PeerError('connection-lost', `${connection.to.host} ended the connection`)
    }
    return 'stopped'
  } finally {
    clearTimeout(timer)
    connection.drop()
  }
}
