import type { ListResponse } from 'imapflow'
import type { MessageId } from '../ids.ts'
import { Intake } from '../intake/intake.ts'
import type { UserMail } from '../store/store.ts'
import { choose, noRoomFor } from './fetch-choice.ts'
import { Deliveries } from './fetch-deliveries.ts'
import { deleteByImap } from './fetch-imap-delete.ts'
import { fetchImapHeaders } from './fetch-imap-headers.ts'
import { ImapKeeping } from './fetch-imap-keep.ts'
import type { ImapLedger } from './fetch-imap-ledger.ts'
import { mayGo, planOf, shareOf } from './fetch-imap-leaving.ts'
import type { AtBoth, Wanted } from './fetch-imap-listing.ts'
import { useOf } from './fetch-imap-mailboxes.ts'
import type { ImapMap } from './fetch-imap-map.ts'
import { recognise, rename, type RecognitionOptions } from './fetch-imap-recognise.ts'
import { ImapRetrieval, type ImapTally } from './fetch-imap-retrieval.ts'
import type { FetchTroubles } from './fetch-troubles.ts'
import type { FetchOptions, Planned, Remote } from './fetching.ts'
import type { ImapConnection } from './imap-connection.ts'

/** What is counted of a session. */
export interface ImapSessionTally extends ImapTally {
  skipped: number
  waiting: number
  noRoom?: string
  deleted: number
}

/** What is known of an account before anything is asked for. */
export interface ImapKnown {
  readonly ledger: ImapLedger
  readonly troubles: FetchTroubles
  /** By unique-id, messages of which only the header came: those that stand for them here, unless they were removed. */
  readonly headers: ReadonlyMap<string, MessageId | undefined>
}

/** What bringing mail home needs of a session. */
export interface BringingOptions {
  readonly connection: ImapConnection
  readonly remote: Remote
  readonly mail: UserMail
  readonly options: FetchOptions
  readonly known: ImapKnown
  readonly map: ImapMap
  readonly tally: ImapSessionTally
  readonly list: readonly ListResponse[]
  /** Mail that shows each message once, with labels that say where it belongs (Gmail). */
  readonly byLabel: boolean
  readonly now: () => number
}

/** Brings home what is wanted, and deletes what may go. */
export class ImapBringing {
  readonly #parts: BringingOptions
  readonly #recognition: RecognitionOptions
  readonly #settled = new Set<Wanted>()
  #retrieval: ImapRetrieval | undefined

  constructor(parts: BringingOptions) {
    this.#parts = parts
    const { connection, remote, mail, known, map, options } = parts
    const { dryRun = false } = options
    // With labels, a message has several names.
    const onceOnly = connection.can('X-GM-EXT-1')
    this.#recognition = { connection, account: remote.account, mail, ledger: known.ledger, map, onceOnly, dryRun }
  }

