import cluster from 'node:cluster'
import { setTimeout as sleep } from 'node:timers/promises'
import { Tally, type TallyChanges } from '../net/tally.ts'
import { SqliteLeases } from '../store/leases-sqlite.ts'
import { describeFailure } from './failure.ts'
import type { ListenAddress } from './listen-address.ts'
import type { Counters, Gauge } from './serve-counters.ts'
import type { LogLines } from './serve-log.ts'
import { type FromWorker, gathering } from './serve-messages.ts'
import { type Serving, type ServingOptions, sessionGauges } from './serve-serving.ts'
import type { Settings } from './serve-settings.ts'
import { Member } from './serve-supervisor-member.ts'

/** A worker that lived so long did not die of its start (milliseconds). */
const longLived = 30_000
/** The pause after the second crash in a row, and the longest; it doubles (milliseconds). */
const [firstPause, longestPause] = [200, 30_000]

/**
 * The first process where there are workers: it starts them, and others for those that crash; tells each what the others count; and
 * puts what they say together. They share the listening sockets (docs/decisions/workers.md).
 */
export class Supervisor implements Serving {
  readonly #count: number
  readonly #leases: SqliteLeases
  readonly #counters: Counters
  readonly #log: LogLines
  readonly #members = new Set<Member>()
  /** The connections of all workers. */
  readonly #tally = new Tally()
  readonly #stopped = new AbortController()
  #settings: Settings
  #tickets: Buffer
  #listen: readonly ListenAddress[] = []
  /** Where the workers listen, once all do. */
  #at: readonly ListenAddress[] | undefined
  #crashes = 0
  #telling: NodeJS.Timeout | undefined
  #serials = 0

  constructor({ data, settings, tickets, counters, log }: ServingOptions) {
    this.#count = settings.workers
    this.#settings = settings
    this.#tickets = tickets
    this.#counters = counters
    this.#log = log
    this.#leases = new SqliteLeases(data, `${process.pid}`)
    // There is one `serve` for a data folder: whatever is left is of one that was killed.
    this.#leases.releaseAllOf()
    cluster.schedulingPolicy = cluster.SCHED_NONE
    cluster.setupPrimary({ stdio: ['ignore', 'ignore', 'pipe', 'ipc'] })
  }

  async listen(addresses: readonly ListenAddress[]): Promise<readonly ListenAddress[]> {
    this.#listen = addresses
    const at = await Promise.all(Array.from({ length: this.#count }, () => this.#hire()))
    this.#at = at[0]
    return this.#at ?? []
  }

  async renew(settings: Settings): Promise<void> {
    this.#settings = settings
    await Promise.all([...this.#members].map((member) => member.renew(settings)))
  }

  renewTickets(tickets: Buffer): void {
    this.#tickets = tickets
    for (const member of this.#members) member.tell({ kind: 'tickets', keys: tickets.toString('base64') })
  }

  async gauges(): Promise<Gauge[]> {
    await Promise.all([...this.#members].map((member) => member.count()))
    const workers = [...this.#members]
    const memory = workers.reduce((sum, member) => sum + member.memory, process.memoryUsage.rss())
    return [
      ...sessionGauges(this.#tally),
      ['postino_workers', {}, workers.length],
      ['postino_resident_memory_bytes', {}, memory],
    ]
  }

  async close(): Promise<void> {
    this.#stopped.abort()
    await Promise.all([...this.#members].map((member) => member.stop()))
    clearTimeout(this.#telling)
    this.#leases.close()
  }

  /** Starts a worker; resolves with where it listens. */
  async #hire(): Promise<readonly ListenAddress[]> {
    const leases = `${process.pid}-${++this.#serials}`
    const member: Member = new Member({
      leases,
      heard: (message) => this.#heard(member, message),
      wrote: (line) => this.#log.relay(line),
    })
    this.#members.add(member)
    void member.ended.then((how) => this.#left(member, how))
    return await member.begin(() => ({
      settings: { ...this.#settings, listen: this.#listen },
      tickets: this.#tickets.toString('base64'),
      tally: this.#tally.all(),
      leases,
    }))
  }

  #heard(from: Member, message: FromWorker): void {
    if (message.kind === 'counted') for (const [name, by] of message.changes) this.#counters.tally.add(name, by)
    else if (message.kind === 'tally') this.#changed(from, message.changes)
  }

  #changed(from: Member, changes: TallyChanges): void {
    for (const [name, by] of changes) {
      from.tally.add(name, by)
      this.#tally.add(name, by)
      for (const member of this.#members) if (member !== from) member.toTell.add(name, by)
    }
    this.#telling ??= setTimeout(() => {
      this.#telling = undefined
      for (const member of this.#members) member.tellTally()
    }, gathering.tally)
  }

  #left(member: Member, how: string): void {
    this.#members.delete(member)
    this.#changed(
      member,
      member.tally.all().map(([name, count]) => [name, -count]),
    )
    // One that was never ready while all are started: then nothing is, and `listen` says why.
    if (this.#stopped.signal.aborted || (this.#at === undefined && !member.wasReady)) return
    this.#release(member)
    this.#counters.add('postino_worker_crashes_total', {})
    this.#crashes = member.age > longLived ? 0 : this.#crashes + 1
    const pause = this.#crashes < 2 ? 0 : Math.min(firstPause * 2 ** (this.#crashes - 2), longestPause)
    this.#log.note(`worker ${member.pid} ${how}; another takes its place${pause > 0 ? ` in ${pause / 1000} s` : ''}`)
    // Where that one ends as well, this is called again.
    this.#replace(pause).catch(() => undefined)
  }

  #release({ leases }: Member): void {
    try {
      this.#leases.releaseAllOf(leases)
    } catch (error) {
      // Then they end with their time.
      this.#log.note(`the maildrops of a worker that has ended are not free yet: ${describeFailure(error)}`)
    }
  }

  async #replace(pause: number): Promise<void> {
    await sleep(pause, undefined, { signal: this.#stopped.signal })
    // The sockets went with the last one: those that took any free port are to have the same again.
    if (this.#members.size === 0) this.#listen = this.#at ?? this.#listen
    await this.#hire()
  }
}
