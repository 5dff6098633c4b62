import { fromBase64, toBase64 } from '../wire/base64.ts'
import { join, noOctets, toExactText, toOctets } from '../wire/octets.ts'
import { type ChannelBindings, channelBindingTypes, type ClientFault, type ClientMechanism } from './mechanism.ts'
import { prepared } from './prepare.ts'
import { escapeName, exclusiveOr, keysOf, nonceOctets, sameOctets, type ScramClientCrypto } from './scram.ts'

// RFC 7677 §4: the least that a server should ask for. Less is asked for by one who wants to guess the password afterwards.
const fewest = 4096
// RFC 5802 §9: without a limit a hostile server could keep us busy for ever.
const most = 1_000_000

/** The client's side of SCRAM-SHA-256 and SCRAM-SHA-256-PLUS (RFC 5802, 7677). */
export class ScramClient implements ClientMechanism {
  readonly name: 'SCRAM-SHA-256' | 'SCRAM-SHA-256-PLUS'
  readonly #password: string
  readonly #crypto: ScramClientCrypto
  readonly #header: string
  readonly #binding: Uint8Array
  readonly #nonce: string
  readonly #clientFirst: string
  /** What the server must say in the end. */
  #signature: Uint8Array | undefined
  #finished = false
  #fault: ClientFault | undefined

  /** Undefined where the connection has no channel binding that SCRAM-SHA-256-PLUS could use. */
  static of(
    name: ScramClient['name'],
    who: { readonly login: string; readonly password: string },
    crypto: ScramClientCrypto,
    bindings?: ChannelBindings,
  ): ScramClient | undefined {
    if (name === 'SCRAM-SHA-256')
      return new ScramClient(name, who, crypto, bindings === undefined ? 'n,,' : 'y,,', noOctets)
    for (const type of channelBindingTypes) {
      const octets = bindings?.(type)
      if (octets !== undefined) return new ScramClient(name, who, crypto, `p=${type},,`, octets)
    }
    return undefined
  }

  private constructor(
    name: ScramClient['name'],
    { login, password }: { readonly login: string; readonly password: string },
    crypto: ScramClientCrypto,
    header: string,
    binding: Uint8Array,
  ) {
    this.name = name
    this.#password = password
    this.#crypto = crypto
    this.#header = header
    this.#binding = binding
    this.#nonce = toBase64(crypto.random(nonceOctets))
    this.#clientFirst = `n=${escapeName(login)},r=${this.#nonce}`
  }

  get finished(): boolean {
    return this.#finished
  }

  get proved(): boolean {
    return this.#signature !== undefined
  }

  get fault(): ClientFault | undefined {
    return this.#fault
  }

  first(): Uint8Array {
    return toOctets(this.#header + this.#clientFirst)
  }

  answer(challenge: Uint8Array): Uint8Array | undefined {
    const message = toExactText(challenge) ?? ''
    const first = this.#signature === undefined
    const answer = this.#signature === undefined ? this.#prove(message) : this.#verify(message, this.#signature)
    if (answer === undefined) this.#fault = first ? 'malformed' : 'unproven'
    return answer
  }

  #prove(serverFirst: string): Uint8Array | undefined {
    const form = /^r=([\x21-\x2b\x2d-\x7e]+),s=([A-Za-z0-9+/=]+),i=([1-9]\d{0,8})(?:,[A-Za-z]=[^\0]+)?$/
    const [, nonce = '', saltText = '', count = ''] = form.exec(serverFirst) ?? []
    const salt = fromBase64(saltText)
    const iterations = Number(count)
    if (salt === undefined || iterations < fewest || iterations > most || serverFirst.includes(',m=')) return undefined
    // RFC 5802 §5.1, r: ours, and something of the server's.
    if (!nonce.startsWith(this.#nonce) || nonce.length === this.#nonce.length) return undefined

    const crypto = this.#crypto
    const salted = crypto.pbkdf2(toOctets(prepared(this.#password)), salt, iterations)
    const { clientKey, storedKey, serverKey } = keysOf(salted, crypto)
    const binding = toBase64(join([toOctets(this.#header), this.#binding]))
    const withoutProof = `c=${binding},r=${nonce}`
    const said = toOctets(`${this.#clientFirst},${serverFirst},${withoutProof}`)
    this.#signature = crypto.hmac(serverKey, said)
    return toOctets(`${withoutProof},p=${toBase64(exclusiveOr(clientKey, crypto.hmac(storedKey, said)))}`)
  }

  /** RFC 5802 §3: a server that does not know the key is not the one we want. */
  #verify(serverFinal: string, wanted: Uint8Array): Uint8Array | undefined {
    const signature = fromBase64(/^v=([A-Za-z0-9+/=]+)(?:,|$)/.exec(serverFinal)?.[1] ?? '')
    if (signature === undefined || !sameOctets(wanted, signature)) return undefined
    this.#finished = true
    return noOctets
  }
}
