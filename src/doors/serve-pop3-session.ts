import type { Socket } from 'node:net'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { SecureContext } from 'node:tls'
import { PeerError } from '../errors.ts'
import { Conversation, type Ending } from '../net/converse.ts'
import { findDotLine } from '../net/find-dot-line.ts'
import { isLoopback, type Session } from '../net/listen.ts'
import type { Maildrop } from '../pop3/maildrop.ts'
import type { CloseReason, Credentials, Need } from '../pop3/need.ts'
import { Pop3Server } from '../pop3/server.ts'
import type { MaildropEntry, Taker, UserMail } from '../store/store.ts'
import { messageOf, publicMessage, reasonOf } from './serve-pop3-failure.ts'
import type { Maildrops } from './serve-pop3-maildrops.ts'

/** One line about one session, for the log. */
export interface SessionLog {
  /** Undefined: nobody logged in. */
  readonly user: string | undefined
  readonly address: string
  /** The TLS version; undefined: in the clear. */
  readonly tls: string | undefined
  /** Messages sent whole by RETR, and their octets. */
  readonly retrieved: number
  readonly retrievedOctets: number
  /** Messages of which TOP was sent. */
  readonly tops: number
  readonly removed: number
  /** Octets on the connection, without TLS. */
  readonly octetsIn: number
  readonly octetsOut: number
  readonly milliseconds: number
  readonly end: Ending | CloseReason | 'tls failed' | 'failed'
  /** What failed, where something did. */
  readonly problem?: string
}

/** How long a silent client is borne (milliseconds). RFC 1939 §3: at least 10 minutes once it has logged in. */
export interface Patience {
  readonly before: number
  readonly after: number
}

/** What a session needs of its door. */
export interface SessionContext {
  readonly open: (user: string) => Promise<UserMail>
  readonly authenticate: (user: string, password: string, from: string) => Promise<string | undefined>
  readonly secureContext: (() => SecureContext) | undefined
  readonly implicitTls: boolean
  readonly clearLoginFrom: 'nowhere' | 'loopback' | 'anywhere'
  readonly maildrops: Maildrops
  readonly patience: Patience
  readonly log: ((entry: SessionLog) => void) | undefined
}

/** Octets that may be gathered before they are written. */
const enoughGathered = 128 << 10
/** What is gathered is written after so long (milliseconds) at the latest, however long the store takes for what comes next. */
const soon = 10

/** One POP3 connection: it does what the engine needs, one thing after the other. */
export class Pop3Session implements Session {
  readonly #context: SessionContext
  readonly #address: string
  readonly #server: Pop3Server
  readonly #conversation: Conversation
  readonly #begun = performance.now()
  #user: string | undefined
  #locked = false
  #mail: UserMail | undefined
  #maildrop: Maildrop<MaildropEntry> | undefined
  #patience: number
  #retrieved = 0
  #retrievedOctets = 0
  #tops = 0
  #removed = 0
  #problem: string | undefined
  #timer: ReturnType<typeof setTimeout> | undefined
  readonly over: Promise<void>

