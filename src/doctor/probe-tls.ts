import type { Socket } from 'node:net'
import { isIP } from 'node:net'
import { connect, getCACertificates, type ConnectionOptions, type TLSSocket } from 'node:tls'
import { PeerError } from '../errors.ts'
import { connectionError, spelt, type Destination } from '../net/connect.ts'

/** What is asked of a TLS handshake. */
export interface Handshake {
  /** Milliseconds. */
  readonly patience: number
  /** Protocols to offer (RFC 7301). */
  readonly alpn?: readonly string[]
  /** Certificates to trust beside the usual ones, PEM. */
  readonly certificate?: string
  /** Limits on versions and ciphers; a session to take up again. */
  readonly more?: Pick<ConnectionOptions, 'minVersion' | 'maxVersion' | 'ciphers' | 'session'>
  /** Told each session that the server offers to take up again; it may come before the first octet. */
  readonly onSession?: (session: Buffer) => void
}

/**
 * TLS over a connection. Who the server is, is verified but not insisted upon: `trustFault` tells what is wrong, and nothing secret
 * may be sent before it was asked. Rejects with PeerError.
 */
export function handshake(socket: Socket, to: Destination, options: Handshake): Promise<TLSSocket> {
  const { patience, alpn, certificate, more, onSession } = options
  const secured = connect({
    ...more,
    socket,
    host: to.host,
    ...(isIP(to.host) === 0 && { servername: to.host }), // RFC 6066 §3: an IP address is no server name
    ...(alpn && { ALPNProtocols: [...alpn] }),
    ...(certificate !== undefined && { ca: [...getCACertificates('default'), certificate] }),
    rejectUnauthorized: false,
  })
  if (onSession) secured.on('session', onSession)
  return new Promise((resolve, reject) => {
    const settle = (): void => {
      clearTimeout(timer)
      secured.off('secureConnect', succeed).off('error', fail).off('close', closed)
    }
    const succeed = (): void => {
      settle()
      resolve(secured)
    }
    const fail = (error: Error): void => {
      settle()
      secured.on('error', () => undefined).destroy()
      reject(connectionError(error, to))
    }
    const closed = (): void => fail(new PeerError('tls', `${spelt(to)} ended the connection during the TLS handshake`))
    const timer = setTimeout(
      () => fail(new PeerError('timed-out', `${spelt(to)}: no TLS handshake within ${patience / 1000} s`)),
      patience,
    )
    secured.once('secureConnect', succeed).once('error', fail).once('close', closed)
  })
}

/** What is wrong with the certificate of a connection, in words for people; undefined: it is trusted and for this host. */
export function trustFault(secured: TLSSocket, to: Destination): string | undefined {
  if (secured.authorized) return undefined
  // The types say Error; Node gives the code alone for some.
  const why: unknown = secured.authorizationError
  const error = why instanceof Error ? why : Object.assign(new Error(String(why)), { code: String(why) })
  return connectionError(error, to, 'give its file as --certificate FILE').message
}
