import { X509Certificate } from 'node:crypto'
import { isIP, type Socket } from 'node:net'
import { connect, getCACertificates, type ConnectionOptions, type TLSSocket } from 'node:tls'
import { MisuseError, PeerError } from '../errors.ts'
import { describeCertificate, pinOf, spellPin } from './certificate-pin.ts'
import { certificateFault, connectionError } from './connection-error.ts'
import { spelt, type Destination } from './destination.ts'

/** How to see that a server is the right one, and what to show it. */
export interface Trust {
  /** The only certificates that are good, whoever issued them: SHA-256 of each, hexadecimal. */
  readonly pins?: readonly string[]
  /** Certificates (PEM) that are trusted beside those that Node.js trusts. */
  readonly trust?: string
  /** What we show (PEM). */
  readonly clientCertificate?: { readonly certificate: string; readonly key: string }
}

/** What a handshake begins with. */
export interface HandshakeOptions {
  /** The protocol's name (RFC 7301). */
  readonly alpn?: string | undefined
  /** Certificates (PEM) to trust instead of those that Node.js trusts. */
  readonly ca?: string | undefined
  readonly trust: Trust
  /** Ends it; rejects with its reason. */
  readonly signal: AbortSignal
}

/** TLS over a connection, with a server that has proved who it is. Rejects with PeerError, or MisuseError where our own certificates are no good. */
export function handshake(raw: Socket, to: Destination, options: HandshakeOptions): Promise<TLSSocket> {
  const { signal, trust } = options
  return new Promise((resolve, reject) => {
    let socket: TLSSocket
    try {
      socket = begin(raw, to, options)
    } catch (error) {
      raw.destroy()
      throw error
    }
    const settle = (): void => {
      signal.removeEventListener('abort', stop)
      socket.off('error', fail).off('close', closed).off('secureConnect', done)
    }
    const fail = (error: unknown): void => {
      settle()
      socket.on('error', () => undefined).destroy()
      reject(error instanceof Error ? connectionError(error, to) : error)
    }
    const stop = (): void => fail(signal.reason)
    const closed = (): void => fail(new PeerError('tls', `${spelt(to)} ended the connection during the TLS handshake`))
    const done = (): void => {
      const fault = distrust(socket, to, trust)
      if (fault !== undefined) return fail(fault)
      settle()
      resolve(socket)
    }
    socket.once('error', fail).once('close', closed).once('secureConnect', done)
    signal.addEventListener('abort', stop, { once: true })
    if (signal.aborted) stop()
  })
}

function begin(raw: Socket, to: Destination, { alpn, ca, trust }: HandshakeOptions): TLSSocket {
  const own = trust.clientCertificate
  const authorities = authoritiesOf(ca, trust)
  const options: ConnectionOptions = {
    socket: raw,
    host: to.host,
    // RFC 6066 §3: an IP address is no server name.
    ...(isIP(to.host) === 0 && { servername: to.host }),
    ...(alpn !== undefined && { ALPNProtocols: [alpn] }),
    ...(authorities !== undefined && { ca: authorities }),
    ...(own !== undefined && { cert: own.certificate, key: own.key }),
    // RFC 8996, RFC 9325 §3.1.1.
    minVersion: 'TLSv1.2',
    // `distrust` decides, and before it has, nothing is sent or believed. It can tell what was wrong with the certificate, and know a pin.
    rejectUnauthorized: false,
  }
  try {
    return connect(options)
  } catch (cause) {
    throw unusable('our own certificate and its key', cause)
  }
}

function authoritiesOf(ca: string | undefined, { trust }: Trust): string[] | undefined {
  if (trust === undefined) return ca === undefined ? undefined : [ca]
  // What is none would be passed over in silence.
  const certificates = trust.match(/-----BEGIN [A-Z0-9 ]*CERTIFICATE-----[^]*?-----END [A-Z0-9 ]*CERTIFICATE-----/g)
  if (certificates === null) throw unusable('the certificates to trust', new Error('there is none'))
  try {
    for (const certificate of certificates) void new X509Certificate(certificate)
  } catch (cause) {
    throw unusable('the certificates to trust', cause)
  }
  return [...(ca === undefined ? getCACertificates('default') : [ca]), ...certificates]
}

function unusable(which: string, cause: unknown): MisuseError {
  const why = cause instanceof Error ? cause.message : String(cause)
  return new MisuseError('configuration', `${which} cannot be used for TLS (${why}); they must be PEM files`, { cause })
}

/** Why the certificate that a server showed is not good enough; undefined where it is. */
function distrust(socket: TLSSocket, to: Destination, { pins = [] }: Trust): PeerError | undefined {
  const say = (what: string): PeerError => new PeerError('tls', `${spelt(to)}: ${what}`)
  const certificate = socket.getPeerX509Certificate()
  if (certificate === undefined) return say('it shows no TLS certificate')
  const pin = pinOf(certificate)
  if (pins.includes(pin)) return undefined
  const shown = `${spellPin(pin)}, ${describeCertificate(certificate)}`
  if (pins.length > 0)
    return say(
      `its TLS certificate has changed: pinned is ${pins.map(spellPin).join(' or ')}, it shows ${shown}. ` +
        'Ask the provider whether that is theirs: if so, give it with --pin; if not, somebody is in between',
    )
  if (socket.authorized) return undefined
  // The types say Error; what is there is the code.
  const code = String(socket.authorizationError)
  const fault = certificateFault(code, to) ?? `its TLS certificate is not trusted (${reasons[code] ?? code})`
  return say(
    `${fault}. It is ${describeCertificate(certificate)}. Once you know that it is theirs: --pin ${spellPin(pin)}, ` +
      'or --trust FILE with a certificate that vouches for it',
  )
}

/** By OpenSSL's codes: why nobody vouches for a certificate. */
const reasons: Readonly<Record<string, string>> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: 'it is self-signed',
  SELF_SIGNED_CERT_IN_CHAIN: 'who issued it is not trusted here',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'who issued it is not known here',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'who issued it is not known here; some servers forget to send the whole chain',
  CERT_SIGNATURE_FAILURE: 'its signature is false',
}
