import { randomBytes } from 'node:crypto'
import { saslCrypto } from '../accounts/sasl-crypto.ts'
import { findDotLine } from '../net/find-dot-line.ts'
import { isLoopback } from '../net/place.ts'
import { languages } from '../pop3/languages.ts'
import { type Policy, type ServerOptions, usualPolicy } from '../pop3/server-options.ts'
import type { Texts } from '../pop3/texts.ts'
import type { ChannelBindings, Mechanism } from '../sasl/mechanism.ts'
import type { SaslCrypto } from '../sasl/scram.ts'
import type { FindDotLine } from '../wire/find-dot-line.ts'
import type { Authentication, Pop3DoorOptions } from './serve-pop3-options.ts'

/** What a door tells the engine of one session. What few clients ask for is looked up when they do. */
export class EngineOptions implements ServerOptions {
  readonly #door: Pop3DoorOptions
  readonly secure: boolean
  readonly bindings?: ChannelBindings
  readonly timestamp?: string
  readonly clearLogin: boolean

  /** `bindings`: of implicit TLS; undefined: the session begins in the clear. */
  constructor(door: Pop3DoorOptions, address: string, bindings: ChannelBindings | undefined) {
    const { clearLoginFrom = 'loopback', authenticator } = door
    this.#door = door
    this.secure = bindings !== undefined
    if (bindings !== undefined) this.bindings = bindings
    // RFC 1939 §7: another one each time.
    if (offersApop(authenticator)) this.timestamp = `<${randomBytes(12).toString('hex')}@postino>`
    this.clearLogin = clearLoginFrom === 'anywhere' || (clearLoginFrom === 'loopback' && isLoopback(address))
  }

  get stls(): boolean {
    return this.#door.tls !== undefined
  }

  get mechanisms(): readonly Mechanism[] {
    return this.#door.authenticator.mechanisms ?? ['PLAIN']
  }

  get policy(): Policy {
    return this.#door.policy ?? usualPolicy
  }

  get languages(): readonly Texts[] {
    return this.#door.languages ?? languages
  }

  get crypto(): SaslCrypto {
    return saslCrypto
  }

  get find(): FindDotLine {
    return findDotLine
  }
}

/** Where the users cannot be asked about, a log-in will say so; here nobody would hear it. */
function offersApop(authenticator: Authentication): boolean {
  try {
    return authenticator.apop === true
  } catch {
    return false
  }
}
