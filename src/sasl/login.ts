import { toExactText, toOctets } from '../wire/octets.ts'
import { type ClientMechanism, ServerExchange, type ServerStep } from './mechanism.ts'

// draft-murchison-sasl-login §2: there was never an RFC. Some clients look at these very words.
const askLogin = toOctets('Username:')
const askPassword = toOctets('Password:')

/** The server's side of LOGIN: two questions. */
export class LoginServer extends ServerExchange {
  readonly name = 'LOGIN'
  #login: string | undefined

  respond(response: Uint8Array | undefined): ServerStep {
    if (response === undefined) return { kind: 'challenge', challenge: askLogin }
    const text = toExactText(response)
    if (text === undefined || text === '' || text.includes('\0')) return { kind: 'failed', why: 'malformed' }
    if (this.#login === undefined) {
      this.#login = text
      return { kind: 'challenge', challenge: askPassword }
    }
    const credentials = { by: 'password', login: this.#login, password: text, mechanism: 'LOGIN' } as const
    return { kind: 'credentials', credentials }
  }
}

/** The client's side of LOGIN. It answers by turns: servers do not agree on the words of the questions. */
export class LoginClient implements ClientMechanism {
  readonly name = 'LOGIN'
  readonly #answers: Uint8Array[]

  constructor({ login, password }: { readonly login: string; readonly password: string }) {
    this.#answers = [toOctets(login), toOctets(password)]
  }

  get finished(): boolean {
    return this.#answers.length === 0
  }

  first(): undefined {
    return undefined
  }

  answer(): Uint8Array | undefined {
    return this.#answers.shift()
  }
}