  constructor(socket: Socket, address: string, context: SessionContext) {
    this.#context = context
    this.#address = address
    this.#patience = context.patience.before
    const { clearLoginFrom } = context
    this.#server = new Pop3Server({
      secure: context.implicitTls,
      stls: context.secureContext !== undefined,
      clearLogin: clearLoginFrom === 'anywhere' || (clearLoginFrom === 'loopback' && isLoopback(address)),
      find: findDotLine,
    })
    this.#conversation = new Conversation(socket, this.#server)
    this.over = this.#live()
  }

  get deadline(): number {
    return this.#conversation.deadline
  }

  get loggedIn(): boolean {
    return this.#maildrop !== undefined
  }

  giveUp(why: Ending): void {
    this.#conversation.stop(why)
  }

  closeSoon(): void {
    this.#conversation.closeSoon()
  }

  async #live(): Promise<void> {
    let end: SessionLog['end'] = 'failed'
    try {
      if (this.#context.implicitTls) await this.#secure()
      else this.#conversation.start()
      end = await this.#serve()
    } catch (error) {
      this.#problem = messageOf(error)
      if (error instanceof PeerError && error.code === 'tls') end = 'tls failed'
    } finally {
      this.#letGo()
    }
    const tls = this.#conversation.tls
    if (end === 'failed' || end === 'tls failed') this.#conversation.stop('connection lost')
    else await this.#conversation.end(this.#context.patience.before)
    this.#context.log?.({
      user: this.#user,
      address: this.#address,
      tls,
      retrieved: this.#retrieved,
      retrievedOctets: this.#retrievedOctets,
      tops: this.#tops,
      removed: this.#removed,
      octetsIn: this.#conversation.octetsIn,
      octetsOut: this.#conversation.octetsOut,
      milliseconds: Math.round(performance.now() - this.#begun),
      end,
      ...(this.#problem !== undefined && { problem: this.#problem }),
    })
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
        if (!(await conversation.input(this.#patience))) return conversation.ending ?? 'connection lost'
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
      if (server.waiting >= enoughGathered) await this.#writeOut()
    }
  }

  /** Writes what is gathered; then it is the others' turn, also where this client takes all as fast as we write. */
  async #writeOut(): Promise<void> {
    const slow = this.#conversation.flush(this.#patience)
    await (slow ?? nextTurn())
  }

  #answer(need: Exclude<Need, { kind: 'close' }>): Promise<void> | undefined {
    switch (need.kind) {
      case 'read':
        return this.#read(need.number, need.top)
      case 'write':
        return this.#writeOut()
      case 'log-in':
        return this.#logIn(need.credentials)
      case 'update':
        return this.#update(need.removed)
      case 'handshake':
        return this.#startTls()
    }
  }

  async #logIn(credentials: Credentials): Promise<void> {
    const server = this.#server
    const { maildrops, authenticate, open } = this.#context
    if (credentials.by === 'apop') return server.refuse('no', 'APOP is not offered here')
    await this.#conversation.flush(this.#patience)
    try {
      const user = await authenticate(credentials.login, credentials.password, this.#address)
      if (user === undefined) return server.refuse('bad-login', 'wrong login name or password')
      const holder = maildrops.lock(user, this.#address)
      if (holder !== undefined) {
        const since = new Date(holder.since).toISOString().slice(0, 19).replace('T', ' ')
        return server.refuse('in-use', `another session has this maildrop, from ${holder.from} since ${since} UTC`)
      }
      this.#locked = true
      this.#user = user
      this.#mail = await open(user)
      this.#maildrop = await maildrops.look(this.#mail)
      this.#patience = this.#context.patience.after
      server.loggedIn(this.#maildrop)
    } catch (error) {
      this.#letGo()
      this.#user = undefined
      this.#refuse(error, 'cannot open the maildrop')
    }
  }

  #read(number: number, top: boolean): Promise<void> | undefined {
    const id = this.#maildrop?.messages[number - 1]?.id
    const mail = this.#mail
    if (id === undefined || mail === undefined) {
      this.#server.messageFailed('broken', 'no maildrop is open')
      return undefined
    }
    try {
      const waiting = mail.lend(id, this.#give)
      if (waiting !== undefined) return this.#readOn(waiting, number, top)
      this.#sent(number, top)
    } catch (error) {
      this.#unreadable(error, number)
    }
    return undefined
  }

  /** Gives the engine what the store lends; where enough is gathered, the store waits until it is written. */
  readonly #give: Taker = (parts) => {
    if (this.#gone) return 'enough'
    for (const part of parts) if (!this.#server.message(part)) return 'enough'
    return this.#server.waiting < enoughGathered ? undefined : this.#writeOut()
  }

  async #readOn(waiting: Promise<void>, number: number, top: boolean): Promise<void> {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined
      this.#conversation.push()
    }, soon)
    try {
      await waiting
      this.#sent(number, top)
    } catch (error) {
      this.#unreadable(error, number)
    }
  }

  #unreadable(error: unknown, number: number): void {
    this.#problem = messageOf(error)
    this.#server.messageFailed(reasonOf(error), `message ${number} cannot be read: ${publicMessage(error)}`)
  }

  /** Whether nobody is there any more to give anything to. */
  get #gone(): boolean {
    const { ending } = this.#conversation
    return ending !== undefined && ending !== 'closing'
  }

  #sent(number: number, top: boolean): void {
    if (this.#gone) return
    this.#server.messageEnd()
    if (top) this.#tops++
    else {
      this.#retrieved++
      this.#retrievedOctets += this.#maildrop?.messages[number - 1]?.octets ?? 0
    }
  }

  async #update(removed: readonly number[]): Promise<void> {
    const messages = this.#maildrop?.messages ?? []
    try {
      if (removed.length > 0) {
        await this.#conversation.flush(this.#patience)
        await this.#mail?.change((draft) => {
          for (const number of removed) {
            const id = messages[number - 1]?.id
            // Somebody may have taken it away by another door meanwhile: then it is gone already.
            if (id !== undefined && draft.view.message(id) !== undefined) draft.hide(id, true)
          }
        })
      }
    } catch (error) {
      this.#letGo()
      return this.#refuse(error, 'nothing was removed')
    }
    this.#removed = removed.length
    // Before the answer: whoever has it may log in again at once.
    this.#letGo()
    this.#server.updated()
  }

  async #startTls(): Promise<void> {
    await this.#conversation.flush(this.#patience)
    await this.#secure()
    this.#server.secured()
  }

  async #secure(): Promise<void> {
    const context = this.#context.secureContext
    if (context === undefined) throw new PeerError('tls', 'TLS was asked for, and there is no certificate')
    await this.#conversation.secure(context(), this.#patience)
  }

  #refuse(error: unknown, what: string): void {
    this.#problem = messageOf(error)
    this.#server.refuse(reasonOf(error), `${what}: ${publicMessage(error)}`)
  }

  #letGo(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#mail = undefined
    if (this.#locked && this.#user !== undefined) this.#context.maildrops.unlock(this.#user)
    this.#locked = false
  }
}
