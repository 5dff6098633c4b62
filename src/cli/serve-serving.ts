import { MemoryLeases } from '../store/leases.ts'
import { Connections } from './serve-connections.ts'
import type { Counters, Gauge } from './serve-counters.ts'
import type { ListenAddress } from './listen-address.ts'
import type { LogLines } from './serve-log.ts'
import type { Premises } from './serve-premises.ts'
import type { Settings } from './serve-settings.ts'
import { serviceName } from '../net/crowd.ts'
import { Tally } from '../net/tally.ts'

/** Who serves the connections: this process, or its workers. */
export interface Serving {
  /** Begins to listen; gives where. Rejects with MisuseError where it cannot. */
  listen(addresses: readonly ListenAddress[]): Promise<readonly ListenAddress[]>
  /** Puts new settings to use, everywhere before it resolves. */
  renew(settings: Settings): Promise<void>
  renewTickets(tickets: Buffer): void
  /** What the metrics say of now. */
  gauges(): Promise<Gauge[]>
  /** What is open is finished. */
  close(): Promise<void>
}

export interface ServingOptions {
  readonly data: string
  readonly settings: Settings
  readonly tickets: Buffer
  readonly premises: Premises
  readonly counters: Counters
  readonly log: LogLines
}

/** One process does everything. */
export class Alone implements Serving {
  readonly #tally = new Tally()
  readonly #connections: Connections

  constructor({ data, settings, tickets, premises, counters, log }: ServingOptions) {
    const leases = new MemoryLeases()
    this.#connections = new Connections({
      data,
      premises,
      leases,
      settings,
      tickets,
      tally: this.#tally,
      counters,
      log,
    })
  }

  async listen(addresses: readonly ListenAddress[]): Promise<readonly ListenAddress[]> {
    const at: ListenAddress[] = []
    for (const address of addresses) at.push(await this.#connections.listen(address))
    return at
  }

  async renew(settings: Settings): Promise<void> {
    this.#connections.renew(settings)
  }

  renewTickets(tickets: Buffer): void {
    this.#connections.renewTickets(tickets)
  }

  async gauges(): Promise<Gauge[]> {
    return [
      ...sessionGauges(this.#tally),
      ['postino_workers', {}, 0],
      ['postino_resident_memory_bytes', {}, process.memoryUsage.rss()],
    ]
  }

  async close(): Promise<void> {
    await this.#connections.close()
  }
}

/** How many sessions there are now. */
export function sessionGauges(tally: Tally): Gauge[] {
  return (['pop3', 'pop3s'] as const).map((service) => [
    'postino_sessions',
    { service },
    tally.count(serviceName(service)),
  ])
}
