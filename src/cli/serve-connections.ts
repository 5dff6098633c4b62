import { DEFAULT_CIPHERS, type SecureContextOptions } from 'node:tls'
import { Authenticator } from '../accounts/authenticator.ts'
import type { Directory } from '../accounts/directory.ts'
import { Pop3Door } from '../doors/serve-pop3.ts'
import { Maildrops } from '../doors/serve-pop3-maildrops.ts'
import { Crowd } from '../net/crowd.ts'
import { networks } from '../net/networks.ts'
import type { Tally } from '../net/tally.ts'
import { languages, matchLanguage } from '../pop3/languages.ts'
import type { Policy } from '../pop3/server-options.ts'
import type { Leases } from '../store/leases.ts'
import type { ListenAddress, Service } from './listen-address.ts'
import type { Counters } from './serve-counters.ts'
import { type LogLines, sessionLine } from './serve-log.ts'
import type { Premises } from './serve-premises.ts'
import type { Settings } from './serve-settings.ts'

/** As Node has them, but AES-128 with SHA-256 before AES-256 with SHA-384: a sixth of the work of a TLS 1.3 session less. */
const quickest = 'TLS_AES_128_GCM_SHA256'
const ciphers = [quickest, ...DEFAULT_CIPHERS.split(':').filter((one) => one !== quickest)].join(':')

export interface ConnectionsOptions {
  readonly data: string
  readonly premises: Premises
  readonly leases: Leases
  readonly settings: Settings
  /** The keys of TLS session tickets. */
  readonly tickets: Buffer
  /** Counts the connections, for the limits. */
  readonly tally: Tally
  readonly counters: Counters
  readonly log: LogLines
}

/** The services for mail programs, of one process. */
export class Connections {
  readonly #options: ConnectionsOptions
  readonly #crowd: Crowd
  readonly #maildrops: Maildrops
  readonly #authenticator: Authenticator
  readonly #doors = new Map<Service, Pop3Door>()
  #settings: Settings
  #tickets: Buffer
  #isProxy: (address: string) => boolean
  /** The same object until something in it changes. */
  #tls: SecureContextOptions

  constructor(options: ConnectionsOptions) {
    const { data, premises, leases, settings, tickets, tally, counters } = options
    const { directory, mails } = premises
    this.#options = options
    this.#settings = settings
    this.#tickets = tickets
    this.#tls = tlsOptions(settings, tickets)
    this.#isProxy = networks(settings.configuration.proxyFrom)
    this.#crowd = new Crowd({
      limits: limitsOf(settings),
      tally,
      onLimit: (limit) => counters.add('postino_limited_total', { limit }),
    })
    const current = (): Settings => this.#settings
    this.#maildrops = new Maildrops({
      mails,
      leases,
      settings: (user) => directory.settings(user),
      get sessionsPerUser() {
        return current().configuration.sessionsPerUser
      },
    })
    this.#authenticator = new Authenticator(directory, { data, oauth: settings.configuration.oauth })
  }

  /** Begins to listen; gives where. Rejects with MisuseError where it cannot. */
  async listen(address: ListenAddress): Promise<ListenAddress> {
    const { service, host, port } = address
    let door = this.#doors.get(service)
    if (door === undefined) {
      door = this.#door(service)
      this.#doors.set(service, door)
    }
    return { service, ...(await door.listen({ host, port, tls: service === 'pop3s' })) }
  }

  /** Puts new settings to use, as far as that can be done while it runs. */
  renew(settings: Settings): void {
    this.#settings = settings
    this.#tls = tlsOptions(settings, this.#tickets)
    this.#isProxy = networks(settings.configuration.proxyFrom)
    this.#crowd.limits = limitsOf(settings)
  }

  renewTickets(tickets: Buffer): void {
    this.#tickets = tickets
    this.#tls = tlsOptions(this.#settings, tickets)
  }

  /** What is open is finished: replies are given to their end. */
  async close(): Promise<void> {
    await Promise.all([...this.#doors.values()].map((door) => door.close()))
    this.#maildrops.close()
    this.#authenticator.close()
  }

  #door(service: Service): Pop3Door {
    const { premises, counters, log } = this.#options
    const { patience, downgrade, language } = this.#settings.configuration
    const first = matchLanguage(language, languages)
    const current = (): Settings => this.#settings
    return new Pop3Door({
      authenticator: this.#authenticator,
      openMaildrop: this.#maildrops.open,
      patience,
      downgrade,
      crowd: this.#crowd,
      languages: [...new Set(first === undefined ? languages : [first, ...languages])],
      tls: () => this.#tls,
      isProxy: (address) => this.#isProxy(address),
      // Looked at for each connection.
      get clearLoginFrom() {
        return current().configuration.clearLogin
      },
      get policy() {
        return announced(premises.directory)
      },
      log: (entry) => {
        counters.session(service, entry)
        log.line('session', { service, ...entry }, () => sessionLine(service, entry))
      },
      onLogIn: (result, milliseconds) => counters.logIn(service, result, milliseconds),
    })
  }
}

function limitsOf({ configuration }: Settings): Crowd['limits'] {
  return { sessions: configuration.sessions, perAddress: configuration.sessionsPerAddress, grace: 10_000 }
}

function tlsOptions({ certificate }: Settings, ticketKeys: Buffer): SecureContextOptions {
  const { cert, key } = certificate
  return {
    cert,
    key,
    minVersion: 'TLSv1.2',
    ciphers,
    honorCipherOrder: true,
    // The same in every process, or a ticket of one would be no good to another.
    ticketKeys,
    sessionIdContext: 'postino',
  }
}

/** What CAPA says before the log-in (RFC 2449 §6.5, §6.7): what holds for all users. */
function announced(directory: Directory): Policy {
  const { expireDays, loginDelay } = directory.possible
  return {
    expire: expireDays.least ?? 'never',
    expirePerUser: expireDays.differs,
    loginDelay: loginDelay.most,
    loginDelayPerUser: loginDelay.differs,
  }
}
