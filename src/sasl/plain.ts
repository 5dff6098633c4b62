import { fromBase64, toBase64 } from '../wire/base64.ts'
import { toOctets } from '../wire/octets.ts'

/** Who logs in by SASL PLAIN (RFC 4616 §2). */
export interface PlainCredentials {
  /** Whom to act for; empty: the same as `login`. */
  readonly actFor: string
  readonly login: string
  readonly password: string
}

/** The base64 message by which a client logs in. */
export function plainMessage(credentials: PlainCredentials): string {
  return toBase64(toOctets(`${credentials.actFor}\0${credentials.login}\0${credentials.password}`))
}

/** Reads a client's base64 message; undefined where it is not one: then the exchange has failed. */
export function readPlainMessage(text: string): PlainCredentials | undefined {
  const octets = fromBase64(text)
  if (octets === undefined) return undefined
  let message: string
  try {
    message = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(octets)
  } catch {
    return undefined
  }
  // RFC 4616 §2: message = [authzid] NUL authcid NUL passwd, the last two not empty, no NUL in any.
  const [actFor, login, password, ...more] = message.split('\0')
  if (actFor === undefined || !login || !password || more.length > 0) return undefined
  return { actFor, login, password }
}
