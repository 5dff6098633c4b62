import { PeerError, PostinoError, type PeerCode } from '../errors.ts'
import { spelt, type Destination } from './destination.ts'

/** What went wrong on a connection, in words for the person whose account it is. `trust`: how that person has a certificate trusted. */
export function connectionError(
  error: Error & { code?: unknown; reason?: unknown },
  to: Destination,
  trust = 'name its file in NODE_EXTRA_CA_CERTS',
): PostinoError {
  if (error instanceof PostinoError) return error
  const code = typeof error.code === 'string' ? error.code : ''
  const say = (kind: PeerCode, what: string): PeerError =>
    new PeerError(kind, `${spelt(to)}: ${what}`, { cause: error })
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN' || code === 'EAI_NODATA')
    return say('unreachable', `there is no host of the name ${to.host}, or no network; check the name`)
  if (code === 'ECONNREFUSED') return say('unreachable', 'nothing listens there; check server and port')
  if (code === 'ECONNRESET' || code === 'EPIPE') return say('connection-lost', 'the connection was broken off')
  if (code === 'ETIMEDOUT' || code === 'EHOSTUNREACH' || code === 'ENETUNREACH')
    return say('unreachable', 'it cannot be reached; check server, port and network')
  const certificate = certificateFault(code, to)
  if (certificate !== undefined) return say('tls', certificate)
  if (/SELF_SIGNED|UNABLE_TO|CERT_|INVALID_CA/.test(code))
    return say(
      'tls',
      `its TLS certificate is not trusted (${error.message}); to trust a certificate of your own, ${trust}`,
    )
  if (/^ERR_SSL|^ERR_TLS|^EPROTO/.test(code)) return say('tls', handshakeFault(code, error))
  return say('connection-lost', error.message)
}

/** What is wrong with a certificate that somebody vouches for; undefined where it is something else. */
export function certificateFault(code: string, to: Destination): string | undefined {
  switch (code) {
    case 'CERT_HAS_EXPIRED':
      return 'its TLS certificate has expired; the provider must renew it'
    case 'CERT_NOT_YET_VALID':
      return "its TLS certificate is not valid yet; check this machine's clock"
    case 'CERT_REVOKED':
      return 'its TLS certificate was revoked; the provider must renew it'
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
      return `its TLS certificate is not for ${to.host}; check the server name`
    default:
      return undefined
  }
}

function handshakeFault(code: string, error: Error & { reason?: unknown }): string {
  // RFC 8996; a server says it with an alert, or answers with a version that we do not take.
  if (/PROTOCOL_VERSION|UNSUPPORTED_PROTOCOL|VERSION_TOO_LOW/.test(code))
    return 'it speaks no TLS that is safe, only 1.1 or older; the provider must renew its server'
  if (/WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|HTTP_REQUEST/.test(code))
    return 'what answers there is not TLS; check the port and --tls'
  if (/CERTIFICATE_REQUIRED/.test(code)) return 'it wants a certificate of ours; give one with --client-certificate'
  if (/ALERT_(?:UNKNOWN_CA|BAD_CERTIFICATE|UNSUPPORTED_CERTIFICATE|CERTIFICATE_)/.test(code))
    return `it does not accept our certificate (${reasonOf(error)}); check --client-certificate`
  // What a server of TLS 1.2 says that wanted a certificate.
  if (/HANDSHAKE_FAILURE/.test(code))
    return `there is no common ground for TLS (${reasonOf(error)}): it may want a certificate of ours (--client-certificate), or be too old`
  return `TLS failed (${reasonOf(error)}); check the port and --tls`
}

function reasonOf(error: Error & { reason?: unknown }): string {
  return typeof error.reason === 'string' ? error.reason : error.message
}
