import cluster, { type Worker } from 'node:cluster'
import { createInterface } from 'node:readline'
import { MisuseError, StoreError } from '../errors.ts'
import { Tally } from '../net/tally.ts'
import type { ListenAddress } from './listen-address.ts'
import type { Beginning, FromWorker, ToWorker } from './serve-messages.ts'
import type { Settings } from './serve-settings.ts'

/** A worker that is told to stop finishes what is open, within ten seconds; one that does not is killed (milliseconds). */
const stopping = 15_000
/** How long an answer about what was counted is waited for (milliseconds). */
const counting = 1000

/** For glibc: the 19 MiB that a password takes go back to the system at once. Otherwise each process keeps up to 115 MB of that for good. */
const allocation = { MALLOC_MMAP_THRESHOLD_: String(16 << 20), MALLOC_TRIM_THRESHOLD_: String(32 << 20) }

export interface MemberOptions {
  /** The name that its leases bear. */
  readonly leases: string
  readonly heard: (message: FromWorker) => void
  /** One line that it wrote on stderr. */
  readonly wrote: (line: string) => void
}

/** One worker, as the first process sees it. */
export class Member {
  readonly leases: string
  /** What it counts. */
  readonly tally: Tally = new Tally()
  /** What the others count, and it has not been told. */
  readonly toTell: Tally = new Tally(() => undefined)
  /** Octets. */
  memory = 0
  readonly #worker: Worker
  readonly #started = performance.now()
  readonly #present = Promise.withResolvers<void>()
  readonly #ready = Promise.withResolvers<readonly ListenAddress[]>()
  readonly #ended = Promise.withResolvers<string>()
  #begun = false
  #wasReady = false
  #renewed: (() => void)[] = []
  #counted: (() => void)[] = []
  /** How it ended, for a person. */
  readonly ended: Promise<string> = this.#ended.promise

  constructor({ leases, heard, wrote }: MemberOptions) {
    this.leases = leases
    const worker = cluster.fork({ ...allocation, ...process.env })
    this.#worker = worker
    this.#ready.promise.catch(() => undefined)
    worker.on('error', ({ message }) => {
      if (worker.process.pid === undefined) this.#end(`could not be started (${message})`)
    })
    worker.on('message', (message: FromWorker) => {
      this.#hear(message)
      heard(message)
    })
    const lines = worker.process.stderr && createInterface(worker.process.stderr).on('line', wrote)
    worker.process.once('close', () => {
      lines?.close()
      const { exitCode, signalCode } = worker.process
      this.#end(signalCode === null ? `ended with code ${exitCode}` : `was killed by ${signalCode}`)
    })
  }

  get pid(): number {
    return this.#worker.process.pid ?? 0
  }

  /** Whether it listened. */
  get wasReady(): boolean {
    return this.#wasReady
  }

  /** How long it has lived (milliseconds). */
  get age(): number {
    return performance.now() - this.#started
  }

  /** Has it begin, once it is there; resolves with where it listens. Rejects with what keeps it from that. */
  async begin(beginning: () => Beginning): Promise<readonly ListenAddress[]> {
    await this.#present.promise
    // All that the others count is in it.
    this.toTell.changes()
    this.#begun = true
    this.tell({ kind: 'begin', ...beginning() })
    return await this.#ready.promise
  }

  tell(message: ToWorker): void {
    if (this.#worker.isConnected()) this.#worker.send(message, () => undefined)
  }

  /** Tells it what the others count. */
  tellTally(): void {
    if (!this.#begun) return
    const changes = this.toTell.changes()
    if (changes.length > 0) this.tell({ kind: 'tally', changes })
  }

  /** Gives it new settings; resolves once they are in use, or it has ended. */
  async renew(settings: Settings): Promise<void> {
    // Otherwise it begins with them.
    if (!this.#begun) return
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#renewed.push(resolve)
    this.tell({ kind: 'renew', settings })
    await Promise.race([promise, this.ended])
  }

  /** Has it tell what it has counted. */
  async count(): Promise<void> {
    if (!this.#begun) return
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#counted.push(resolve)
    this.tell({ kind: 'count' })
    const late = setTimeout(resolve, counting)
    await Promise.race([promise, this.ended])
    clearTimeout(late)
  }

  async stop(): Promise<void> {
    this.tell({ kind: 'stop' })
    const late = setTimeout(() => this.#worker.process.kill('SIGKILL'), stopping)
    await this.ended
    clearTimeout(late)
  }

  #hear(message: FromWorker): void {
    switch (message.kind) {
      case 'hello':
        return this.#present.resolve()
      case 'ready':
        this.#wasReady = true
        return this.#ready.resolve(message.at)
      case 'failed': {
        const { why, misuse } = message
        return this.#ready.reject(misuse ? new MisuseError('configuration', why) : new StoreError('io', why))
      }
      case 'renewed':
        return this.#renewed.shift()?.()
      case 'counted':
        this.memory = message.memory
        for (const resolve of this.#counted) resolve()
        this.#counted = []
        return
      case 'tally':
        return
    }
  }

  #end(how: string): void {
    const error = new StoreError('io', `worker ${this.pid} ${how} before it was ready`)
    this.#present.reject(error)
    this.#ready.reject(error)
    this.#ended.resolve(how)
  }
}
