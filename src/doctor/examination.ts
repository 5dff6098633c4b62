import { setTimeout as wait } from 'node:timers/promises'
import type { TLSSocket } from 'node:tls'
import { askCapabilities, mechanismsOf, type Capabilities } from './capabilities.ts'
import { readListing, type Listing } from './listing.ts'
import { authPlain, userPass, type Login, type WayIn } from './log-in.ts'
import { given, type GivenMessage } from './message.ts'
import { Observed } from './observed.ts'
import { trustFault } from './probe-tls.ts'
import { Probe } from './probe.ts'
import { quoted, type Reply } from './reply.ts'
import { Untried } from './rule.ts'
import { scram } from './scram.ts'
import type { Target } from './target.ts'

export interface ExaminationOptions {
  readonly target: Target
  readonly destructive: boolean
  /** How long one answer may take, milliseconds. */
  readonly patience: number
}

/** Messages read in one examination: so many, */
const fewMessages = 5
const manyMessages = 60
/** and so many octets. */
const fewOctets = 2 << 20
const manyOctets = 32 << 20
/** How long a maildrop may stay locked after the session that had it has ended, milliseconds. */
const lockGrace = 5000

/** One server under examination: connections to it, the one log-in that most rules share, and what is known so far. */
export class Examination {
  readonly target: Target
  readonly destructive: boolean
  readonly patience: number
  readonly observed: Observed = new Observed()
  #shared: Probe | undefined
  #open: Set<Probe> = new Set<Probe>()
  /** Why no further log-in is tried. */
  #barred: string | undefined
  /** What the server said when it refused the right log-in. */
  refusal: string | undefined
  #known: Map<string, Promise<unknown>> = new Map<string, Promise<unknown>>()

  constructor({ target, destructive, patience }: ExaminationOptions) {
    this.target = target
    this.destructive = destructive
    this.patience = patience
  }

  // Connections

  /** A connection of its own, greeted, with TLS as the target has it. */
  async connect(): Promise<Probe> {
    const probe = await this.connectRaw()
    if (this.target.tls === 'starttls') await this.startTls(probe)
    return probe
  }

  /** The same without STLS: where TLS does not come first, in the clear. */
  async connectRaw(): Promise<Probe> {
    const probe = await Probe.open(this.target, { patience: this.patience, observed: this.observed })
    this.#open.add(probe)
    if (this.target.tls === 'implicit') await this.secure(probe)
    probe.greeting = await probe.reply()
    return probe
  }

  /** A connection on which not even the greeting was read, and no TLS begun. */
  async connectBare(): Promise<Probe> {
    const probe = await Probe.open(this.target, { patience: this.patience, observed: this.observed })
    this.#open.add(probe)
    return probe
  }

  /** The TLS handshake with what this examination trusts; offers the protocol `pop3` (RFC 7301). */
  async secure(probe: Probe): Promise<TLSSocket> {
    const { certificate } = this.target
    return await probe.secure({ alpn: ['pop3'], ...(certificate !== undefined && { certificate }) })
  }

  /** STLS and the handshake. Throws Untried where the server does not want to. */
  async startTls(probe: Probe): Promise<void> {
    const reply = await probe.ask('STLS')
    if (reply.status !== '+OK') throw new Untried(`STLS was refused: ${quoted(reply.line)}`)
    await this.secure(probe)
  }

  /** A connection with TLS, by whatever way there is. Throws Untried where there is none. */
  async connectTls(): Promise<Probe> {
    if (this.target.tls !== 'none') return await this.connect()
    const { all } = await this.capabilities()
    if (!all.has('STLS')) throw new Untried('this port has no TLS: STLS is not announced')
    const probe = await this.connectRaw()
    await this.startTls(probe)
    return probe
  }

  /** A connection in the clear where STLS is announced. Throws Untried where there is none. */
  async connectForStls(): Promise<Probe> {
    if (this.target.tls === 'implicit') throw new Untried('TLS is active from the start here')
    const probe = await this.connectRaw()
    const { all } = await askCapabilities(probe)
    if (!all.has('STLS')) throw new Untried('STLS is not announced')
    return probe
  }

