import { fromBase64, toBase64 } from '../wire/base64.ts'
import { noOctets, toExactText, toOctets } from '../wire/octets.ts'
import { type ClientMechanism, ServerExchange, type ServerStep } from './mechanism.ts'

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
  return octets === undefined ? undefined : readPlain(octets)
}

function readPlain(octets: Uint8Array): PlainCredentials | undefined {
  const message = toExactText(octets)
  if (message === undefined) return undefined
  // RFC 4616 §2: message = [authzid] NUL authcid NUL passwd, the last two not empty, no NUL in any.
  const [actFor, login, password, ...more] = message.split('\0')
  if (actFor === undefined || !login || !password || more.length > 0) return undefined
  return { actFor, login, password }
}

/** The server's side of PLAIN. */
export class PlainServer extends ServerExchange {
  readonly name = 'PLAIN'

  respond(response: Uint8Array | undefined): ServerStep {
    if (response === undefined) return { kind: 'challenge', challenge: noOctets }
    const message = readPlain(response)
    if (message === undefined) return { kind: 'failed', why: 'malformed' }
    const { actFor, login, password } = message
    // RFC 4616 §2: acting for somebody else would need a right that nobody has here.
    if (actFor !== '' && actFor !== login) return { kind: 'failed', why: 'other-user' }
    return { kind: 'credentials', credentials: { by: 'password', login, password, mechanism: 'PLAIN' } }
  }
}

/** The client's side of PLAIN. */
export class PlainClient implements ClientMechanism {
  readonly name = 'PLAIN'
  readonly finished = true
  readonly #message: Uint8Array

  constructor({ login, password }: { readonly login: string; readonly password: string }) {
    this.#message = toOctets(`\0${login}\0${password}`)
  }

  first(): Uint8Array {
    return this.#message
  }

  answer(): undefined {
    return undefined
  }
}
