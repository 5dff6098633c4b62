import { MisuseError, PeerError, PostinoError, RefusedError, StoreError } from '../errors.ts'
import type { Hash } from '../ids.ts'
import type { Draft, Message, UserMail } from '../store/store.ts'
import {
  clearUnderWay,
  handOnAccount,
  type HandOnPlan,
  noteHanded,
  noteUnderWay,
  type Route,
  type UnderWay,
  whole,
} from './hand-on-book.ts'
import { type Courier, type Outcome, Package } from './hand-on-courier.ts'
import { Missed } from './hand-on-missed.ts'
import { openCourier, type TargetAccess } from './hand-on-open.ts'
import { rests, worse } from './trouble.ts'

/** What to hand on, where to, and how. */
export interface HandOnOptions extends Route, TargetAccess {
  readonly mail: UserMail
  /** Leave in peace what failed lately, as a schedule should; without it everything is tried. */
  readonly backOff?: boolean
  readonly now?: () => number
  /** How long (milliseconds) a server may still be at what a broken connection left it; ten seconds unless said. */
  readonly settle?: number
  /** Told of each message that was handed on, with the target's words: the queue's id, for example. */
  readonly onHanded?: (message: Message, reply: string) => void
}

/** So many octets are under way together. */
const batchOctets = 4 << 20
/** After so many refusals with nothing taken in between, it is not the messages. */
const refusalsInARow = 25
/** So often the connection may break without anything having been taken. */
const lossesInARow = 3
const problemLimit = 20

/** One go at one target. */
export class Round {
  handed = 0
  readonly problems: string[] = []
  readonly #options: HandOnOptions
  readonly #plan: HandOnPlan
  readonly #account: string
  readonly #now: () => number
  readonly #missed: Missed
  #courier: Courier | undefined
  /** What is still to go. */
  #queue: Message[] = []
  /** What goes alone: it was under way with others when the connection broke. */
  readonly #alone = new Set<Message>()
  #refusals = 0
  #losses = 0
  /** Whether nothing was taken over this connection yet. */
  #fresh = true

