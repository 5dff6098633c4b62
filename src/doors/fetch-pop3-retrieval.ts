import { PeerError, PostinoError, StoreError } from '../errors.ts'
import type { Hash } from '../ids.ts'
import type { Intake } from '../intake/intake.ts'
import type { Listed } from '../intake/ledger.ts'
import type { Reply } from '../pop3/client-event.ts'
import type { LedgerEntry, Trouble, UserMail } from '../store/store.ts'
import type { Came, Kept, Keeping } from './fetch-pop3-keep.ts'
import type { FetchProgress, Remote } from './fetching.ts'
import { InStep } from './in-step.ts'
import type { Pace } from './pace.ts'
import type { Pop3Connection } from './pop3-connection.ts'
import { Taking } from './taking.ts'
import { worse } from './trouble.ts'

/** So many messages are asked for together; enough for a long way there and back. */
const wave = 500

/** Within a message, progress is told each time that so many octets have come. */
const oftenEnough = 64 << 10

/** What a fetch counts. */
export interface Tally {
  new: number
  failed: number
  octets: number
  readonly problems: string[]
}

/** A message that is home, and is still listed there. */
export interface AtHome {
  readonly listed: Listed
  readonly hash: Hash
  readonly size: number
  /** When it came home, and when it was received; milliseconds since 1970. */
  readonly stored: number
  readonly received: number
  /**
   * Its row of the ledger, where it came home in an earlier session: then what this message-number stands for, and the copy at home, are
   * verified before it is deleted there. Undefined: it was fetched and kept in this session.
   */
  readonly entry: LedgerEntry | undefined
}

export interface RetrievalOptions {
  readonly remote: Remote
  readonly connection: Pop3Connection
  readonly mail: UserMail
  readonly intake: Intake
  readonly keeping: Keeping
  readonly troubles: readonly Trouble[]
  readonly tally: Tally
  readonly now: () => number
  /** No message may have more octets; the usual limit where it is undefined. */
  readonly largest: number | undefined
  /** Where the provider gives out only so many a minute. */
  readonly pace: Pace | undefined
  readonly onProgress: ((progress: FetchProgress) => void) | undefined
}

/** Fetches messages, many under way at once, each durable on its own. */
export class Retrieval {
  readonly #options: RetrievalOptions
  readonly #inStep: InStep
  readonly #keeping = new Set<Promise<void>>()
  readonly #home: AtHome[] = []
  /** The first failure of the store: nothing more can be kept. */
  #broken: PostinoError | undefined

  constructor(options: RetrievalOptions) {
    this.#options = options
    this.#inStep = new InStep(options.connection)
  }

  /** Fetches these; resolves once all that came is durable. One bad message never stops the rest (law 5). */
  async fetch(wanted: readonly Listed[]): Promise<readonly AtHome[]> {
    const progress = this.#progress(wanted)
    let failure: unknown
    // Two waves are on their way: while the answers to one come, the next is asked for.
    let before: Promise<unknown> = Promise.resolve()
    let latest: Promise<unknown> = before
    try {
      const { pace } = this.#options
      const together = pace === undefined ? wave : 1
      for (let at = 0; at < wanted.length && this.#broken === undefined; at += together) {
        await pace?.next()
        const stretches = this.#inStep.cut(wanted.slice(at, at + together))
        latest = allDone(stretches.map((stretch) => this.#retrieve(stretch, progress)))
        // A lost connection is told once, below.
        latest.catch(() => undefined)
        await before
        before = latest
      }
      await latest
    } catch (error) {
      failure = error
    }
    // A lost connection ends all that was asked; what had come whole by then is kept.
    await Promise.allSettled([before, latest])
    await Promise.all(this.#keeping)
    failure = this.#broken ?? failure
    if (failure === undefined) return this.#home
    await this.#noteInterrupted(wanted, failure)
    throw failure
  }

  /**
   * Fetches a message once more and compares: law 3, for one whose listed size is not its true one. Where it is another
   * message now, that one is kept too.
   */
  async confirm(listed: Listed, hash: Hash): Promise<'same' | 'another' | 'refused'> {
    const taking = this.#taking(listed)
    const [reply] = await this.#ask([listed], [taking])
    try {
      if (reply?.ok !== true) return 'refused'
      const staged = await taking.finish()
      if (staged.hash === hash) return 'same'
      await this.#deliver([{ listed, taking }])
      return 'another'
    } finally {
      await taking.discard()
    }
  }

  async #retrieve(stretch: readonly Listed[], progress: Progress): Promise<void> {
    const takings = stretch.map((listed) => this.#taking(listed, progress.onOctets))
    const replies = await this.#ask(stretch, takings)
    progress.onMessages(stretch.length)
    const came: Came[] = []
    const refused: { readonly listed: Listed; readonly why: string }[] = []
    stretch.forEach((listed, place) => {
      const taking = takings[place]
      const reply = replies[place]
      if (reply?.ok === true && taking !== undefined) came.push({ listed, taking })
      else refused.push({ listed, why: `the server answered -ERR ${reply?.text}` })
    })
    if (came.length > 0) this.#keepSoon(came)
    for (const { listed, why } of refused) await this.#note(listed, why)
  }

  /** What has come becomes durable while more comes. */
  #keepSoon(came: readonly Came[]): void {
    const keeping = this.#keep(came)
      .catch((error: unknown) => {
        this.#break(error)
        this.#options.connection.drop()
      })
      .then(async () => {
        for (const { taking } of came) await taking.discard()
        this.#keeping.delete(keeping)
      })
    this.#keeping.add(keeping)
  }

  #taking(listed: Listed, onOctets?: (octets: number) => void): Taking {
    const { intake, largest, connection } = this.#options
    const { loans } = connection
    return new Taking(intake, { name: () => nameOf(listed), largest, onOctets, loans })
  }

  #break(error: unknown): void {
    this.#broken ??= error instanceof PostinoError ? error : new StoreError('io', String(error), { cause: error })
  }

