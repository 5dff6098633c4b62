import { setTimeout as sleep } from 'node:timers/promises'
import { secretOf } from '../accounts/account-secret.ts'
import type { Account } from '../accounts/directory.ts'
import { PostinoError } from '../errors.ts'
import { describeAccountFailure } from './failure.ts'
import { type Fetching, remoteOf } from './fetch-account.ts'
import type { LogLines } from './serve-log.ts'

/** How often it is looked which accounts there are (milliseconds). */
const interval = 5000
/** How long an account is left alone whose secret cannot be had (milliseconds). */
const pause = 15 * 60_000

export interface WatchesOptions extends Omit<Fetching, 'open'> {
  /** The accounts there are now. */
  readonly accounts: () => readonly Account[]
  readonly log: LogLines
  /** There may be something new at this account's server. */
  readonly news: (address: string) => void
}

interface Watch {
  /** Of the settings that it was begun with. */
  readonly settings: string
  readonly stop: AbortController
  readonly ended: Promise<void>
}

/** Keeps an eye on every account that is fetched by IMAP, so that new mail comes at once (IDLE, RFC 2177). */
export class Watches {
  readonly #options: WatchesOptions
  readonly #watches = new Map<number, Watch>()
  #timer: NodeJS.Timeout | undefined

  constructor(options: WatchesOptions) {
    this.#options = options
  }

  start(): void {
    this.#timer ??= setInterval(() => this.#look(), interval)
    this.#look()
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer)
    for (const { stop } of this.#watches.values()) stop.abort()
    await Promise.all([...this.#watches.values()].map(({ ended }) => ended))
  }

  /** Begins what is not watched, ends what is no more, and begins anew what is reached otherwise now. */
  #look(): void {
    const wanted = new Map<number, Account>()
    for (const account of this.#options.accounts())
      if (account.protocol === 'imap' && account.options.every !== 0) wanted.set(account.serial, account)
    for (const [serial, { settings, stop }] of this.#watches) {
      const account = wanted.get(serial)
      if (account !== undefined && settingsOf(account) === settings) wanted.delete(serial)
      else {
        stop.abort()
        this.#watches.delete(serial)
      }
    }
    for (const account of wanted.values()) {
      const stop = new AbortController()
      this.#watches.set(account.serial, {
        settings: settingsOf(account),
        stop,
        ended: this.#watch(account, stop.signal),
      })
    }
  }

  async #watch(account: Account, signal: AbortSignal): Promise<void> {
    const { log, news } = this.#options
    const { address } = account
    // Told once for each fault: whoever watches tries on and on.
    let told: string | undefined
    const tell = (error: unknown): void => {
      const fault = describeAccountFailure(error)
      if (fault !== told) log.note(`${address} is not watched for new mail just now: ${fault}`)
      told = fault
    }
    const { watchImap } = await import('../doors/watch-imap.ts')
    while (!signal.aborted) {
      try {
        const remote = await remoteOf(account, await secretOf(account, this.#options))
        await watchImap(remote, { signal, onNews: () => news(address), onTrouble: tell })
        // Stopped, or a server without IDLE: then the schedule finds what is new.
        return
      } catch (error) {
        if (!(error instanceof PostinoError)) {
          tell(error)
          return
        }
        tell(error)
        await sleep(pause, undefined, { signal }).catch(() => undefined)
      }
    }
  }
}

/** What a watch depends on. */
function settingsOf({ server, port, tls, login, options, protocol }: Account): string {
  const { auth, issuer, allow, secretFrom, proxy, pins, trust, clientCertificate, mailbox } = options
  return JSON.stringify([
    protocol,
    server,
    port,
    tls,
    login,
    auth,
    issuer,
    allow,
    secretFrom,
    proxy,
    pins,
    trust,
    clientCertificate,
    mailbox,
  ])
}
