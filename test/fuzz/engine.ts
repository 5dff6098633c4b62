import assert from 'node:assert/strict'
import fc from 'fast-check'
import { saslCrypto } from '../../src/accounts/sasl-crypto.ts'
import { Maildrop } from '../../src/pop3/maildrop.ts'
import type { Need } from '../../src/pop3/need.ts'
import { Pop3Server, type ServerOptions } from '../../src/pop3/server.ts'
import { mechanisms } from '../../src/sasl/mechanism.ts'
import { keysOf, type ScramKeys } from '../../src/sasl/scram.ts'
import { checkReplies, type Ended } from './grammar.ts'
import { pieces, sessions } from './lines.ts'

/** A message as it is kept; what is said of it in the maildrop is true. */
interface Kept {
  readonly octets: Buffer
  readonly lineEnds: 'crlf' | 'lf'
}

const text = fc.oneof(
  fc.constantFrom(
    '',
    '.',
    '..',
    '.\r\n',
    '\r\n.\r\n',
    'Subject: a\r\n\r\n.dot\r\n..\r\nlast',
    '\r',
    '\r\n',
    'a\rb\r\n',
    '\n.\n',
  ),
  fc.uint8Array({ maxLength: 200 }).map((octets) => Buffer.from(octets).toString('latin1')),
  fc.constant(`Subject: long\r\n\r\n${`${'x'.repeat(98)}\r\n`.repeat(3000)}`),
)
const message: fc.Arbitrary<Kept> = fc.oneof(
  text.map((octets) => ({ octets: Buffer.from(octets, 'latin1'), lineEnds: 'crlf' as const })),
  text.map((octets) => ({ octets: Buffer.from(octets.replaceAll('\r', ''), 'latin1'), lineEnds: 'lf' as const })),
)

/** How a door answers: what it decides is drawn, over and over. */
interface Behaviour {
  readonly messages: readonly Kept[]
  readonly options: ServerOptions
  readonly decisions: readonly number[]
  /** In pieces of these sizes come commands, and messages. */
  readonly sizes: readonly number[]
}

const behaviour: fc.Arbitrary<Behaviour> = fc.record({
  messages: fc.array(message, { maxLength: 4 }),
  options: fc.record({
    secure: fc.boolean(),
    stls: fc.constant(false),
    clearLogin: fc.boolean(),
    utf8: fc.boolean(),
    mechanisms: fc.constant(mechanisms),
    crypto: fc.constant(saslCrypto),
    timestamp: fc.constantFrom('<1.2@example.test>', '<a@b>'),
  }),
  decisions: fc.array(fc.nat({ max: 99 }), { minLength: 1, maxLength: 12 }),
  sizes: fc.array(fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 9000 })), { minLength: 1, maxLength: 6 }),
})

const salted = Buffer.alloc(32, 7)
const salt = Buffer.alloc(16, 9)
const keys: ScramKeys = { salt, iterations: 4096, ...keysOf(salted, saslCrypto), known: true }

/** More may never wait: what an engine lets pile up, one piece of a message with all its dots stuffed, and a reply. */
const mostWaiting = (128 << 10) + 2 * 9000 + 4096

/** An engine, and a door that does what it needs. */
class Run {
  readonly #server: Pop3Server
  readonly #behaviour: Behaviour
  #turn = 0
  readonly said: Buffer[] = []
  closed = false
  cut = false

  constructor(how: Behaviour) {
    this.#behaviour = how
    this.#server = new Pop3Server(how.options)
  }

  /** Gives it these octets, as far as it wants them, and does what it needs. */
  talk(sent: Uint8Array): void {
    this.#go()
    for (const piece of pieces(sent, this.#behaviour.sizes)) {
      if (this.closed) return
      assert.ok(this.#server.wants, 'it wants no more although nothing is open')
      this.#server.receive(piece)
      this.#go()
    }
  }

  #go(): void {
    for (;;) {
      const need = this.#server.next()
      assert.ok(this.#server.waiting <= mostWaiting, `${this.#server.waiting} octets wait to be written`)
      if (need === undefined) return this.#write()
      if (need.kind !== 'write') assert.equal(this.#server.next(), need, 'a need stays until it is answered')
      if (need.kind === 'close') {
        this.cut = need.why === 'unreadable message'
        this.closed = true
        return this.#write()
      }
      this.#answer(need)
    }
  }

  #answer(need: Exclude<Need, { kind: 'close' }>): void {
    const server = this.#server
    switch (need.kind) {
      case 'write':
        return this.#write()
      case 'handshake':
        return server.secured()
      case 'keys':
        return this.#decide() < 90
          ? server.keys(keys)
          : server.refuse('try-later', () => 'not [now], "\u00e8\u{1f600}"')
      case 'log-in': {
        const { credentials } = need
        const right = credentials.by === 'password' ? credentials.password === 'secret' : this.#decide() < 50
        if (!right) return server.refuse('bad-login', (texts) => texts.wrongLogin)
        if (this.#decide() > 90) return server.refuse('in-use', () => `by <${'x'.repeat(600)}>\r\n+OK`)
        return server.loggedIn(this.#maildrop())
      }
      case 'update':
        return this.#decide() < 80 ? server.updated() : server.refuse('try-later', () => '[disk]\n full')
      case 'read':
        return this.#read(need.number)
    }
  }

  #maildrop(): Maildrop {
    return Maildrop.of(
      this.#behaviour.messages.map(({ octets, lineEnds }, place) => ({
        uniqueId: `id-${place}`,
        octets: octets.length,
        lineEnds,
      })),
    )
  }

  #read(number: number): void {
    const { messages, sizes } = this.#behaviour
    const octets = messages[number - 1]?.octets ?? Buffer.alloc(0)
    const fails = this.#decide() > 90
    for (const piece of pieces(octets, sizes)) {
      if (!this.#server.message(piece)) break
      if (this.#server.waiting > 128 << 10) this.#write()
      if (fails && this.#decide() > 30) return this.#server.messageFailed('broken', (texts) => texts.whyDamaged)
    }
    if (fails) this.#server.messageFailed('try-later', () => 'gone')
    else this.#server.messageEnd()
  }

  #write(): void {
    for (const piece of this.#server.take()) this.said.push(Buffer.from(piece))
    this.#server.written()
  }

  #decide(): number {
    const { decisions } = this.#behaviour
    return decisions[this.#turn++ % decisions.length] ?? 0
  }
}

/** Whatever a client says, in whatever pieces, to whatever door: each line gets one reply of the right form, and little piles up. */
export const engineProperty: fc.IProperty<[Behaviour, string[]]> = fc.property(
  behaviour,
  sessions({ quits: true, most: 60 }),
  (how, lines) => {
    const sent = Buffer.from(lines.join(''), 'latin1')
    const run = new Run(how)
    run.talk(sent)
    const ended: Ended = run
    checkReplies(sent, Buffer.concat(run.said), ended)
  },
)
