import { PeerError, PostinoError, RefusedError, StoreError } from '../errors.ts'
import type { Hash } from '../ids.ts'
import type { Intake } from '../intake/intake.ts'
import type { LedgerEntry } from '../store/store.ts'
import { Bodies, type Body, largestMessage } from './fetch-imap-bodies.ts'
import type { ImapKeeping } from './fetch-imap-keep.ts'
import type { ImapMailbox, Wanted } from './fetch-imap-listing.ts'
import { portions } from './fetch-imap-uids.ts'
import type { FetchTroubles } from './fetch-troubles.ts'
import type { FetchProgress } from './fetching.ts'
import type { ImapConnection } from './imap-connection.ts'
import { Pace } from './pace.ts'

/** So many messages are asked for with one command. */
const portion = 1000
/** Where so many are refused one after the other, the server will not give the rest either. */
const mostRefusals = 20

/** What a fetch counts. */
export interface ImapTally {
  new: number
  failed: number
  octets: number
  readonly problems: string[]
}

/** A message that came home in this session, and is still there. */
export interface Fetched {
  readonly wanted: Wanted
  readonly hash: Hash
  readonly size: number
  readonly received: number
  readonly entry: LedgerEntry
  /** Whether its octets were kept now. */
  readonly isNew: boolean
}

/** What retrieving needs of a session. */
export interface ImapRetrievalOptions {
  readonly connection: ImapConnection
  readonly intake: Intake
  readonly keeping: ImapKeeping
  readonly troubles: FetchTroubles
  readonly tally: ImapTally
  readonly largest: number | undefined
  /** The server gives out no more messages a minute. */
  readonly perMinute: number | undefined
  readonly signal: AbortSignal | undefined
  readonly onProgress: ((progress: FetchProgress) => void) | undefined
}

/** Fetches messages, each durable on its own. */
export class ImapRetrieval {
  /** What is home now; also when the rest could not be fetched. */
  readonly home: Fetched[] = []
  /** Those that were gone when they were asked for. */
  readonly gone: Set<Wanted> = new Set()
  readonly #options: ImapRetrievalOptions
  readonly #keeping = new Set<Promise<void>>()
  readonly #pace: Pace | undefined
  #broken: PostinoError | undefined
  #refusals = 0
  #messages = 0
  #octets = 0
  #of = 0
  #ofOctets: number | undefined

  constructor(options: ImapRetrievalOptions) {
    this.#options = options
    const { perMinute, signal } = options
    this.#pace = perMinute === undefined ? undefined : new Pace(perMinute, signal)
  }

