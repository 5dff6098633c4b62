import { MisuseError } from '../errors.ts'
import { nearest } from './nearest.ts'

/** A service that `postino serve` can offer. */
export type Service = 'pop3' | 'pop3s' | 'metrics'

/** Where one service listens. */
export interface ListenAddress {
  readonly service: Service
  readonly host: string
  readonly port: number
}

const services: readonly Service[] = ['pop3', 'pop3s', 'metrics']
/** Services that a later version will have. */
const later = ['imap', 'imaps', 'smtp', 'submission', 'submissions', 'lmtp', 'http', 'https']

/** Reads `SERVICE=ADDRESS:PORT`; an IPv6 address is in brackets. `origin`: what to name in an error. */
export function parseListen(text: string, origin: string): ListenAddress {
  const wrong = (why: string): MisuseError =>
    new MisuseError('usage', `${origin} ${text}: ${why}; expected SERVICE=ADDRESS:PORT, such as pop3=127.0.0.1:1110`)
  const [, name = '', bracketed, plain, digits = ''] = /^([^=]*)=(?:\[([^\]]*)\]|([^:]*)):(\d{1,6})$/.exec(text) ?? []
  const host = bracketed ?? plain
  if (host === undefined || host === '') throw wrong('it has not that form')
  const service = services.find((one) => one === name)
  if (service === undefined) {
    if (later.includes(name))
      throw new MisuseError(
        'usage',
        `${origin} ${text}: ${name} is not available yet; there are ${services.join(', ')}`,
      )
    const meant = nearest(name, [...services, ...later])
    throw wrong(`${JSON.stringify(name)} is no service${meant === undefined ? '' : ` (${meant}?)`}`)
  }
  const port = Number(digits)
  if (port > 65_535) throw wrong(`${port} is no port`)
  return { service, host, port }
}

/** `pop3=127.0.0.1:1110` */
export function listenText({ service, host, port }: ListenAddress): string {
  return `${service}=${hostAndPort(host, port)}`
}

/** `127.0.0.1:1110`, `[::1]:1110` */
export function hostAndPort(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}