  /** Ends a session so that it changes nothing: with QUIT, but for one that has read (some servers then hide) or marked a message. */
  async finish(probe: Probe): Promise<void> {
    if (!probe.over) {
      if (probe.touched) await probe.ask('RSET').catch(() => undefined)
      else {
        await probe.ask('QUIT').catch(() => undefined)
        await probe.ends(1000)
      }
    }
    await probe.close()
    this.#open.delete(probe)
  }

  /** Breaks off what a rule has left open, the shared session aside: nothing is removed by that (RFC 1939 §6). */
  tidy(): void {
    for (const probe of this.#open) if (probe !== this.#shared) probe.drop()
    this.#open = new Set(this.#shared === undefined ? [] : [this.#shared])
  }

  /** Ends everything. */
  async end(): Promise<void> {
    await this.release().catch(() => undefined)
    this.tidy()
  }

  // Logging in

  /** The login and the password; throws Untried where they may not or cannot be used. */
  login(probe: Probe): Login {
    const { credentials, inTheClear, trustAnyway } = this.target
    if (credentials === undefined) throw new Untried('no login was given')
    if (this.#barred !== undefined) throw new Untried(this.#barred)
    if (probe.tls === undefined && inTheClear !== true)
      throw new Untried('nothing hides the password on this connection, so it was not sent (--tls none sends it)')
    const fault = probe.tls && trustFault(probe.tls, this.target)
    if (fault !== undefined && trustAnyway !== true)
      throw new Untried('the certificate is not trusted, so the password was not sent (--no-verify sends it)')
    return credentials
  }

  /** Logs in on a greeted connection by the best way announced, or by this one. The lock of a session just ended is waited for. */
  async logIn(probe: Probe, way?: WayIn): Promise<Reply> {
    const until = performance.now() + lockGrace
    for (;;) {
      const reply = await this.logInOnce(probe, way)
      if (reply.status === '+OK') return reply
      const busy = reply.code === 'IN-USE' || /\b(?:maildrop|mailbox)\b.*\b(?:locked|in use|busy)/i.test(reply.text)
      if (!busy || probe.over || performance.now() > until) return reply
      await wait(100)
    }
  }

  /** The same, but whatever is answered is the answer. */
  async logInOnce(probe: Probe, way?: WayIn): Promise<Reply> {
    const who = this.login(probe)
    const reply = await (way ?? (await this.#bestWay()))(probe, who)
    if (reply.code !== 'LOGIN-DELAY') return reply
    // RFC 2449 §8.1.1: the next log-in must wait; so it is with all that follow.
    this.#barred = `the server wants time between two log-ins: ${quoted(reply.line)}`
    throw new Untried(this.#barred)
  }

  /** A session of its own, logged in; the shared one is ended first, for a maildrop may be open only once. Throws Untried. */
  async session(): Promise<Probe> {
    await this.release()
    return await this.#loggedIn()
  }

  /** The session that rules share which leave it as they found it. Throws Untried where the log-in does not succeed. */
  async shared(): Promise<Probe> {
    if (this.#shared?.over === true) this.#shared = undefined
    this.#shared ??= await this.#loggedIn()
    return this.#shared
  }

  /** Ends the shared session, if there is one. */
  async release(): Promise<void> {
    const shared = this.#shared
    this.#shared = undefined
    if (shared !== undefined) await this.finish(shared)
  }

  /** Breaks the shared session off: nobody knows any more what it would answer. */
  discard(): void {
    this.#shared?.drop()
    this.#shared = undefined
  }

  async #loggedIn(): Promise<Probe> {
    const probe = await this.connect()
    const reply = await this.logIn(probe)
    if (reply.status === '+OK') return probe
    await probe.close()
    // One refusal is enough: more of them could lock the account.
    this.refusal = quoted(reply.line)
    this.#barred = `the log-in was refused: ${this.refusal}`
    throw new Untried(this.#barred)
  }

  async #bestWay(): Promise<WayIn> {
    const capabilities = await this.capabilities()
    const mechanisms = mechanismsOf(capabilities)
    if (mechanisms.includes('PLAIN')) return authPlain
    if (capabilities.all.has('USER') || !mechanisms.includes('SCRAM-SHA-256')) return userPass
    return async (probe, who) => (await scram(probe, 'SCRAM-SHA-256', who)).reply
  }

  // What is known

  /** What CAPA says before the log-in (with TLS as the target has it). */
  capabilities(): Promise<Capabilities> {
    return this.once('capabilities', async () => {
      const probe = await this.connect()
      try {
        return await askCapabilities(probe)
      } finally {
        await this.finish(probe)
      }
    })
  }

  /** What CAPA says after the log-in. */
  capabilitiesAfter(): Promise<Capabilities> {
    return this.once('capabilitiesAfter', async () => await askCapabilities(await this.shared()))
  }

  /** Throws Untried where a capability is not announced; else gives its arguments. */
  async announced(name: string): Promise<readonly string[]> {
    const { all } = await this.capabilities()
    const words = all.get(name) ?? (this.target.credentials && (await this.capabilitiesAfter()).all.get(name))
    if (words === undefined) throw new Untried(`${name} is not announced`)
    return words
  }

  /** Whether a mechanism is announced; throws Untried where it is not. */
  async mechanism(name: string): Promise<void> {
    if (!mechanismsOf(await this.capabilities()).includes(name)) throw new Untried(`SASL ${name} is not announced`)
  }

  /** The first LIST of the shared session. */
  list(): Promise<Listing> {
    return this.once('list', () => this.#listing('LIST'))
  }

  /** The first UIDL. Throws Untried where the server has none. */
  uidl(): Promise<Listing> {
    return this.once('uidl', () => this.#listing('UIDL'))
  }

  /** Some messages, read once, by number: few, and many only where the examination may strain the server. */
  samples(): Promise<ReadonlyMap<number, GivenMessage>> {
    return this.once('samples', async () => {
      const probe = await this.shared()
      const read = new Map<number, GivenMessage>()
      for (const number of await this.sampleNumbers()) {
        const { reply, body } = await probe.askLines(`RETR ${number}`)
        if (reply.status === '+OK') read.set(number, given(body))
      }
      if (read.size === 0) throw new Untried('the maildrop holds no message that could be read')
      return read
    })
  }

  /** The numbers of messages to read: the first and the last, then the smallest. */
  async sampleNumbers(): Promise<number[]> {
    const { lines } = await this.list()
    const most = this.destructive ? manyMessages : fewMessages
    let left = this.destructive ? manyOctets : fewOctets
    const bySize = lines.toSorted((a, b) => Number(a.value) - Number(b.value))
    const ends = [lines[0], lines.at(-1)].filter((line) => line !== undefined)
    const chosen = new Set<number>()
    for (const { number, value } of [...ends, ...bySize]) {
      if (chosen.size >= most) break
      if (chosen.has(number) || Number(value) > left) continue
      chosen.add(number)
      left -= Number(value)
    }
    return [...chosen].toSorted((a, b) => a - b)
  }

  /** Forgets what is known of the maildrop: it has changed. */
  forget(): void {
    for (const name of ['list', 'uidl', 'samples', 'international']) this.#known.delete(name)
  }

  async #listing(verb: 'LIST' | 'UIDL'): Promise<Listing> {
    const { reply, body } = await (await this.shared()).askLines(verb)
    if (reply.status !== '+OK') throw new Untried(`${verb} was refused: ${quoted(reply.line)}`)
    return readListing(body)
  }

  /** Finds out once; what failed is tried again by the next who asks. */
  once<T>(name: string, find: () => Promise<T>): Promise<T> {
    const found = this.#known.get(name) as Promise<T> | undefined
    if (found !== undefined) return found
    const finding = find()
    this.#known.set(name, finding)
    finding.catch(() => this.#known.delete(name))
    return finding
  }
}