  /** Fetches these; resolves once all that came is durable. One bad message never stops the rest (law 5). */
  async fetch(all: readonly Wanted[]): Promise<void> {
    this.#of = all.length
    this.#ofOctets = all.every(({ octets }) => octets !== undefined)
      ? all.reduce((sum, { octets = 0 }) => sum + octets, 0)
      : undefined
    let failure: unknown
    try {
      const most = this.#options.largest ?? largestMessage
      const isTooLarge = ({ octets = 0 }: Wanted): boolean => octets > most
      for (const one of all.filter(isTooLarge))
        await this.#note(one, `it has ${one.octets} octets, and ${most} are the most that any message may have`)
      const wanted = all.filter((one) => !isTooLarge(one))
      const isTroubled = ({ uniqueId }: Wanted): boolean => this.#options.troubles.has(uniqueId)
      for (const some of byMailbox(wanted.filter((one) => !isTroubled(one)))) await this.#from(some)
      // Each on its own, and behind all others: it may end the session again (law 5).
      for (const one of wanted.filter(isTroubled)) await this.#from({ mailbox: one.mailbox, wanted: [one] })
    } catch (error) {
      failure = error
    }
    await Promise.all(this.#keeping)
    failure = this.#broken ?? failure
    if (failure !== undefined) throw failure
  }

  /** Fetches a message of the selected mailbox once more: whether it is the same octets (law 3). */
  async confirm(uid: number, hash: Hash): Promise<boolean> {
    let same = false
    await this.#ask([uid], async (_, body) => {
      const staged = await body.staging.finish()
      same = staged.hash === hash
      staged.discard()
    })
    return same
  }

  async #from({ mailbox, wanted }: { mailbox: ImapMailbox; wanted: readonly Wanted[] }): Promise<void> {
    const { connection } = this.#options
    const selected = await connection.stayIn(mailbox.path)
    if (Number(selected.uidValidity) !== mailbox.uidValidity)
      throw new PeerError(
        'protocol',
        `the mailbox ${mailbox.path} was numbered anew while it was read; the next fetch reads it again`,
      )
    const byUid = new Map(wanted.map((one) => [one.uid, one]))
    for (const { uids } of portions([...byUid.keys()], this.#options.perMinute ?? portion)) {
      for (const _ of this.#pace === undefined ? [] : uids) await this.#pace?.next()
      const some = uids.flatMap((uid) => byUid.get(uid) ?? [])
      const missing = await this.#portion(some)
      if (missing.length > 0) await this.#oneByOne(missing)
    }
  }

  /** Asks for messages; gives those that did not come. */
  async #portion(wanted: readonly Wanted[]): Promise<Wanted[]> {
    const left = new Map(wanted.map((one) => [one.uid, one]))
    try {
      await this.#ask(
        [...left.keys()],
        (uid, body) => {
          const one = left.get(uid)
          left.delete(uid)
          if (one === undefined) body.staging.discard()
          else this.#keepSoon(one, body)
        },
        () => [...left.values()][0],
      )
    } catch (error) {
      // A refusal is of some of them; anything else ends the session.
      if (!(error instanceof RefusedError)) throw error
    }
    return [...left.values()]
  }

  /** Law 5: of those that did not come, each is asked for on its own. */
  async #oneByOne(missing: readonly Wanted[]): Promise<void> {
    const there = new Set<number>()
    for (const { set } of portions(
      missing.map(({ uid }) => uid),
      portion,
    ))
      for (const uid of await this.#options.connection.search({ uid: set })) there.add(uid)
    for (const one of missing) {
      if (!there.has(one.uid)) {
        await this.#forget(one)
        continue
      }
      let why = 'the server gives nothing for it'
      let came = false
      try {
        await this.#ask([one.uid], (uid, body) => {
          if (came || uid !== one.uid) return body.staging.discard()
          came = true
          this.#keepSoon(one, body)
        })
      } catch (error) {
        if (!(error instanceof RefusedError)) throw error
        why = error.message
        if (++this.#refusals >= mostRefusals) {
          await this.#note(one, why)
          throw error
        }
      }
      if (!came) await this.#note(one, why)
      else this.#refusals = 0
    }
  }

  /** Asks for messages of the selected mailbox; `suspect`: the one that the server is at. */
  async #ask(
    uids: readonly number[],
    take: (uid: number, body: Body) => void | Promise<void>,
    suspect?: () => Wanted | undefined,
  ): Promise<void> {
    const { connection, intake, largest } = this.#options
    const bodies = new Bodies(intake, { largest, onOctets: (octets) => this.#progress(octets) })
    try {
      await connection.taking(bodies, async () => {
        for (const { set } of portions(uids, portion)) {
          bodies.expect()
          const answers = connection.client.fetch(set, { uid: true, source: true }, { uid: true })
          for (;;) {
            const next = await connection.run('to give messages', () => answers.next())
            if (next.done === true) break
            const { uid, source } = next.value
            const body = source === undefined ? undefined : bodyOf(source, bodies)
            if (body !== undefined) await take(uid, body)
            if (this.#broken !== undefined) throw this.#broken
          }
        }
      })
    } catch (error) {
      const at = suspect?.()
      if (at !== undefined && (bodies.wasBroken || bodies.tooLarge !== undefined))
        await this.#suspect(at, bodies.tooLarge).catch((fault: unknown) => this.#break(fault))
      throw error
    } finally {
      bodies.discard()
    }
  }

  #keepSoon(wanted: Wanted, body: Body): void {
    const keeping = this.#keep(wanted, body)
      .catch((error: unknown) => {
        this.#break(error)
        this.#options.connection.drop()
      })
      .finally(() => this.#keeping.delete(keeping))
    this.#keeping.add(keeping)
  }

  async #keep(wanted: Wanted, body: Body): Promise<void> {
    const { keeping, tally } = this.#options
    const { hash, size, received, entry, isNew } = await keeping.keep(wanted, body)
    this.home.push({ wanted, hash, size, received, entry, isNew })
    if (isNew) {
      tally.new++
      tally.octets += size
    }
    this.#messages++
    this.#progress(0)
    await this.#clear(wanted)
  }

  #break(error: unknown): void {
    this.#broken ??= error instanceof PostinoError ? error : new StoreError('io', String(error), { cause: error })
  }

  /** A message that is there no more is nobody's trouble. */
  async #forget(wanted: Wanted): Promise<void> {
    this.gone.add(wanted)
    await this.#clear(wanted)
  }

  async #clear({ uniqueId }: Wanted): Promise<void> {
    await this.#options.troubles.clear(uniqueId)
  }

  /** The line broke within this message: next time it comes last, for it may end the session again (law 5). */
  async #suspect(wanted: Wanted, tooLarge: PeerError | undefined): Promise<void> {
    const { tally, troubles } = this.#options
    if (tooLarge !== undefined) tally.failed++
    const why = tooLarge?.message ?? 'the connection was lost while it was fetched'
    await troubles.note(wanted.uniqueId, why, tooLarge === undefined)
  }

  async #note(wanted: Wanted, why: string): Promise<void> {
    const { tally, troubles } = this.#options
    tally.failed++
    tally.problems.push(`message ${wanted.uid} of ${wanted.mailbox.path}: ${why}`)
    await troubles.note(wanted.uniqueId, why, false)
  }

  #progress(octets: number): void {
    this.#octets += octets
    this.#options.onProgress?.({
      messages: this.#messages,
      of: this.#of,
      octets: this.#octets,
      ofOctets: this.#ofOctets,
    })
  }
}

/** In the order they are wanted in, those of one mailbox together. */
function byMailbox(wanted: readonly Wanted[]): { mailbox: ImapMailbox; wanted: readonly Wanted[] }[] {
  const some = Map.groupBy(wanted, ({ mailbox }) => mailbox)
  return [...some].map(([mailbox, ones]) => ({ mailbox, wanted: ones }))
}

/** What stands for a message in the protocol; or, from some servers, a very short message itself. */
function bodyOf(source: Buffer, bodies: Bodies): Body | undefined {
  return bodies.take(source.toString('latin1')) ?? bodies.whole(source)
}
