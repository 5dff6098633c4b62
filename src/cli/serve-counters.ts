import type { SessionLog } from '../doors/serve-pop3.ts'
import { Tally } from '../net/tally.ts'

type Kind = 'counter' | 'gauge' | 'histogram'
export type Metric = `postino_${string}`

/** Every metric there is: what `/metrics` says of it. Its labels have few values: never a user or an address, but for remote accounts. */
const metrics: Readonly<Record<Metric, readonly [Kind, string]>> = {
  postino_sessions: ['gauge', 'Sessions that are open now.'],
  postino_sessions_total: ['counter', 'Sessions that are over, by how they ended.'],
  postino_logins_total: ['counter', 'Log-ins, by what became of them.'],
  postino_login_seconds: ['histogram', 'How long a log-in took, from the last word of the client to the answer.'],
  postino_messages_sent_total: ['counter', 'Messages sent to clients, whole (retr) or in part (top).'],
  postino_message_octets_sent_total: ['counter', 'Octets of the messages sent whole.'],
  postino_messages_deleted_total: ['counter', 'Messages that clients deleted.'],
  postino_received_octets_total: ['counter', 'Octets from clients, without TLS.'],
  postino_sent_octets_total: ['counter', 'Octets to clients, without TLS.'],
  postino_limited_total: [
    'counter',
    'Connections and log-ins that a limit kept out, or that had to make room, by the limit.',
  ],
  postino_fetches_total: ['counter', 'Fetches from remote accounts, by result.'],
  postino_fetched_messages_total: ['counter', 'Messages that came home from remote accounts.'],
  postino_fetched_octets_total: ['counter', 'Octets of these messages.'],
  postino_fetch_accounts: ['gauge', 'Remote accounts, by how the last try ended.'],
  postino_fetch_oldest_success_timestamp_seconds: [
    'gauge',
    'When the account that has waited longest was last fetched without fault, seconds since 1970.',
  ],
  postino_account_failures: [
    'gauge',
    'Fetches of an account that failed one after the other; 0: the last one did not.',
  ],
  postino_account_quarantined_messages: [
    'gauge',
    'Messages of an account that could not be fetched, and are tried again.',
  ],
  postino_account_last_success_timestamp_seconds: [
    'gauge',
    'When an account was last fetched without fault, seconds since 1970.',
  ],
  postino_account_next_timestamp_seconds: ['gauge', 'When an account is due, seconds since 1970.'],
  postino_fetch_next_timestamp_seconds: ['gauge', 'When the next account is due, seconds since 1970.'],
  postino_settle_octets_before_total: ['counter', 'Octets of the segments of those whose mail was settled, before.'],
  postino_settle_octets_after_total: ['counter', 'The same, after.'],
  postino_settle_messages_total: ['counter', 'Messages that were settled.'],
  postino_settle_dropped_messages_total: ['counter', 'Removed messages whose octets left with that.'],
  postino_check_octets_total: ['counter', 'Octets of mail that were checked, records and messages each counted.'],
  postino_check_faults: [
    'gauge',
    "Faults that the last checks of all users' mail found, and that need something to be done.",
  ],
  postino_check_oldest_timestamp_seconds: [
    'gauge',
    'When the mail that has waited longest for its next check was last checked, seconds since 1970.',
  ],
  postino_settle_last_timestamp_seconds: ['gauge', 'When mail was last settled, seconds since 1970.'],
  postino_workers: ['gauge', 'Processes that serve connections beside the first one.'],
  postino_worker_crashes_total: ['counter', 'Workers that ended without being told to.'],
  postino_start_timestamp_seconds: ['gauge', 'When this server was started, seconds since 1970.'],
  postino_resident_memory_bytes: ['gauge', 'Memory of all processes.'],
}

export type Labels = Readonly<Record<string, string>>

/** The upper bounds of the histogram's buckets, seconds. */
const bounds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

/** What is counted while `serve` runs. A worker's counts are added to those of the first process. */
export class Counters {
  readonly tally: Tally

  /** `onFresh`: see `Tally`. */
  constructor(onFresh?: () => void) {
    this.tally = new Tally(onFresh)
  }

  add(metric: Metric, labels: Labels, by: number = 1): void {
    if (by !== 0) this.tally.add(sample(metric, labels), by)
  }

  /** A session is over. */
  session(service: string, entry: SessionLog): void {
    this.add('postino_sessions_total', { service, end: entry.end.replaceAll(' ', '-') })
    this.add('postino_messages_sent_total', { command: 'retr' }, entry.retrieved)
    this.add('postino_messages_sent_total', { command: 'top' }, entry.tops)
    this.add('postino_message_octets_sent_total', {}, entry.retrievedOctets)
    this.add('postino_messages_deleted_total', {}, entry.removed)
    this.add('postino_received_octets_total', {}, entry.octetsIn)
    this.add('postino_sent_octets_total', {}, entry.octetsOut)
  }

  /** A log-in was answered. */
  logIn(service: string, result: string, milliseconds: number): void {
    this.add('postino_logins_total', { service, result })
    this.observe('postino_login_seconds', milliseconds / 1000)
  }

  /** Adds one measurement to a histogram. */
  observe(metric: 'postino_login_seconds', seconds: number): void {
    const bound = bounds.find((one) => seconds <= one)
    this.tally.add(sample(metric, { le: String(bound ?? '+Inf') }), 1)
    this.tally.add(`${metric}_sum`, seconds)
  }
}

/** One value that is looked up when it is asked for. */
export type Gauge = readonly [metric: Metric, labels: Labels, value: number]

/** Prometheus' text format, version 0.0.4. */
export function metricsText(counted: readonly (readonly [string, number])[], gauges: readonly Gauge[]): string {
  const values = new Map(counted)
  for (const [metric, labels, value] of gauges) values.set(sample(metric, labels), value)
  const lines: string[] = []
  for (const [metric, [kind, help]] of Object.entries(metrics)) {
    const found = kind === 'histogram' ? histogram(metric, values) : samples(metric, values)
    if (found.length > 0) lines.push(`# HELP ${metric} ${help}`, `# TYPE ${metric} ${kind}`, ...found)
  }
  return `${lines.join('\n')}\n`
}

function samples(metric: string, values: ReadonlyMap<string, number>): string[] {
  const own = [...values].filter(([name]) => name === metric || name.startsWith(`${metric}{`))
  return own.map(([name, value]) => `${name} ${value}`).toSorted()
}

function histogram(metric: string, values: ReadonlyMap<string, number>): string[] {
  let count = 0
  const buckets = [...bounds, '+Inf'].map((bound) => {
    const le = String(bound)
    count += values.get(sample(metric, { le })) ?? 0
    return `${sample(`${metric}_bucket`, { le })} ${count}`
  })
  return [...buckets, `${metric}_sum ${values.get(`${metric}_sum`) ?? 0}`, `${metric}_count ${count}`]
}

/** Made several times for each session, so it makes nothing that it need not. */
function sample(metric: string, labels: Labels): string {
  let pairs = ''
  for (const name in labels) pairs += `${pairs === '' ? '' : ','}${name}="${escaped(labels[name] ?? '')}"`
  return pairs === '' ? metric : `${metric}{${pairs}}`
}

function escaped(value: string): string {
  return value.replace(/[\\"\n]/g, (one) => (one === '\n' ? '\\n' : `\\${one}`))
}
