import cluster from 'node:cluster'
import { type Lock, takeLock } from '../accounts/lock.ts'
import { MisuseError, StoreError } from '../errors.ts'
import type { Context } from './context.ts'
import { describeFailure, type ExitCode } from './failure.ts'
import { hostAndPort, type ListenAddress, parseListen } from './listen-address.ts'
import { serveLockFile } from './locks.ts'
import { Chores } from './serve-chores.ts'
import { Counters, metricsText } from './serve-counters.ts'
import { LogLines } from './serve-log.ts'
import { MetricsListener } from './serve-metrics.ts'
import { Premises } from './serve-premises.ts'
import { Alone, type Serving } from './serve-serving.ts'
import {
  type Given,
  newTickets,
  noteExpired,
  readSettings,
  type Settings,
  ticketTime,
  waitingForRestart,
} from './serve-settings.ts'

/** `postino serve`: runs until SIGTERM or SIGINT. */
export async function serve(
  context: Context,
  options: { readonly listen?: readonly string[]; readonly workers?: string },
): Promise<ExitCode> {
  if (cluster.isWorker) return await (await import('./serve-worker.ts')).work(context)
  const given = {
    listen: options.listen?.map((text) => parseListen(text, '--listen')),
    workers: options.workers === undefined ? undefined : parseWorkers(options.workers),
  }
  const stopped = Promise.withResolvers<void>()
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => stopped.resolve())
  // Until there is something to read anew, which `start` sees to.
  process.on('SIGHUP', () => undefined)
  const settings = await readSettings(context.data, given)
  const lock = await onlyOne(context)
  try {
    const server = new Server(
      context,
      given,
      settings,
      await Premises.open(context.data, Math.max(1, settings.workers)),
    )
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

function parseWorkers(text: string): number {
  if (/^\d{1,3}$/.test(text) && Number(text) <= 128) return Number(text)
  throw new MisuseError('usage', `--workers ${text}: give a whole number from 0 to 128`)
}

async function onlyOne({ data }: Context): Promise<Lock> {
  const lock = await takeLock(serveLockFile(data))
  if (lock !== undefined) return lock
  throw new StoreError(
    'busy',
    `another \`postino serve\` works on ${data}; stop that one first, or give another folder with --data`,
  )
}

/** The first process: everything that runs while `serve` does, or all but the connections where there are workers. */
class Server {
  readonly #context: Context
  readonly #given: Given
  readonly #premises: Premises
  readonly #log: LogLines
  readonly #counters = new Counters()
  readonly #chores: Chores
  readonly #metrics = new MetricsListener(() => this.#metricsText())
  readonly #started = Date.now()
  #settings: Settings
  #serving: Serving | undefined
  #tickets: NodeJS.Timeout | undefined

  constructor(context: Context, given: Given, settings: Settings, premises: Premises) {
    const log = new LogLines(context)
    this.#context = context
    this.#given = given
    this.#settings = settings
    this.#premises = premises
    this.#log = log
    this.#chores = new Chores({
      data: context.data,
      directory: premises.directory,
      mails: premises.mails,
      counters: this.#counters,
      log,
      fetchEvery: () => this.#settings.configuration.fetchEvery,
      fetchParallel: settings.configuration.fetchParallel,
      settle: () => this.#settings.configuration.settle,
      check: () => this.#settings.configuration.check,
    })
  }

  async start(): Promise<void> {
    const { output, json } = this.#context
    const settings = this.#settings
    const { listen } = settings
    noteExpired(settings, this.#log)
    const serving = await this.#served()
    this.#serving = serving
    const forMetrics = (address: ListenAddress): boolean => address.service === 'metrics'
    const served = [...(await serving.listen(listen.filter((address) => !forMetrics(address))))]
    for (const address of listen) {
      const at = forMetrics(address)
        ? { ...address, ...(await this.#metrics.listen(address.host, address.port)) }
        : (served.shift() ?? address)
      if (json) await output.json({ listening: at.service, address: at.host, port: at.port })
      else await output.line(`listening ${at.service} ${hostAndPort(at.host, at.port)}`)
    }
    await this.#chores.listen()
    if (json) await output.json({ ready: true })
    else await output.line('ready')
    await output.flush()
    if (!this.#premises.directory.users().some(({ hasPassword }) => hasPassword))
      this.#log.note('nobody can log in yet: no user has a password; `postino user add NAME` adds one')
    process.on('SIGHUP', () => void this.#renew())
    this.#tickets = setInterval(() => serving.renewTickets(newTickets()), ticketTime).unref()
    this.#chores.start()
  }

  /** What is open is finished: replies are given to their end, and what was received is durable. */
  async stop(): Promise<void> {
    process.removeAllListeners('SIGHUP').on('SIGHUP', () => undefined)
    clearInterval(this.#tickets)
    await Promise.all([this.#serving?.close(), this.#metrics.close(), this.#chores.stop()])
    await this.#premises.close()
    this.#log.flush()
  }

  async #served(): Promise<Serving> {
    const settings = this.#settings
    const options = {
      data: this.#context.data,
      settings,
      tickets: newTickets(),
      premises: this.#premises,
      counters: this.#counters,
      log: this.#log,
    }
    if (settings.workers === 0) return new Alone(options)
    const { Supervisor } = await import('./serve-supervisor.ts')
    return new Supervisor(options)
  }

  /** SIGHUP. A fault in the new configuration leaves the old one in force. */
  async #renew(): Promise<void> {
    const before = this.#settings
    try {
      const after = await readSettings(this.#context.data, this.#given)
      this.#settings = after
      await this.#serving?.renew(after)
      noteExpired(after, this.#log)
      this.#log.note('read the configuration and the certificate anew')
      const late = waitingForRestart(before, after)
      if (late.length > 0) this.#log.note(`${late.join(', ')} changed: that takes a restart`)
    } catch (error) {
      this.#log.note(`nothing was changed: ${describeFailure(error)}`)
    }
  }

  async #metricsText(): Promise<string> {
    const now = (await this.#serving?.gauges()) ?? []
    return metricsText(this.#counters.tally.all(), [
      ...now,
      ...this.#chores.gauges(),
      ['postino_start_timestamp_seconds', {}, this.#started / 1000],
    ])
  }
}