  async #ask(stretch: readonly Listed[], takings: readonly Taking[]): Promise<readonly Reply[]> {
    try {
      return await this.#inStep.ask('RETR', stretch, (event, place) => takings[place]?.take(event))
    } catch (error) {
      for (const [place, taking] of takings.entries()) {
        await taking.discard()
        const listed = stretch[place]
        if (taking.tooLarge === undefined || listed === undefined) continue
        // The session ends with it, so that it must be out of the way of the others next time.
        this.#options.tally.failed++
        await this.#rest(listed, taking.tooLarge.message).catch((fault: unknown) => this.#break(fault))
      }
      throw error
    }
  }

  async #keep(came: readonly Came[]): Promise<void> {
    const { remote, troubles, mail, now } = this.#options
    for (const { listed, hash, size, received, known } of await this.#deliver(came)) {
      // What came is not kept where it is known: then the copy of then is all there is, and what is asked of it is asked of that.
      const stored = known?.stored ?? now()
      this.#home.push({ listed, hash, size, stored, received, entry: known })
      if (troubles.some(({ uniqueId }) => uniqueId === listed.uniqueId))
        await mail.change((draft) => draft.trouble(remote.account, listed.uniqueId, undefined))
    }
  }

  async #deliver(came: readonly Came[]): Promise<readonly Kept[]> {
    const { keeping, tally } = this.#options
    const all = await keeping.keep(came)
    for (const { known, size } of all) {
      if (known !== undefined) continue
      tally.new++
      tally.octets += size
    }
    return all
  }

  /** Law 5: it may be this one that the server cannot give, so it goes behind all others next time; from the second time on it rests. */
  async #noteInterrupted(wanted: readonly Listed[], failure: unknown): Promise<void> {
    const { interrupted } = this.#options.connection
    if (interrupted?.verb !== 'RETR' || !(failure instanceof PeerError) || failure.code === 'reply-too-long') return
    // Where commands went together, which one it was is only known when they have gone one by one.
    if (failure.pipelined) return
    const listed = wanted.find(({ number }) => number === interrupted.number)
    if (listed !== undefined) await this.#rest(listed, failure.message, 1)
  }

  /** Law 5: a message that cannot be had is noted, and tried again later. */
  async #note(listed: Listed, why: string): Promise<void> {
    const { tally } = this.#options
    tally.failed++
    tally.problems.push(`${nameOf(listed)}: ${why}`)
    await this.#rest(listed, why)
  }

  /** Writes down that a message could not be had: a schedule then leaves it alone for a while, but for the first so many times. */
  async #rest(listed: Listed, why: string, free = 0): Promise<void> {
    const { remote, troubles, mail, now } = this.#options
    if (listed.uniqueId === '') return
    const before = troubles.find(({ uniqueId }) => uniqueId === listed.uniqueId)
    const trouble = worse(before, why, now(), { free })
    await mail.change((draft) => draft.trouble(remote.account, listed.uniqueId, trouble))
  }

  #progress(wanted: readonly Listed[]): Progress {
    const tell = this.#options.onProgress
    const ofOctets = wanted.every((listed) => listed.octets !== undefined)
      ? wanted.reduce((sum, listed) => sum + (listed.octets ?? 0), 0)
      : undefined
    let messages = 0
    let octets = 0
    let told = 0
    const report = (): void => {
      told = octets
      tell?.({ messages, of: wanted.length, octets, ofOctets })
    }
    return {
      onOctets: (more) => {
        octets += more
        if (octets - told >= oftenEnough) report()
      },
      onMessages: (more) => {
        messages += more
        report()
      },
    }
  }
}

function nameOf({ number, uniqueId }: Listed): string {
  return `message ${number}${uniqueId === '' ? '' : ` (unique-id ${uniqueId})`}`
}

/** Resolves when all of these are done; rejects with the first failure, but not before all are over. */
async function allDone(work: readonly Promise<void>[]): Promise<void> {
  for (const result of await Promise.allSettled(work)) if (result.status === 'rejected') throw result.reason
}

interface Progress {
  readonly onOctets: (more: number) => void
  readonly onMessages: (more: number) => void
}
