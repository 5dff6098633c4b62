import { MisuseError } from '../errors.ts'
import type { Reason } from '../reasons.ts'
import type { ChannelBindings, Mechanism, SaslFault, ServerMechanism, ServerStep } from '../sasl/mechanism.ts'
import { isProhibited } from '../sasl/prepare.ts'
import type { ScramKeys } from '../sasl/scram.ts'
import { serverMechanism } from '../sasl/server.ts'
import { fromBase64 } from '../wire/base64.ts'
import { noOctets } from '../wire/octets.ts'
import type { Credentials, Need } from './need.ts'
import type { Replies } from './replies.ts'
import { inCapitals } from './rules.ts'
import type { ServerOptions } from './server-options.ts'
import type { Say } from './texts.ts'

/** The ways to log in: USER and PASS, APOP (RFC 1939 §7), and AUTH with its exchange (RFC 5034). Each gives what it needs next. */
export class LogIn {
  readonly #options: ServerOptions
  readonly #replies: Replies
  #secure: boolean
  #bindings: ChannelBindings | undefined
  /** From USER to the PASS that must follow at once. */
  #name: string | undefined
  /** The exchange of AUTH that is under way. */
  #exchange: ServerMechanism | undefined
  /** Why the exchange has failed, while the client must still answer one challenge. */
  #refusal: { readonly reason: Reason; readonly say: Say } | undefined
  /** Whether the next line is a response. */
  asked = false

  constructor(options: ServerOptions, replies: Replies) {
    this.#options = options
    this.#replies = replies
    this.#secure = options.secure ?? false
    this.#bindings = options.bindings
  }

  get secure(): boolean {
    return this.#secure
  }

  /** TLS is there. */
  secured(bindings: ChannelBindings | undefined): void {
    this.#secure = true
    this.#bindings = bindings
  }

  /** Whether one may log in now. */
  get permitted(): boolean {
    return this.#secure || this.#options.clearLogin === true
  }

  /** The SASL mechanisms that can be used now. */
  get mechanisms(): readonly Mechanism[] {
    if (!this.permitted) return []
    const { mechanisms = ['PLAIN'], crypto } = this.#options
    return mechanisms.filter((name) => {
      if (name === 'SCRAM-SHA-256-PLUS') return crypto !== undefined && this.#bindings !== undefined
      return name !== 'SCRAM-SHA-256' || crypto !== undefined
    })
  }

  /** Another command came. */
  forget(): void {
    this.#name = undefined
    this.#exchange = undefined
    this.#refusal = undefined
    this.asked = false
  }

  user(name: string): undefined {
    if (!this.permitted) return this.#onlyWithTls()
    if (isProhibited(name)) return this.#notUtf8()
    this.#name = name
    // RFC 1939 §7: yes to every name, so that nobody learns which are there.
    this.#replies.ok(this.#replies.language.nowPassword)
    return undefined
  }

  pass(password: string): Need | undefined {
    const login = this.#name
    this.#name = undefined
    // RFC 1939 §7: only immediately after a successful USER.
    if (login === undefined) return this.#no((texts) => texts.userFirst)
    return this.#ask({ by: 'password', login, password, mechanism: 'USER' })
  }

  apop(login: string, digest: string): Need | undefined {
    const { timestamp } = this.#options
    if (timestamp === undefined) return this.#no((texts) => texts.notOffered('APOP'))
    if (!this.permitted) return this.#onlyWithTls()
    return this.#ask({ by: 'apop', login, timestamp, digest })
  }