  /** Of what was wanted, what need not be looked at again: it is home, or gone. Right also when the session was broken off. */
  settled(): ReadonlySet<Wanted> {
    for (const { wanted } of this.#retrieval?.home ?? []) this.#settled.add(wanted)
    for (const wanted of this.#retrieval?.gone ?? []) this.#settled.add(wanted)
    return this.#settled
  }

  /** Gives the plan, where nothing is to be done. */
  async bring(wanted: readonly Wanted[], atBoth: readonly AtBoth[]): Promise<readonly Planned[] | undefined> {
    const { connection, remote, mail, options, known, tally, now } = this.#parts
    const { troubles, headers } = known
    const again = await recognise(wanted, this.#recognition)
    const unknown = new Set(again.wanted)
    for (const one of wanted) if (!unknown.has(one)) this.#settled.add(one)
    tally.skipped += wanted.length - again.wanted.length
    const here = [...atBoth, ...again.known]

    const { first, twins } = this.#recognition.onceOnly
      ? withoutTwins(again.wanted)
      : { first: again.wanted, twins: [] }
    const { due, later } = choose(first, options.choice ?? {}, troubles.marks(options.backOff ?? false))
    const failed = later.filter((one) => one.for === 'rest').length
    tally.failed += failed
    tally.waiting = later.length - failed
    const full = noRoomFor(later)
    if (full !== undefined) {
      tally.noRoom = full
      tally.problems.push(full)
    }

    const listed = [...here, ...again.wanted].reduce((sum, { octets = 0 }) => sum + octets, 0)
    const { room, clockSteady } = options
    const leave = await shareOf(remote.leave, { connection, listed, room })
    const policy = { leave, room, now: now(), clockSteady, mail }
    if (this.#recognition.dryRun)
      return await planOf({ known: here, due, later, headersHere: headers, problems: tally.problems }, policy)

    const { deliveries, retrieval, intake } = this.#retrieving()
    await retrieval.fetch(due)
    tally.skipped += retrieval.home.filter(({ isNew }) => !isNew).length
    const others = await this.#nameTwins(twins)
    const heads = later.flatMap(({ message, header }) => (header && !headers.has(message.uniqueId) ? [message] : []))
    if (heads.length > 0) await fetchImapHeaders(heads, { connection, intake, account: remote.account, now })

    if (leave === 'forever') return undefined
    const settled = this.settled()
    const missing = again.wanted.filter((one) => !settled.has(one))
    const { go, note } = await mayGo({ known: [...here, ...others], fetched: retrieval.home, rest: missing }, policy)
    if (note !== undefined) tally.problems.push(note)
    tally.deleted = await deleteByImap(
      go.map((one) => one.mayGo),
      { connection, mail, others: deliveries.others, retrieval, tally, trash: this.#trash() },
    )
    return undefined
  }

  #retrieving(): { deliveries: Deliveries; retrieval: ImapRetrieval; intake: Intake } {
    const { connection, remote, mail, options, known, tally, byLabel, now } = this.#parts
    const { split, largest, perMinute, signal, onProgress } = options
    const { troubles, headers } = known
    const intake = new Intake(mail)
    const deliveries = new Deliveries(mail, intake, split)
    const inbox = remote.mailbox ?? 'INBOX'
    const keeping = new ImapKeeping({ recognition: this.#recognition, deliveries, inbox, byLabel, headers, now })
    const retrieval = new ImapRetrieval({
      connection,
      intake,
      keeping,
      troubles,
      tally,
      largest,
      perMinute,
      signal,
      onProgress,
    })
    this.#retrieval = retrieval
    return { deliveries, retrieval, intake }
  }

  /** Other names of messages that have come home now. */
  async #nameTwins(twins: readonly Wanted[]): Promise<AtBoth[]> {
    if (twins.length === 0) return []
    const { mail, known, tally } = this.#parts
    const found = await mail.read((view) =>
      twins.flatMap((wanted) => {
        const [first] = known.ledger.withEmailId(wanted.emailId)
        const entry = first && view.origin(first.account, first.uniqueId, first.hash, first.nth)
        return entry === undefined ? [] : [{ wanted, entry, byHeader: false }]
      }),
    )
    const named = await rename(found, this.#recognition)
    for (const { wanted } of found) this.#settled.add(wanted)
    tally.skipped += found.length
    return named
  }

  /** Where what is deleted goes; undefined: it is expunged. */
  #trash(): string | undefined {
    const { connection, list } = this.#parts
    return connection.can('X-GM-EXT-1') ? list.find((one) => useOf(one, true) === '\\Trash')?.path : undefined
  }
}

/** Of messages with one id, the first; the others are the same under other labels. */
function withoutTwins(wanted: readonly Wanted[]): { first: Wanted[]; twins: Wanted[] } {
  const seen = new Set<string>()
  const first: Wanted[] = []
  const twins: Wanted[] = []
  for (const one of wanted) {
    if (one.emailId !== '' && seen.has(one.emailId)) twins.push(one)
    else first.push(one)
    seen.add(one.emailId)
  }
  return { first, twins }
}
