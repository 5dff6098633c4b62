import type { Socket } from 'node:net'
import type { SecureContext } from 'node:tls'
import { MisuseError, PeerError } from '../errors.ts'
import { Conversation, type Ending } from '../net/converse.ts'
import type { Session } from '../net/crowd.ts'
import type { CloseReason, Credentials, Need } from '../pop3/need.ts'
import { Pop3Server, type ServerOptions } from '../pop3/server.ts'
import type { Texts } from '../pop3/texts.ts'
import type { ChannelBindings } from '../sasl/mechanism.ts'
import type { OpenMaildrop } from './open-maildrop.ts'
import { messageOf, reasonOf, sayRefused } from './serve-pop3-failure.ts'
import type { Patience } from './serve-pop3-options.ts'
import { type Entrance, giveKeys, logIn, type LogInOptions } from './serve-pop3-session-log-in.ts'
import { type SessionEnd, type SessionLog, SessionTally } from './serve-pop3-session-log.ts'
import { enoughGathered, Sending, writeOut } from './serve-pop3-session-sending.ts'

/** What a session needs of its door. */
export interface SessionContext extends LogInOptions {
  /** The engine's options for a client at this address; `bindings`: of implicit TLS. */
  readonly engine: (address: string, bindings: ChannelBindings | undefined) => ServerOptions
  readonly secureContext: (() => SecureContext) | undefined
  readonly implicitTls: boolean
  /** Spoken until another is asked for. */
  readonly language: Texts
  readonly patience: Patience
  /** Whether internationalized messages are changed for who did not ask for UTF8. */
  readonly downgrade: boolean
  readonly log: ((entry: SessionLog) => void) | undefined
}

/** One POP3 connection: it does what the engine needs, one thing after the other. */
export class Pop3Session implements Session {
  readonly #context: SessionContext
  readonly #address: string
  readonly #server: Pop3Server
  readonly #conversation: Conversation
  readonly #begun = performance.now()
  readonly #tally = new SessionTally()
  #open: OpenMaildrop | undefined
  #sending: Sending | undefined
  #patience: number
  readonly over: Promise<void>

  constructor(socket: Socket, address: string, context: SessionContext) {
    this.#context = context
    this.#address = address
    this.#patience = context.patience.before
    this.#server = new Pop3Server(context.engine(address, context.implicitTls ? this.#bindings() : undefined))
    this.#conversation = new Conversation(socket, this.#server)
    this.over = this.#live()
  }

  get deadline(): number {
    return this.#conversation.deadline
  }

  get loggedIn(): boolean {
    return this.#tally.user !== undefined
  }

  giveUp(why: Ending): void {
    this.#conversation.stop(why)
  }

  closeSoon(): void {
    this.#conversation.closeSoon()
  }

  async #live(): Promise<void> {
    let end: SessionEnd = 'failed'
    try {
      if (this.#context.implicitTls) await this.#secure()
      else this.#conversation.start()
      end = await this.#serve()
    } catch (error) {
      this.#tally.problem = messageOf(error)
      if (error instanceof PeerError && error.code === 'tls') end = 'tls failed'
    } finally {
      this.#letGo()
    }
    const { tls } = this.#conversation
    if (end === 'failed' || end === 'tls failed') this.#conversation.stop('connection lost')
    else await this.#conversation.end(this.#context.patience.before)
    this.#context.log?.(this.#entry(end, tls))
  }

