import { noOctets, toExactText, toOctets } from '../wire/octets.ts'
import { type ClientMechanism, ServerExchange, type ServerStep } from './mechanism.ts'

/** The server's side of PLAIN (RFC 4616). */
export class PlainServer extends ServerExchange {
  readonly name = 'PLAIN'

  respond(response: Uint8Array | undefined): ServerStep {
    if (response === undefined) return { kind: 'challenge', challenge: noOctets }
    // RFC 4616 §2: message = [authzid] NUL authcid NUL passwd, the last two not empty, no NUL in any.
    const [actFor, login, password, ...more] = toExactText(response)?.split('\0') ?? []
    if (!login || !password || more.length > 0) return { kind: 'failed', why: 'malformed' }
    // Acting for somebody else would need a right that nobody has here.
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