  constructor(options: HandOnOptions, plan: HandOnPlan) {
    this.#options = options
    this.#plan = plan
    this.#account = handOnAccount(options.address, options.target)
    this.#now = options.now ?? Date.now
    const { mail, target, settle, signal } = options
    this.#missed = new Missed({
      mail,
      target,
      settle,
      signal,
      found: (note, message) => {
        if (note.account === this.#account) this.#wasHanded(message, 'it is there')
      },
      again: (note, message, twice) => this.#again(note, message, twice),
    })
  }

  /** Gives what ended it early. */
  async run(): Promise<PostinoError | undefined> {
    const { pending, settled, troubles, underWay, down } = this.#plan
    const { backOff = false, mail, signal } = this.#options
    const left = new Set<string>(pending.map(({ uniqueId }) => uniqueId))
    // Of messages that were removed here meanwhile.
    const past = [...troubles.keys()].filter((uniqueId) => !left.has(uniqueId))
    if (settled.length + past.length > 0)
      await mail.change((draft) => {
        for (const message of settled) noteHanded(draft, this.#account, message)
        for (const uniqueId of past) draft.trouble(this.#account, uniqueId, undefined)
      })
    const now = this.#now()
    if (backOff && rests(down, now)) return undefined
    const held = new Set(underWay.map(({ uniqueId }) => uniqueId))
    const attempts = ({ uniqueId }: Message): number => troubles.get(uniqueId)?.attempts ?? 0
    // What was never tried comes first: what is refused again and again then holds up nothing.
    this.#queue = pending
      .filter(({ uniqueId }) => !held.has(uniqueId) && !(backOff && rests(troubles.get(uniqueId), now)))
      .toSorted((a, b) => attempts(a) - attempts(b))
    if (this.#queue.length === 0 && underWay.length === 0) return undefined
    try {
      await this.#work(underWay)
      if (down !== undefined) await mail.change((draft) => draft.trouble(this.#account, whole, undefined))
      return undefined
    } catch (error) {
      if (!(error instanceof PostinoError)) throw error
      // Who was stopped says nothing about the target.
      if (signal?.aborted !== true) await this.#noteDown(error)
      return error
    } finally {
      await this.#courier?.close()
    }
  }

  async #work(underWay: readonly UnderWay[]): Promise<void> {
    const { address, target, secret, signal, patience, reach } = this.#options
    const open = async (): Promise<Courier> => {
      this.#fresh = true
      return (this.#courier = await openCourier({ address, target, secret, signal, patience, reach }))
    }
    await this.#missed.lookFor(underWay, await open())
    for (;;) {
      for (let batch = this.#nextBatch(); batch.length > 0; batch = this.#nextBatch()) {
        if (signal?.aborted === true) throw new PeerError('connection-lost', 'stopped')
        const lost = await this.#carry(batch)
        if (lost !== undefined) await this.#missed.lookFor(lost, await open())
      }
      try {
        if (!(await this.#missed.lookAgain(this.#mustHave()))) return
      } catch (error) {
        this.#bear(error)
        await open()
      }
    }
  }

  /** What to carry together. No two of equal octets: which of them is there could not be told. */
  #nextBatch(): Message[] {
    const { most } = this.#mustHave()
    const batch: Message[] = []
    const left: Message[] = []
    const hashes = new Set<Hash>(this.#missed.hashes())
    let octets = 0
    let full = false
    for (const message of this.#queue) {
      const alone = this.#alone.has(message)
      const fits = batch.length === 0 || (!alone && octets + message.size <= batchOctets)
      if (full || !fits || hashes.has(message.hash)) {
        left.push(message)
        continue
      }
      batch.push(message)
      hashes.add(message.hash)
      octets += message.size
      full = alone || batch.length >= most
    }
    this.#queue = left
    return batch
  }

  /** Gives undefined, or what was under way when the connection broke, and so is to be looked for over another one. */
  async #carry(batch: readonly Message[]): Promise<readonly UnderWay[] | undefined> {
    const { mail } = this.#options
    const courier = this.#mustHave()
    let mark: string
    try {
      mark = await courier.mark()
    } catch (error) {
      // It ended while nothing was under way.
      this.#bear(error)
      this.#queue.unshift(...batch)
      return []
    }
    const notes = await mail.change((draft) => noteUnderWay(draft, this.#options, batch, mark))
    const { troubles } = this.#plan
    const parcels = batch.map((message) => new Package(mail, message, troubles.get(message.uniqueId)?.attempts ?? 0))
    const outcomes = new Map<Message, Outcome>()
    let broken: { readonly by: unknown } | undefined
    try {
      await courier.carry(parcels, ({ message }, outcome) => void outcomes.set(message, outcome))
    } catch (error) {
      broken = { by: error }
    }
    for (const { message, fault } of parcels)
      // It did not leave to its end, so the target has not taken it.
      if (fault !== undefined)
        outcomes.set(message, { kind: 'refused', why: `its copy at home cannot be read: ${fault.message}` })
    await this.#book(outcomes)
    if (broken !== undefined) {
      const ours = parcels.some(({ fault }) => fault !== undefined && fault === broken.by)
      const open = notes.filter((_, place) => !outcomes.has(batch[place] as Message))
      return await this.#afterLoss(broken.by, ours, batch, open)
    }
    if (this.#refusals >= refusalsInARow && this.#queue.length > 0)
      throw new RefusedError(
        'no',
        '',
        `${this.#options.target.name} refused ${this.#refusals} messages one after the other; the last: ${lastRefusal(outcomes)}`,
      )
    return undefined
  }

  /** Writes down, in one go, what became of a batch. */
  async #book(outcomes: ReadonlyMap<Message, Outcome>): Promise<void> {
    if (outcomes.size === 0) return
    const { mail, target } = this.#options
    await mail.change((draft) => {
      for (const [message, outcome] of outcomes) {
        clearUnderWay(draft, target, message.uniqueId)
        if (outcome.kind === 'refused') this.#noteRefusal(draft, message, outcome.why)
        else if (outcome.kind === 'taken') {
          noteHanded(draft, this.#account, message)
          if (this.#plan.troubles.has(message.uniqueId)) draft.trouble(this.#account, message.uniqueId, undefined)
        }
      }
    })
    for (const [message, outcome] of outcomes) {
      if (outcome.kind === 'taken') this.#wasHanded(message, outcome.reply)
      else if (outcome.kind === 'unsent') this.#queue.unshift(message)
      else {
        this.#refusals++
        this.#problem(message, `was not taken: ${outcome.why}`)
      }
    }
  }

  #noteRefusal(draft: Draft, message: Message, why: string): void {
    draft.trouble(this.#account, message.uniqueId, worse(this.#plan.troubles.get(message.uniqueId), why, this.#now()))
  }

  /** `ours`: it broke because a message of ours could not be read to its end. `open`: of these nobody knows what became. */
  async #afterLoss(
    error: unknown,
    ours: boolean,
    batch: readonly Message[],
    open: readonly UnderWay[],
  ): Promise<readonly UnderWay[]> {
    if (!ours) this.#bear(error)
    const [only] = batch
    // What breaks a fresh connection all alone is what the target cannot bear. The next round sees what became of it.
    const proved = this.#mustHave().find === undefined || (this.#fresh && only !== undefined && this.#alone.has(only))
    const unbearable = only !== undefined && batch.length === 1 && open.length === 1 && proved
    if (unbearable) {
      const why = error instanceof Error ? error.message : String(error)
      await this.#options.mail.change((draft) => this.#noteRefusal(draft, only, why))
      this.#problem(only, `was under way when the connection broke: ${why}`)
      this.#missed.hold(only)
    }
    return unbearable ? [] : open
  }

  /** Bears that a connection broke, so many times; throws what cannot be borne. */
  #bear(error: unknown): void {
    // The disk of a Maildir, or ours, is no connection that one could open anew.
    const broken = error instanceof PostinoError && !(error instanceof StoreError)
    if (!broken || this.#options.signal?.aborted === true || ++this.#losses > lossesInARow) throw error
  }

  /** To be sent again, if it is this account's and its time has come. `twice`: for all that is known, it may be there. */
  #again(note: UnderWay, message: Message, twice: boolean): void {
    const { backOff = false } = this.#options
    const { pending, troubles } = this.#plan
    if (note.account !== this.#account) return
    if (twice)
      this.#problem(message, 'was under way when something broke: it is sent again, and may arrive there twice')
    if (!pending.some(({ id }) => id === message.id)) return
    if (backOff && rests(troubles.get(message.uniqueId), this.#now())) return
    this.#queue.push(message)
    this.#alone.add(message)
  }

  async #noteDown(error: PostinoError): Promise<void> {
    const trouble = worse(this.#plan.down, error.message, this.#now())
    await this.#options.mail
      .change((draft) => draft.trouble(this.#account, whole, trouble))
      // The fault that ended it is the one to tell, whatever becomes of the note.
      .catch(() => undefined)
  }

  #wasHanded(message: Message, reply: string): void {
    this.handed++
    this.#fresh = false
    this.#refusals = 0
    this.#losses = 0
    this.#options.onHanded?.(message, reply)
  }

  #problem({ id }: Message, what: string): void {
    if (this.problems.length < problemLimit) this.problems.push(`message ${id} ${what}`)
    else if (this.problems.length === problemLimit) this.problems.push('so it went with more messages')
  }

  #mustHave(): Courier {
    if (this.#courier === undefined) throw new MisuseError('state', 'there is no courier')
    return this.#courier
  }
}

function lastRefusal(outcomes: ReadonlyMap<Message, Outcome>): string {
  return [...outcomes.values()].flatMap((outcome) => (outcome.kind === 'refused' ? [outcome.why] : [])).at(-1) ?? ''
}
