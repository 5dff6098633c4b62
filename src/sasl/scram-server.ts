import { fromBase64, toBase64 } from '../wire/base64.ts'
import { join, noOctets, toExactText, toOctets } from '../wire/octets.ts'
import {
  type ChannelBindings,
  channelBindingTypes,
  type SaslFault,
  ServerExchange,
  type ServerMechanismOptions,
  type ServerStep,
} from './mechanism.ts'
import { exclusiveOr, nonceOctets, sameOctets, type SaslCrypto, type ScramKeys, unescapeName } from './scram.ts'

/** What was said so far. */
interface Begun {
  readonly login: string
  /** What `c=` must say: the GS2 header, and the octets of the channel binding (RFC 5802 §5.1). */
  readonly binding: string
  readonly clientFirst: string
  readonly nonce: string
}

/** The server's side of SCRAM-SHA-256 and SCRAM-SHA-256-PLUS (RFC 5802, 7677). */
export class ScramServer extends ServerExchange {
  readonly name: 'SCRAM-SHA-256' | 'SCRAM-SHA-256-PLUS'
  readonly #crypto: SaslCrypto
  readonly #bindings: ChannelBindings | undefined
  readonly #plus: boolean
  #begun: Begun | undefined
  #asked: { readonly keys: ScramKeys; readonly serverFirst: string } | undefined
  #proven = false

  constructor(name: ScramServer['name'], crypto: SaslCrypto, options: ServerMechanismOptions) {
    super()
    this.name = name
    this.#crypto = crypto
    this.#bindings = options.bindings
    this.#plus = options.plus ?? false
  }

  respond(response: Uint8Array | undefined): ServerStep {
    if (response === undefined) return { kind: 'challenge', challenge: noOctets }
    // The client has taken our signature, and says so with an empty message (RFC 4422 §3.6).
    if (this.#proven) return this.#credentials()
    const message = toExactText(response)
    if (message === undefined) return { kind: 'failed', why: 'malformed' }
    return this.#begun === undefined ? this.#first(message) : this.#final(message)
  }

  override keys(keys: ScramKeys): ServerStep {
    if (this.#begun === undefined || this.#asked !== undefined) return super.keys(keys)
    const serverFirst = `r=${this.#begun.nonce},s=${toBase64(keys.salt)},i=${keys.iterations}`
    this.#asked = { keys, serverFirst }
    return { kind: 'challenge', challenge: toOctets(serverFirst) }
  }

  #first(message: string): ServerStep {
    // RFC 5802 §7: gs2-header client-first-message-bare. `m=`, which would come before `n=`, must make it fail (§5.1).
    const form =
      /^((n|y|p=([A-Za-z0-9.-]+)),(?:a=([^,]+))?,)(n=([^,]+),r=([\x21-\x2b\x2d-\x7e]+)(?:,[A-Za-z]=[^\0]+)?)$/
    const [, header = '', flag = '', type, actFor, bare = '', name = '', nonce = ''] = form.exec(message) ?? []
    const login = unescapeName(name)
    if (login === undefined || /,m=/.test(bare)) return { kind: 'failed', why: 'malformed' }
    if (actFor !== undefined && unescapeName(actFor) !== login) return { kind: 'failed', why: 'other-user' }
    const octets = this.#bindingOf(flag, type)
    if (!(octets instanceof Uint8Array)) return { kind: 'failed', why: octets }
    this.#begun = {
      login,
      binding: toBase64(join([toOctets(header), octets])),
      clientFirst: bare,
      nonce: nonce + toBase64(this.#crypto.random(nonceOctets)),
    }
    return { kind: 'keys', login }
  }

  /** RFC 5802 §6. */
  #bindingOf(flag: string, type: string | undefined): Uint8Array | SaslFault {
    if (flag === 'y' && this.#plus) return 'downgraded'
    // Each of the two names says whether there will be a binding (RFC 5802 §4).
    if ((type !== undefined) !== (this.name === 'SCRAM-SHA-256-PLUS')) return 'channel-binding'
    if (type === undefined) return noOctets
    const known = channelBindingTypes.find((one) => one === type)
    return (known && this.#bindings?.(known)) ?? 'channel-binding'
  }

  #final(message: string): ServerStep {
    const begun = this.#begun
    const asked = this.#asked
    const form = /^(c=([A-Za-z0-9+/=]+),r=([\x21-\x2b\x2d-\x7e]+)(?:,[A-Za-z]=[^\0]+?)?),p=([A-Za-z0-9+/=]+)$/
    const [, withoutProof = '', binding, nonce, proofText = ''] = form.exec(message) ?? []
    const proof = fromBase64(proofText)
    if (begun === undefined || asked === undefined || proof?.length !== 32) return { kind: 'failed', why: 'malformed' }
    if (nonce !== begun.nonce || /,m=/.test(withoutProof)) return { kind: 'failed', why: 'malformed' }
    if (binding !== begun.binding) return { kind: 'failed', why: 'channel-binding' }

    const { keys, serverFirst } = asked
    const said = toOctets(`${begun.clientFirst},${serverFirst},${withoutProof}`)
    const clientKey = exclusiveOr(proof, this.#crypto.hmac(keys.storedKey, said))
    const right = sameOctets(this.#crypto.sha256(clientKey), keys.storedKey)
    const signature = this.#crypto.hmac(keys.serverKey, said)
    this.#proven = right && keys.known
    if (!this.#proven) return this.#credentials()
    return { kind: 'challenge', challenge: toOctets(`v=${toBase64(signature)}`) }
  }

  #credentials(): ServerStep {
    const login = this.#begun?.login ?? ''
    return { kind: 'credentials', credentials: { by: 'scram', login, mechanism: this.name, proven: this.#proven } }
  }
}
