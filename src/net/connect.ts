import { connect as connectTcp, isIP, type Socket } from 'node:net'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import { PeerError, type PeerCode } from '../errors.ts'

/** Whom to connect to. */
export interface Destination {
  readonly host: string
  readonly port: number
}

/** The way to a server, where it is not the usual one. */
export interface Reach {
  /** Through this proxy: `socks5://[USER:PASSWORD@]HOST:PORT`, or `http://…` (CONNECT, RFC 9110 §9.3.6). */
  readonly proxy?: string
  /** For TLS: the only certificates of the server that are good, whoever issued them: SHA-256 of each, hexadecimal. */
  readonly pins?: readonly string[]
  /** For TLS: certificates (PEM) that are trusted beside those that Node.js trusts. */
  readonly trust?: string
  /** For TLS: what we show (PEM). */
  readonly clientCertificate?: { readonly certificate: string; readonly key: string }
}

export interface ConnectOptions {
  /** TLS from the first octet (RFC 8314 §3). */
  readonly tls: boolean
  /** How long it may take until the connection stands, TLS included (milliseconds). */
  readonly timeout: number
  /** For TLS: the protocol's name (RFC 7301), `pop3`. */
  readonly alpn?: string
  /** For TLS: certificates (PEM) to trust instead of those that Node.js trusts. */
  readonly ca?: string | undefined
  /** Gives up with PeerError `connection-lost`. */
  readonly signal?: AbortSignal | undefined
}

/** Connects, over every address of the host that answers. Rejects with PeerError `unreachable`, `tls` or `timed-out`. */
export function connect(to: Destination, options: ConnectOptions): Promise<Socket> {
  if (options.tls) {
    const socket = connectTls({ ...tlsOptions(to, options), port: to.port })
    socket.setNoDelay(true).setKeepAlive(true)
    return established(socket, 'secureConnect', to, options)
  }
  const socket = connectTcp({ port: to.port, host: to.host, noDelay: true, keepAlive: true, autoSelectFamily: true })
  return established(socket, 'connect', to, options)
}

/** Turns a connection in the clear into a TLS one (RFC 2595 §4). Rejects like `connect`. */
export function secure(socket: Socket, to: Destination, options: Omit<ConnectOptions, 'tls'>): Promise<Socket> {
  return established(connectTls({ ...tlsOptions(to, options), socket }), 'secureConnect', to, options)
}

function tlsOptions(
  to: Destination,
  { alpn, ca }: Pick<ConnectOptions, 'alpn' | 'ca'>,
): { servername?: string; host: string; ALPNProtocols?: string[]; ca?: string } {
  // RFC 6066 §3: an IP address is no server name.
  return {
    host: to.host,
    ...(isIP(to.host) === 0 ? { servername: to.host } : {}),
    ...(alpn === undefined ? {} : { ALPNProtocols: [alpn] }),
    ...(ca === undefined ? {} : { ca }),
  }
}

function established(
  socket: Socket | TLSSocket,
  event: 'connect' | 'secureConnect',
  to: Destination,
  { timeout, signal }: Pick<ConnectOptions, 'timeout' | 'signal'>,
): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      socket.destroy(new PeerError('timed-out', `${spelt(to)} did not answer within ${timeout / 1000} s`))
    }, timeout)
    const stop = (): void => void socket.destroy(new PeerError('connection-lost', 'stopped'))
    const settle = (): void => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', stop)
      socket.off('error', fail).off('close', closed).off(event, succeed)
    }
    const fail = (error: Error): void => {
      settle()
      socket.on('error', () => undefined).destroy()
      reject(connectionError(error, to))
    }
    const closed = (): void => fail(new PeerError('unreachable', `${spelt(to)} closed the connection at once`))
    const succeed = (): void => {
      settle()
      resolve(socket)
    }
    socket.once('error', fail).once('close', closed).once(event, succeed)
    signal?.addEventListener('abort', stop)
    if (signal?.aborted === true) stop()
  })
}

export function spelt({ host, port }: Destination): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

/** What went wrong on a connection, in words for the person whose account it is. `trust`: how that person has a certificate trusted. */
export function connectionError(
  error: Error & { code?: unknown; reason?: unknown; cert?: unknown },
  to: Destination,
  trust = 'name its file in NODE_EXTRA_CA_CERTS',
): PeerError {
  if (error instanceof PeerError) return error
  const code = typeof error.code === 'string' ? error.code : ''
  const say = (kind: PeerCode, what: string): PeerError =>
    new PeerError(kind, `${spelt(to)}: ${what}`, { cause: error })
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN' || code === 'EAI_NODATA')
    return say('unreachable', `there is no host of the name ${to.host}, or no network; check the name`)
  if (code === 'ECONNREFUSED') return say('unreachable', 'nothing listens there; check server and port')
  if (code === 'ECONNRESET' || code === 'EPIPE') return say('connection-lost', 'the connection was broken off')
  if (code === 'ETIMEDOUT' || code === 'EHOSTUNREACH' || code === 'ENETUNREACH')
    return say('unreachable', 'it cannot be reached; check server, port and network')
  if (code === 'CERT_HAS_EXPIRED') return say('tls', 'its TLS certificate has expired; the provider must renew it')
  if (code === 'CERT_NOT_YET_VALID')
    return say('tls', "its TLS certificate is not valid yet; check this machine's clock")
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID')
    return say('tls', `its TLS certificate is not for ${to.host}; check the server name`)
  if (/SELF_SIGNED|UNABLE_TO|CERT_|INVALID_CA/.test(code))
    return say(
      'tls',
      `its TLS certificate is not trusted (${error.message}); to trust a certificate of your own, ${trust}`,
    )
  if (/^ERR_SSL|^ERR_TLS|^EPROTO/.test(code))
    return say(
      'tls',
      `TLS failed (${typeof error.reason === 'string' ? error.reason : error.message}); check the port and --tls`,
    )
  return say('connection-lost', error.message)
}
