import { join } from 'node:path'
import { Authenticator } from '../accounts/authenticator.ts'
import { Directory } from '../accounts/directory.ts'
import { type Lock, takeLock } from '../accounts/lock.ts'
import { Secrets } from '../accounts/secrets.ts'
import { Pop3Door } from '../doors/serve-pop3.ts'
import { StoreError } from '../errors.ts'
import { ownCertificate, readCertificate, type ServerCertificate } from '../net/certificate.ts'
import { DiskStore } from '../store/disk.ts'
import { type Configuration, readConfiguration } from './configuration.ts'
import type { Context } from './context.ts'
import { describeFailure, type ExitCode } from './failure.ts'
import { hostAndPort, type ListenAddress, listenText, parseListen } from './listen-address.ts'
import { serveLockFile } from './locks.ts'
import { Indexing } from './serve-indexing.ts'
import { LogLines, sessionLine } from './serve-log.ts'
import { Mails } from './serve-mails.ts'
import { scheduleOf } from './serve-schedule.ts'

/** `postino serve`: runs until SIGTERM or SIGINT. */
export async function serve(context: Context, options: { readonly listen?: readonly string[] }): Promise<ExitCode> {
  const given = options.listen?.map((text) => parseListen(text, '--listen'))
  const stopped = Promise.withResolvers<void>()
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => stopped.resolve())
  const configuration = await readConfiguration(context.data, process.env)
  const lock = await onlyOne(context)
  try {
    const server = new Server(context, configuration, given, await Directory.open(context.data))
    try {
      await server.start()
      await stopped.promise
    } finally {
      await server.stop()
    }
  } finally {
    lock.release()
  }
  return 0
}

async function onlyOne({ data }: Context): Promise<Lock> {
  const lock = await takeLock(serveLockFile(data))
  if (lock !== undefined) return lock
  throw new StoreError(
    'busy',
    `another \`postino serve\` works on ${data}; stop that one first, or give another folder with --data`,
  )
}

/** Everything that runs while `serve` does. */
class Server {
  readonly #context: Context
  readonly #given: readonly ListenAddress[] | undefined
  readonly #directory: Directory
  readonly #log: LogLines
  readonly #store: DiskStore
  readonly #mails: Mails
  readonly #indexing: Indexing
  readonly #schedule: ReturnType<typeof scheduleOf>
  readonly #door: Pop3Door
  #configuration: Configuration
  #certificate: ServerCertificate | undefined
  #listening: readonly ListenAddress[] = []

  constructor(
    context: Context,
    configuration: Configuration,
    given: readonly ListenAddress[] | undefined,
    directory: Directory,
  ) {
    this.#context = context
    this.#configuration = configuration
    this.#given = given
    this.#directory = directory
    const log = new LogLines(context)
    // Several devices read the same new mail one after the other.
    const store = new DiskStore(context.data, { memory: 64 << 20 })
    const mails = new Mails(store, directory)
    const indexing = new Indexing({ data: context.data, directory, mails, log })
    const authenticator = new Authenticator(directory)
    this.#log = log
    this.#store = store
    this.#mails = mails
    this.#indexing = indexing
    this.#schedule = scheduleOf({
      every: () => this.#configuration.fetchEvery,
      parallel: configuration.fetchParallel,
      directory,
      secrets: new Secrets(context.data),
      data: context.data,
      mails,
      log,
      fetched: (user) => indexing.nudge(user),
    })
    this.#door = new Pop3Door({
      open: (user) => mails.borrow(user),
      authenticate: (user, password, from) => authenticator.authenticate(user, password, from),
      tls: () => {
        const { cert, key } = this.#certificate ?? { cert: '', key: '' }
        return { cert, key }
      },
      log: (entry) => {
        if (entry.user !== undefined) mails.giveBack(entry.user)
        log.line('session', entry, () => sessionLine(entry))
      },
      clearLoginFrom: configuration.clearLogin,
      limits: { sessions: configuration.sessions, perAddress: configuration.sessionsPerAddress },
    })
  }

  async start(): Promise<void> {
    const { output, json } = this.#context
    await this.#loadCertificate(this.#configuration)
    await this.#listen(this.#given ?? this.#configuration.listen)
    if (json) await output.json({ ready: true })
    else await output.line('ready')
    await output.flush()
    if (!this.#directory.users().some(({ hasPassword }) => hasPassword))
      this.#log.note('nobody can log in yet: no user has a password; `postino user add NAME` adds one')
    process.on('SIGHUP', () => {
      this.#reload().catch((error: unknown) => {
        this.#log.note(`nothing was changed: ${describeFailure(error)}`)
      })
    })
    this.#schedule.start()
    this.#indexing.start()
  }

  /** What is open is finished: replies are given to their end, and what was received is durable. */
  async stop(): Promise<void> {
    process.removeAllListeners('SIGHUP').on('SIGHUP', () => undefined)
    await Promise.all([this.#door.close(), this.#schedule.stop(), this.#indexing.close()])
    await this.#mails.close()
    await this.#store.close()
    this.#directory.close()
    this.#log.flush()
  }

  async #listen(addresses: readonly ListenAddress[]): Promise<void> {
    const { output, json } = this.#context
    for (const { service, host, port } of addresses) {
      const at = await this.#door.listen({ host, port, tls: service === 'pop3s' })
      if (json) await output.json({ listening: service, address: host, port: at.port })
      else await output.line(`listening ${service} ${hostAndPort(host, at.port)}`)
      await output.flush()
    }
    this.#listening = addresses
  }

  async #loadCertificate({ certificate }: Configuration): Promise<void> {
    const loaded =
      certificate === undefined
        ? await ownCertificate(join(this.#context.data, 'tls'))
        : await readCertificate(certificate.certificate, certificate.key)
    this.#certificate = loaded
    if (loaded.expires < Date.now())
      this.#log.note(
        `the certificate ${certificate?.certificate ?? ''} has expired: mail programs will refuse it; give a new one`,
      )
  }

  /** SIGHUP. A fault in the new configuration leaves the old one in force. */
  async #reload(): Promise<void> {
    const before = this.#configuration
    const after = await readConfiguration(this.#context.data, process.env)
    await this.#loadCertificate(after)
    this.#configuration = after
    this.#log.note('read the configuration and the certificate anew')
    const wanted = this.#given ?? after.listen
    const late = [
      listText(wanted) !== listText(this.#listening) && 'serve.listen',
      after.clearLogin !== before.clearLogin && 'serve.clear_login',
      after.sessions !== before.sessions && 'serve.sessions',
      after.sessionsPerAddress !== before.sessionsPerAddress && 'serve.sessions_per_address',
      after.fetchParallel !== before.fetchParallel && 'fetch.parallel',
    ].filter((name) => name !== false)
    if (late.length > 0) this.#log.note(`${late.join(', ')} changed: that takes a restart`)
  }
}

function listText(addresses: readonly ListenAddress[]): string {
  return addresses.map(listenText).join(' ')
}
