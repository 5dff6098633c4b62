import { noOctets, toExactText, toOctets } from '../wire/octets.ts'
import { type ClientMechanism, type SaslFault, ServerExchange, type ServerStep } from './mechanism.ts'
import { escapeName, unescapeName } from './scram.ts'

type Name = 'OAUTHBEARER' | 'XOAUTH2'

/** What a client sends: whom it is for (empty: it does not say), and the token. */
interface Bearer {
  readonly login: string
  readonly token: string
}

const separator = '\x01'

/** What stands before the first separator: the name (not always), and the type of a channel binding (there are none here). */
const headers: Readonly<Record<Name, RegExp>> = {
  OAUTHBEARER: /^(?:[ny]|p=(?<type>[^,]+)),(?:a=(?<name>[^,]+))?,$/,
  // https://developers.google.com/workspace/gmail/imap/xoauth2-protocol
  XOAUTH2: /^user=(?<name>[^\0]+)$/,
}

// RFC 7628 §3.2.2. XOAUTH2 (Google's and Microsoft's, older) has the code of HTTP.
const errors: Readonly<Record<Name, Uint8Array>> = {
  OAUTHBEARER: toOctets('{"status":"invalid_token"}'),
  XOAUTH2: toOctets('{"status":"401","schemes":"Bearer"}'),
}

/** The server's side of OAUTHBEARER (RFC 7628) and XOAUTH2. */
export class OAuthServer extends ServerExchange {
  readonly name: Name

  constructor(name: Name) {
    super()
    this.name = name
  }

  respond(response: Uint8Array | undefined): ServerStep {
    if (response === undefined) return { kind: 'challenge', challenge: noOctets }
    const bearer = read(toExactText(response) ?? '', this.name)
    if (typeof bearer === 'string') return { kind: 'failed', why: bearer }
    return { kind: 'credentials', credentials: { by: 'bearer', ...bearer, mechanism: this.name } }
  }

  override refused(): Uint8Array {
    return errors[this.name]
  }
}

/** RFC 7628 §3.1: client-resp = gs2-header kvsep *kvpair kvsep; XOAUTH2 is the same but for the header. */
function read(text: string, mechanism: Name): Bearer | SaslFault {
  if (!text.endsWith(separator + separator)) return 'malformed'
  const [header = '', ...pairs] = text.split(separator)
  const found = headers[mechanism].exec(header)
  const { name, type } = found?.groups ?? {}
  if (type !== undefined) return 'channel-binding'
  // XOAUTH2 has nothing escaped.
  const login = name === undefined || mechanism === 'XOAUTH2' ? (name ?? '') : unescapeName(name)
  // RFC 6750 §2.1; RFC 7628 §4: the scheme in any case.
  const auth = pairs.find((pair) => pair.startsWith('auth=')) ?? ''
  const token = /^auth=Bearer +([\w.~+/-]+=*)$/i.exec(auth)?.[1]
  return found === null || login === undefined || token === undefined ? 'malformed' : { login, token }
}

/** The client's side of OAUTHBEARER and XOAUTH2. */
export class OAuthClient implements ClientMechanism {
  readonly name: Name
  readonly #bearer: Bearer
  #error: string | undefined

  constructor(name: Name, bearer: Bearer) {
    this.name = name
    this.#bearer = bearer
  }

  get finished(): boolean {
    return this.#error === undefined
  }

  /** What the server said of why not: JSON (RFC 7628 §3.2.2). */
  get error(): string | undefined {
    return this.#error
  }

  first(): Uint8Array {
    const { login, token } = this.#bearer
    const whom = this.name === 'XOAUTH2' ? `user=${login}` : `n,a=${escapeName(login)},`
    return toOctets([whom, `auth=Bearer ${token}`, '', ''].join(separator))
  }

  /** RFC 7628 §3.2.3: a challenge is the server's no; it waits for an answer before it fails. */
  answer(challenge: Uint8Array): Uint8Array {
    this.#error = toExactText(challenge) ?? ''
    return this.name === 'XOAUTH2' ? noOctets : toOctets(separator)
  }
}