  /** Runs the engine to the end of the session, and gives its reason. */
  async #serve(): Promise<Ending | CloseReason> {
    const server = this.#server
    const conversation = this.#conversation
    for (;;) {
      const need = server.next()
      if (need === undefined) {
        const slow = conversation.flush(this.#patience)
        if (slow !== undefined) await slow
        const more = conversation.input(this.#patience)
        if (more === false || !(await more)) return conversation.ending ?? 'connection lost'
        continue
      }
      // What is being answered is finished first when we are closing; nothing more is begun.
      if (need.kind === 'close') {
        await conversation.flush(this.#patience)
        return need.why
      }
      if (conversation.ending !== undefined) {
        await conversation.flush(this.#patience)
        return conversation.ending
      }
      conversation.working()
      const answer = this.#answer(need)
      if (answer !== undefined) await answer
      if (server.waiting >= enoughGathered) await writeOut(conversation, this.#patience)
    }
  }

  #answer(need: Exclude<Need, { kind: 'close' }>): Promise<void> | undefined {
    switch (need.kind) {
      case 'read':
        if (this.#sending === undefined) throw new MisuseError('state', 'no maildrop is open')
        return this.#sending.send(need.number, need.top)
      case 'write':
        return writeOut(this.#conversation, this.#patience)
      case 'keys':
        return giveKeys(need.login, this.#context, this.#entrance())
      case 'log-in':
        return this.#logIn(need.credentials)
      case 'update':
        return this.#update(need.removed)
      case 'handshake':
        return this.#startTls()
    }
  }

  async #logIn(credentials: Credentials): Promise<void> {
    const context = this.#context
    const conversation = this.#conversation
    await conversation.flush(this.#patience)
    const begun = performance.now()
    const open = await logIn(credentials, context, this.#entrance())
    if (open === undefined) return
    const server = this.#server
    this.#open = open
    context.onLogIn?.('ok', performance.now() - begun)
    // RFC 6856 §2: UTF8 comes before the log-in, so that it is known by now.
    const downgrade = context.downgrade && !server.utf8
    const maildrop = downgrade ? open.maildrop.downgraded : open.maildrop
    this.#tally.size = { messages: maildrop.count, octets: maildrop.octets }
    server.loggedIn(maildrop, open.policy)
    this.#patience = context.patience.after
    this.#sending = new Sending({
      server,
      conversation,
      open,
      maildrop,
      tally: this.#tally,
      downgrade,
      patience: this.#patience,
    })
  }

  #entrance(): Entrance {
    const conversation = this.#conversation
    return {
      server: this.#server,
      tally: this.#tally,
      address: this.#address,
      gone: () => conversation.ending !== undefined,
    }
  }

  async #update(removed: readonly number[]): Promise<void> {
    const server = this.#server
    const all = removed.length
    let done = 0
    try {
      if (all > 0) {
        await this.#conversation.flush(this.#patience)
        done = (await this.#open?.update(removed)) ?? 0
      }
    } catch (error) {
      this.#tally.problem = messageOf(error)
      this.#letGo()
      const say = sayRefused(error, (why) => (texts) => texts.nothingRemoved(why(texts)))
      return server.refuse(reasonOf(error), say)
    }
    this.#tally.removed = done
    // Before the answer: whoever has it may log in again at once.
    this.#letGo()
    if (done === all) return server.updated()
    this.#tally.problem = `only ${done} of ${all} messages were removed`
    server.refuse('try-later', (texts) => texts.partlyRemoved(done, all, texts.whyUnknown))
  }

  async #startTls(): Promise<void> {
    await this.#conversation.flush(this.#patience)
    await this.#secure()
    this.#server.secured(this.#bindings())
  }

  async #secure(): Promise<void> {
    const context = this.#context.secureContext
    if (context === undefined) throw new PeerError('tls', 'TLS was asked for, and there is no certificate')
    await this.#conversation.secure(context(), this.#patience, 'pop3')
  }

  #bindings(): ChannelBindings {
    return (type) => this.#conversation.binding(type)
  }

  /** Once, however the session ends: lets go of the maildrop. */
  #letGo(): void {
    this.#sending?.close()
    this.#sending = undefined
    const open = this.#open
    this.#open = undefined
    open?.close()
  }

  #entry(end: SessionEnd, tls: string | undefined): SessionLog {
    const { problem, ...tally } = this.#tally
    const { language, utf8 } = this.#server
    const { octetsIn, octetsOut } = this.#conversation
    return {
      ...tally,
      address: this.#address,
      tls,
      octetsIn,
      octetsOut,
      milliseconds: Math.round(performance.now() - this.#begun),
      end,
      ...(language !== this.#context.language && { language: language.tag }),
      ...(utf8 && { utf8 }),
      ...(problem !== undefined && { problem }),
    }
  }
}