  /** AUTH. Bare, it lists the mechanisms: so did clients ask before there was CAPA. */
  auth(word: string, initial: string): Need | undefined {
    const { mechanisms } = this
    if (word === '') {
      this.#replies.lines(this.#replies.language.mechanisms, mechanisms)
      return undefined
    }
    const name = inCapitals(word) as Mechanism
    const known = (this.#options.mechanisms ?? ['PLAIN']).includes(name)
    if (known && !this.permitted) return this.#onlyWithTls()
    const exchange = mechanisms.includes(name)
      ? serverMechanism(name, {
          crypto: this.#options.crypto,
          bindings: this.#bindings,
          plus: mechanisms.includes('SCRAM-SHA-256-PLUS'),
        })
      : undefined
    if (exchange === undefined) return this.#no((texts) => texts.unknownMechanism(mechanisms.join(', ')))
    // RFC 5034 §4: LOGIN's client does not speak first.
    if (name === 'LOGIN' && initial !== '') return this.#no((texts) => texts.noInitialResponse(name))
    this.#exchange = exchange
    if (initial === '') return this.#step(exchange.respond(undefined))
    // RFC 5034 §4: "=" is an initial response of no octets.
    return this.#respond(initial === '=' ? '' : initial)
  }

  /** The line that answers a challenge. */
  response(line: string): Need | undefined {
    this.asked = false
    const refusal = this.#refusal
    // RFC 7628 §3.2.3: whatever it says, it has taken note.
    if (refusal !== undefined) return this.#no(refusal.say, refusal.reason)
    return line === '*' ? this.#no((texts) => texts.cancelled) : this.#respond(line)
  }

  /** The keys that it asked for. */
  keys(keys: ScramKeys): Need | undefined {
    const exchange = this.#exchange
    if (exchange === undefined) throw new MisuseError('state', 'no exchange has asked for keys')
    return this.#step(exchange.keys(keys))
  }

  /** The log-in, or looking up the keys, was refused. False: the client has to answer once more before it is told. */
  refused(reason: Reason, say: Say): boolean {
    const challenge = reason === 'bad-login' ? this.#exchange?.refused() : undefined
    if (challenge === undefined) {
      this.#no(say, reason)
      return true
    }
    this.#refusal = { reason, say }
    this.#challenge(challenge)
    return false
  }

  #respond(response: string): Need | undefined {
    const exchange = this.#exchange
    const octets = response === '' ? noOctets : fromBase64(response)
    if (exchange === undefined || octets === undefined) return this.#failed('malformed')
    return this.#step(exchange.respond(octets))
  }

  #step(step: ServerStep): Need | undefined {
    switch (step.kind) {
      case 'challenge':
        this.#challenge(step.challenge)
        return undefined
      case 'keys':
        return isProhibited(step.login) ? this.#notUtf8() : { kind: 'keys', login: step.login }
      case 'credentials':
        return this.#ask(step.credentials)
      case 'failed':
        return this.#failed(step.why)
    }
  }

  /** RFC 6856 §2.2, RFC 4616 §2, RFC 5802 §5.1: whoever has what SASLprep prohibits is refused, and nobody is asked about it. */
  #ask(credentials: Credentials): Need | undefined {
    const password = credentials.by === 'password' ? credentials.password : ''
    if (isProhibited(credentials.login) || isProhibited(password)) return this.#notUtf8()
    return { kind: 'log-in', credentials }
  }

  #notUtf8(): undefined {
    return this.#no((texts) => texts.notUtf8, 'bad-login')
  }

  #challenge(challenge: Uint8Array): void {
    this.asked = true
    this.#replies.challenge(challenge)
  }

  #failed(why: SaslFault): undefined {
    const name = this.#exchange?.name ?? 'AUTH'
    if (why === 'malformed') return this.#no((texts) => texts.badResponse(name))
    // RFC 3206 §4: with these credentials it cannot succeed.
    return this.#no((texts) => (why === 'other-user' ? texts.notForOthers : texts.noBinding), 'bad-login')
  }

  #onlyWithTls(): undefined {
    const stls = this.#options.stls ?? false
    // RFC 3206 §4: the same credentials cannot succeed this way.
    return this.#no((texts) => texts.noClearLogin(stls), 'bad-login')
  }

  #no(say: Say, reason?: Reason): undefined {
    this.forget()
    this.#replies.err(say, reason)
    return undefined
  }
}
