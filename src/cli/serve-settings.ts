import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { ownCertificate, readCertificate, type ServerCertificate } from '../net/certificate.ts'
import { type Configuration, readConfiguration } from './configuration.ts'
import { type ListenAddress, listenText } from './listen-address.ts'
import type { LogLines } from './serve-log.ts'

/** What `serve` reads at its start and at SIGHUP; the first process hands it to the workers. */
export interface Settings {
  readonly configuration: Configuration
  readonly certificate: ServerCertificate
  /** Where `--listen` says, or else the configuration. */
  readonly listen: readonly ListenAddress[]
  /** As `--workers` says, or else the configuration. */
  readonly workers: number
}

/** What the command line says; it comes before the configuration. */
export interface Given {
  readonly listen: readonly ListenAddress[] | undefined
  readonly workers: number | undefined
}

/** Reads the configuration and the certificate. Rejects with MisuseError or StoreError, naming what is wrong. */
export async function readSettings(data: string, given: Given): Promise<Settings> {
  const configuration = await readConfiguration(data, process.env)
  const files = configuration.certificate
  const certificate =
    files === undefined ? await ownCertificate(join(data, 'tls')) : await readCertificate(files.certificate, files.key)
  return {
    configuration,
    certificate,
    listen: given.listen ?? configuration.listen,
    workers: given.workers ?? configuration.workers,
  }
}

/** Tells a person that the certificate is no longer good. */
export function noteExpired({ certificate, configuration }: Settings, log: LogLines): void {
  const file = configuration.certificate?.certificate ?? ''
  if (certificate.expires < Date.now())
    log.note(`the certificate ${file} has expired: mail programs will refuse it; give a new one`)
}

/** What has changed that is looked at only at the start. */
export function waitingForRestart(before: Settings, after: Settings): string[] {
  const keys: readonly (readonly [string, (settings: Settings) => unknown])[] = [
    ['serve.listen', ({ listen }) => listen.map(listenText).join(' ')],
    ['serve.workers', ({ workers }) => workers],
    ['serve.patience', ({ configuration }) => configuration.patience.after],
    ['serve.patience_before', ({ configuration }) => configuration.patience.before],
    ['serve.downgrade', ({ configuration }) => configuration.downgrade],
    ['serve.language', ({ configuration }) => configuration.language],
    ['oauth', ({ configuration }) => JSON.stringify(configuration.oauth)],
    ['fetch.parallel', ({ configuration }) => configuration.fetchParallel],
  ]
  return keys.filter(([, value]) => value(before) !== value(after)).map(([name]) => name)
}

/** How often the keys of the TLS session tickets are replaced, milliseconds. A ticket from before then costs a whole handshake. */
export const ticketTime: number = 12 * 3_600_000

/** New keys for TLS session tickets. */
export function newTickets(): Buffer {
  return randomBytes(48)
}
