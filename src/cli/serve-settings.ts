import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { ownCertificate, readCertificate, type ServerCertificate } from '../net/certificate.ts'
import { type Configuration, readConfiguration } from './configuration.ts'
import { describeFailure } from './failure.ts'
import { type ListenAddress, listenText } from './listen-address.ts'
import type { LogLines } from './serve-log.ts'

/** What `serve` reads at its start and at SIGHUP; the first process hands it to the workers. */
export interface Settings {
  readonly configuration: Configuration
  readonly certificate: ServerCertificate
  /** Where `--listen` says, or else the configuration. */
  readonly listen: readonly ListenAddress[]
}

/** Reads the configuration and the certificate. Rejects with MisuseError or StoreError, naming what is wrong. */
export async function readSettings(data: string, given: readonly ListenAddress[] | undefined): Promise<Settings> {
  const configuration = await readConfiguration(data, process.env)
  const files = configuration.certificate
  const certificate =
    files === undefined ? await ownCertificate(join(data, 'tls')) : await readCertificate(files.certificate, files.key)
  return { configuration, certificate, listen: given ?? configuration.listen }
}

/** Tells a person that the certificate is no longer good. */
export function noteExpired({ certificate, configuration }: Settings, log: LogLines): void {
  const file = configuration.certificate?.certificate ?? ''
  if (certificate.expires < Date.now())
    log.note(`the certificate ${file} has expired: mail programs will refuse it; give a new one`)
}

/**
 * SIGHUP: reads everything anew, has it put to use, and says which changes must wait for a restart. A fault in the new settings
 * leaves the old ones in force.
 */
export async function renewSettings(
  before: Settings,
  read: () => Promise<Settings>,
  log: LogLines,
  use: (after: Settings) => Promise<void>,
): Promise<void> {
  try {
    const after = await read()
    await use(after)
    noteExpired(after, log)
    log.note('read the configuration and the certificate anew')
    const late = waiting(before, after)
    if (late.length > 0) log.note(`${late.join(', ')} changed: that takes a restart`)
  } catch (error) {
    log.note(`nothing was changed: ${describeFailure(error)}`)
  }
}

/** What has changed that is looked at only at the start. */
function waiting(before: Settings, after: Settings): string[] {
  const keys: readonly (readonly [string, (settings: Settings) => unknown])[] = [
    ['serve.listen', ({ listen }) => listen.map(listenText).join(' ')],
    ['serve.workers', ({ configuration }) => configuration.workers],
    ['serve.patience', ({ configuration }) => configuration.patience.after],
    ['serve.patience_before', ({ configuration }) => configuration.patience.before],
    ['serve.downgrade', ({ configuration }) => configuration.downgrade],
    ['serve.language', ({ configuration }) => configuration.language],
    ['oauth', ({ configuration }) => JSON.stringify(configuration.oauth)],
    ['fetch.parallel', ({ configuration }) => configuration.fetchParallel],
  ]
  return keys.filter(([, value]) => value(before) !== value(after)).map(([name]) => name)
}

/** How often the keys of the TLS session tickets are replaced, milliseconds (RFC 5077 §5.5). */
const ticketTime = 12 * 3_600_000

/** New keys for TLS session tickets, now and from time to time; undo it with `clearInterval`. */
export function rotateTickets(use: (keys: Buffer) => void): NodeJS.Timeout {
  use(randomBytes(48))
  return setInterval(() => use(randomBytes(48)), ticketTime).unref()
}
