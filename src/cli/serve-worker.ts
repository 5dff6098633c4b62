import { MisuseError } from '../errors.ts'
import { Tally } from '../net/tally.ts'
import { SqliteLeases } from '../store/leases-sqlite.ts'
import type { Context } from './context.ts'
import { describeFailure, type ExitCode, exitCodeOf } from './failure.ts'
import type { ListenAddress } from './listen-address.ts'
import { Connections } from './serve-connections.ts'
import { Counters } from './serve-counters.ts'
import { LogLines } from './serve-log.ts'
import { type Beginning, type FromWorker, gathering, type ToWorker } from './serve-messages.ts'
import { Premises } from './serve-premises.ts'

/** A worker of `postino serve --workers`: serves connections until the first process says to stop. */
export async function work(context: Context): Promise<ExitCode> {
  // They are for the first process, which tells us; a terminal and systemd send them to all.
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => undefined)
  const worker = new Worker(context)
  const stopped = Promise.withResolvers<void>()
  const failed = Promise.withResolvers<never>()
  process.on('message', (message: ToWorker) => {
    if (message.kind === 'stop') stopped.resolve()
    else worker.hear(message).catch(failed.reject)
  })
  void tell({ kind: 'hello' })
  try {
    await Promise.race([stopped.promise, failed.promise])
    await worker.stop()
    return 0
  } catch (error) {
    await tell({ kind: 'failed', why: describeFailure(error), misuse: error instanceof MisuseError })
    return exitCodeOf(error)
  }
}

class Worker {
  readonly #log: LogLines
  readonly #data: string
  readonly #tally: Tally
  readonly #counters: Counters
  readonly #timers = new Set<NodeJS.Timeout>()
  #premises: Premises | undefined
  #leases: SqliteLeases | undefined
  #connections: Connections | undefined
  #begun: Promise<void> | undefined

  constructor(context: Context) {
    this.#data = context.data
    this.#log = new LogLines(context)
    this.#tally = new Tally(() => this.#later(gathering.tally, () => this.#tellTally()))
    this.#counters = new Counters(() => this.#later(gathering.counted, () => void this.#tellCounted()))
  }

  async hear(message: Exclude<ToWorker, { kind: 'stop' }>): Promise<void> {
    switch (message.kind) {
      case 'begin':
        this.#begun = this.#begin(message)
        return await this.#begun
      case 'tally':
        return this.#tally.hear(message.changes)
      case 'tickets':
        await this.#begun
        return this.#connections?.renewTickets(Buffer.from(message.keys, 'base64'))
      case 'renew':
        await this.#begun
        this.#connections?.renew(message.settings)
        return await tell({ kind: 'renewed' })
      case 'count':
        return await this.#tellCounted()
    }
  }

  async stop(): Promise<void> {
    await this.#begun
    await this.#connections?.close()
    await this.#premises?.close()
    this.#leases?.close()
    for (const timer of this.#timers) clearTimeout(timer)
    await this.#tellCounted()
    this.#log.flush()
  }

  async #begin({ settings, tickets, tally, leases }: Beginning): Promise<void> {
    this.#tally.hear(tally)
    this.#premises = await Premises.open(this.#data, Math.max(1, settings.workers))
    this.#leases = new SqliteLeases(this.#data, leases)
    this.#connections = new Connections({
      data: this.#data,
      premises: this.#premises,
      leases: this.#leases,
      settings,
      tickets: Buffer.from(tickets, 'base64'),
      tally: this.#tally,
      counters: this.#counters,
      log: this.#log,
    })
    const at: ListenAddress[] = []
    for (const address of settings.listen) at.push(await this.#connections.listen(address))
    await tell({ kind: 'ready', at })
  }

  #tellTally(): void {
    void tell({ kind: 'tally', changes: this.#tally.changes() })
  }

  async #tellCounted(): Promise<void> {
    const changes = this.#counters.tally.changes()
    await tell({ kind: 'counted', changes, memory: process.memoryUsage.rss() })
  }

  #later(milliseconds: number, work: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer)
      work()
    }, milliseconds)
    this.#timers.add(timer)
  }
}

/** Resolves once it is sent, or there is nobody to send it to. */
function tell(message: FromWorker): Promise<void> {
  return new Promise((resolve) => {
    if (process.connected) process.send?.(message, undefined, undefined, () => resolve())
    else resolve()
  })
}
