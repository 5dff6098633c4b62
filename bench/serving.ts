import { cp } from 'node:fs/promises'
import type { Dovecot } from '../test/peers/dovecot.ts'
import { times } from './harness.ts'
import type { Bar, Bench, Outcome } from './harness.ts'
import { hasWorkers, servePostino } from './postino.ts'
import type { ServeOptions, Serving } from './postino.ts'
import { atRest } from './processes.ts'

/** One of the servers that a work compares. */
export interface Server {
  readonly name: string
  /** The process that all others of it belong to. */
  readonly pid: number
  readonly plain: number
  readonly tls: number
  /** Postino's data folder; undefined: it is Dovecot. */
  readonly data?: string
}

export const oneProcess = 'Postino'
export const twoWorkers = 'Postino, 2 workers'

/**
 * Does the work while the servers run: Postino in one process; in two, on a copy of its data, where this Postino can; and Dovecot.
 * `fill` puts into a new data folder what is to be served. `peer`: another Dovecot than the one that all works share.
 */
export async function withServers<T>(
  bench: Bench,
  fill: (data: string) => Promise<void>,
  work: (servers: readonly Server[]) => Promise<T>,
  env: Readonly<Record<string, string>> = {},
  peer?: Dovecot,
): Promise<T> {
  const running: Serving[] = []
  const servers: Server[] = []
  const start = async (name: string, data: string, options: ServeOptions): Promise<void> => {
    const serving = await servePostino(data, options)
    running.push(serving)
    servers.push({ name, pid: serving.pid, plain: serving.pop3, tls: serving.pop3s, data })
  }
  try {
    if (!bench.options.peersOnly) {
      const data = await bench.freshFolder('serving')
      await fill(data)
      const forked = await hasWorkers()
      const copy = await bench.freshFolder('serving-workers')
      if (forked) await cp(data, copy, { recursive: true })
      else bench.note(`  this Postino has no --workers: only one process is measured`)
      await start(oneProcess, data, { env })
      if (forked) await start(twoWorkers, copy, { workers: 2, env })
      // At the start each user's search index is looked at.
      for (const { pid } of running) await atRest(pid)
    }
    const dovecot = peer ?? (await bench.dovecot())
    servers.push({ name: 'Dovecot', pid: dovecot.pid, plain: port(dovecot, 'pop3'), tls: port(dovecot, 'pop3s') })
    return await work(servers)
  } finally {
    for (const serving of running) await serving.stop()
  }
}

function port({ ports }: { readonly ports: Readonly<Record<string, number>> }, service: string): number {
  const found = ports[service]
  if (found === undefined) throw new Error(`Dovecot has no port for ${service}`)
  return found
}

/** What noise may take away before a throughput counts as fallen. */
const noise = 0.95

/** How much better than Dovecot the better Postino is. */
export function dovecotBar(what: string, least: number, outcomes: readonly Outcome[]): Bar[] {
  const [one, two, peer] = [oneProcess, twoWorkers, 'Dovecot'].map((name) => named(outcomes, name))
  if (one === undefined || peer === undefined) return []
  const better = two !== undefined && two.rate > one.rate ? two : one
  const ratio = better.rate / peer.rate
  const got = better === one ? times(ratio) : `${times(ratio)} (2 workers)`
  return [{ what, want: `≥ ${least} × Dovecot`, got, met: ratio >= least }]
}

/** Whether a throughput has fallen with two workers. */
export function workersBar(what: string, outcomes: readonly Outcome[]): Bar[] {
  const [one, two] = [oneProcess, twoWorkers].map((name) => named(outcomes, name))
  if (one === undefined || two === undefined) return []
  const kept = two.rate / one.rate
  return [{ what: `${what}: 2 workers beside one process`, want: `≥ ${noise} ×`, got: times(kept), met: kept >= noise }]
}

function named(outcomes: readonly Outcome[], name: string): Outcome | undefined {
  return outcomes.find((outcome) => outcome.name === name)
}
