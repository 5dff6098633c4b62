import { toOctets } from '../wire/octets.ts'
import type { ClientMechanism, HmacMd5 } from './mechanism.ts'

/**
 * The client's side of CRAM-MD5 (RFC 2195). Whoever sees the exchange can try passwords on it as fast as he can count, and the
 * server must keep the password as it is: so it is for servers that have neither TLS nor SCRAM.
 */
export class CramMd5Client implements ClientMechanism {
  readonly name = 'CRAM-MD5'
  readonly #login: string
  readonly #password: string
  readonly #hmacMd5: HmacMd5
  #finished = false

  constructor({ login, password }: { readonly login: string; readonly password: string }, hmacMd5: HmacMd5) {
    this.#login = login
    this.#password = password
    this.#hmacMd5 = hmacMd5
  }

  get finished(): boolean {
    return this.#finished
  }

  first(): undefined {
    return undefined
  }

  /** RFC 2195 §2: the name, a space, and the keyed digest of the challenge in lower-case hexadecimal digits. */
  answer(challenge: Uint8Array): Uint8Array | undefined {
    if (this.#finished) return undefined
    this.#finished = true
    const digest = this.#hmacMd5(toOctets(this.#password), challenge)
    const digits = Array.from(digest, (octet) => octet.toString(16).padStart(2, '0')).join('')
    return toOctets(`${this.#login} ${digits}`)
  }
}
