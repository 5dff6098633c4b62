import type { ImapFlowError } from 'imapflow'
import { PeerError, PostinoError, RefusedError } from '../errors.ts'
import { connectionError, spelt, type Destination } from '../net/connect.ts'
import { type Reason, reasonOfImapCode } from '../reasons.ts'

const timedOut = /^(?:ETIMEOUT|CONNECT_TIMEOUT|GREETING_TIMEOUT|UPGRADE_TIMEOUT)$/
const tooLong = /^(?:LineTooLarge|LiteralTooLarge|ResponseTooLarge|TooManyTokens|TooManyResponses)$/
const lost = /^(?:NoConnection|EConnectionClosed|StateLogout|ClosedAfterConnect)/

/** What went wrong in an IMAP session, in words for the person whose account it is. `doing`: what was tried. */
export function imapError(error: unknown, to: Destination, doing: string): PostinoError {
  if (error instanceof PostinoError) return error
  const known: ImapFlowError = error instanceof Error ? error : new Error(String(error))
  if (known._err instanceof PostinoError) return known._err
  const { code = '', responseStatus } = known
  const where = spelt(to)
  const options = { cause: known }
  if (code === 'ETHROTTLE')
    return new RefusedError(
      'try-later',
      said(known),
      `${where} wants to be left alone for a while: ${said(known)}`,
      options,
    )
  // RFC 9051 §7.1: NO is a refusal; BAD is one of a server that does not know the command, or will not.
  if (responseStatus === 'NO' || responseStatus === 'BAD') {
    const reply = said(known)
    const reason = reasonOf(known, reply)
    return new RefusedError(reason, reply, `${where} refused ${doing}: ${reply || '(it gave no reason)'}`, options)
  }
  if (code === 'STARTTLS_INJECTION')
    return new PeerError('tls', `${where}: somebody put words in before TLS began, so nothing was sent`, options)
  if (known.tlsFailed === true) return tlsError(known, to)
  if (timedOut.test(code))
    return new PeerError('timed-out', `${where} was asked ${doing}, and has been silent for too long`, options)
  if (tooLong.test(code)) return new PeerError('reply-too-long', `${where}: ${known.message}`, options)
  if (known.reason !== undefined && known.reason !== '')
    return new PeerError('connection-lost', `${where} ended the connection: ${known.reason}`, options)
  if (lost.test(code)) return new PeerError('connection-lost', `${where} ended the connection`, options)
  if (/^E[A-Z]+$|^ERR_/.test(code)) return connectionError(known, to)
  return new PeerError(
    'protocol',
    `${where} was asked ${doing}, and its answer could not be understood: ${known.message}`,
    options,
  )
}

function tlsError(error: ImapFlowError, to: Destination): PostinoError {
  if (/does not support|not possible after a PREAUTH/.test(error.message))
    return new PeerError(
      'tls',
      `${spelt(to)} does not offer STARTTLS: the password would go in the clear, so it was not sent; try --tls implicit`,
      { cause: error },
    )
  const told = connectionError(error, to)
  return told.code === 'connection-lost' ? new PeerError('tls', told.message, { cause: error }) : told
}

/** The server's own words. */
function said({ response, responseText, oauthError }: ImapFlowError): string {
  const text = typeof response === 'string' ? response : (responseText ?? '')
  const status = (oauthError as { status?: unknown } | undefined)?.status
  return typeof status === 'string' || typeof status === 'number' ? `${text} (${status})` : text
}

function reasonOf(error: ImapFlowError, reply: string): Reason {
  const reason = reasonOfImapCode(error.serverResponseCode ?? /\[([A-Z-]+)[\] ]/.exec(reply)?.[1] ?? '')
  if (reason !== 'no') return reason
  // A log-in that is refused without a word was a bad one, unless the words say otherwise.
  if (error.authenticationFailed !== true) return 'no'
  return /try again|later|too many|temporar|unavailable/i.test(reply) ? 'try-later' : 'bad-login'
}
