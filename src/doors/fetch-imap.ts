import type { ListResponse, StatusObject } from 'imapflow'
import type { MailboxState } from '../accounts/account-options.ts'
import { PostinoError, RefusedError } from '../errors.ts'
import type { MessageId } from '../ids.ts'
import { Intake } from '../intake/intake.ts'
import type { LedgerEntry, Trouble, UserMail } from '../store/store.ts'
import { choose } from './fetch-choice.ts'
import { bringChanges } from './fetch-imap-changes.ts'
import { deleteByImap } from './fetch-imap-delete.ts'
import { gmailAll, isDraft } from './fetch-imap-gmail.ts'
import { fetchImapHeaders } from './fetch-imap-headers.ts'
import { ImapKeeping } from './fetch-imap-keep.ts'
import { ImapLedger } from './fetch-imap-ledger.ts'
import { mayGo, planOf, shareOf } from './fetch-imap-leaving.ts'
import { type AtBoth, isUnchanged, look, type Looked, type Wanted } from './fetch-imap-listing.ts'
import { type ChosenMailbox, chooseMailboxes, type MailboxChoice, useOf } from './fetch-imap-mailboxes.ts'
import { ImapMap } from './fetch-imap-map.ts'
import { recognise, rename, type RecognitionOptions } from './fetch-imap-recognise.ts'
import { type Fetched, ImapRetrieval, type ImapTally } from './fetch-imap-retrieval.ts'
import { believable, stateOf } from './fetch-imap-state.ts'
import { headersOnly } from '../intake/header-only.ts'
import type { FetchOptions, FetchReport, Planned, Remote } from './fetching.ts'
import { ImapConnection, statusItems } from './imap-connection.ts'

/** No mailbox that a person has holds so many messages. */
const longestMailbox = 2_000_000

export interface ImapFetchOptions extends FetchOptions {
  /** Only these mailboxes, and not those: see `AccountOptions`. */
  readonly only?: readonly string[] | undefined
  readonly except?: readonly string[] | undefined
  /** What `mailboxes` of the last report was. */
  readonly state?: Readonly<Record<string, MailboxState>> | undefined
}

export interface ImapFetchReport extends FetchReport {
  /** To be given to the next fetch: how far each mailbox has been read. */
  readonly mailboxes: Readonly<Record<string, MailboxState>>
  /** Mailboxes there that are not fetched. */
  readonly passedOver: readonly string[]
}

/**
 * Brings home what is new in a remote IMAP mailbox, mailboxes to mailboxes. Everything is durable before anything is deleted there.
 * Resolves also when the session failed: see `error`.
 */
export async function fetchImap(
  remote: Remote,
  mail: UserMail,
  options: ImapFetchOptions = {},
): Promise<ImapFetchReport> {
  const began = performance.now()
  const session = new ImapSession(remote, mail, options)
  let failure: PostinoError | undefined
  let plan: readonly Planned[] | undefined
  try {
    plan = await session.run()
  } catch (error) {
    if (!(error instanceof PostinoError)) throw error
    failure = error
  } finally {
    session.drop()
  }
  const { tally, mailboxes, passedOver } = session
  const seconds = (performance.now() - began) / 1000
  return { ...tally, seconds, error: failure, ...(plan !== undefined && { plan }), mailboxes: mailboxes(), passedOver }
}

/** Logs in and out again, to see whether the settings are right. Rejects with PeerError or RefusedError. */
export async function tryImapLogIn(
  remote: Remote,
  options: Pick<FetchOptions, 'signal' | 'patience'> = {},
): Promise<void> {
  const connection = await ImapConnection.open(remote, options)
  await connection.leave()
}

interface Tally extends ImapTally {
  skipped: number
  waiting: number
  deleted: number
}

/** What is known of an account before anything is asked for. */
interface Known {
  readonly ledger: ImapLedger
  readonly troubles: readonly Trouble[]
  readonly headers: ReadonlyMap<string, MessageId>
}

/** One session: looks, fetches, deletes; what it has come to is there also when it was broken off. */
class ImapSession {
  readonly tally: Tally = { new: 0, skipped: 0, failed: 0, waiting: 0, deleted: 0, octets: 0, problems: [] }
  passedOver: readonly string[] = []
  readonly #remote: Remote
  readonly #mail: UserMail
  readonly #options: ImapFetchOptions
  readonly #now: () => number
  /** What can be believed of what was before, and what is to be left as it is. */
  readonly #before: Readonly<Record<string, MailboxState>>
  readonly #looked: { looked: Looked; status: StatusObject | undefined; flags: Record<string, string> | undefined }[] =
    []
  /** What is not at home of what was wanted. */
  readonly #missing = new Set<Wanted>()
  #connection: ImapConnection | undefined
  #retrieval: ImapRetrieval | undefined

  constructor(remote: Remote, mail: UserMail, options: ImapFetchOptions) {
    this.#remote = remote
    this.#mail = mail
    this.#options = options
    this.#now = options.now ?? Date.now
    this.#before = believable(options.state, mail.modseq())
  }

  drop(): void {
    this.#connection?.drop()
  }

  readonly mailboxes = (): Record<string, MailboxState> => {
    const states: Record<string, MailboxState> = { ...this.#before }
    if (this.#options.dryRun === true) return states
    for (const { wanted } of this.#retrieval?.home ?? []) this.#missing.delete(wanted)
    for (const wanted of this.#retrieval?.gone ?? []) this.#missing.delete(wanted)
    const home = this.#mail.modseq()
    for (const { looked, status, flags } of this.#looked) {
      const missing = [...this.#missing].filter(({ mailbox }) => mailbox === looked.mailbox)
      states[looked.mailbox.path] = stateOf(looked, { status, missing, flags, now: this.#now(), home })
    }
    return states
  }

  /** Gives the plan, where nothing is to be done. */
  async run(): Promise<readonly Planned[] | undefined> {
    const connection = await ImapConnection.open(this.#remote, this.#options)
    this.#connection = connection
    const list = await connection.list()
    const choice = this.#choice(connection)
    const all = choice.only === undefined && choice.except === undefined ? gmailAll(connection, list) : undefined
    const { chosen, passedOver } =
      all === undefined ? chooseMailboxes(list, choice) : { chosen: [{ listed: all, home: 'Archive' }], passedOver: [] }
    this.passedOver = passedOver
    const due = await this.#due(chosen)
    let plan: readonly Planned[] | undefined
    if (due.length > 0) {
      const known = await this.#known()
      const map = new ImapMap(
        list,
        this.#before,
        choice,
        chosen.map(({ listed }) => listed.path),
      )
      const { wanted, atBoth } = await this.#look(due, known, map)
      plan = await this.#bring(wanted, atBoth, { known, map, byLabel: all !== undefined, list, choice })
    }
    await connection.leave()
    return plan
  }

  #choice(connection: ImapConnection): MailboxChoice {
    const { only, except } = this.#options
    const { namespaces } = connection.client
    const prefixes = (some: readonly { prefix: string }[] | false | undefined): string[] =>
      some === false || some === undefined ? [] : some.map(({ prefix }) => prefix)
    return {
      only,
      except,
      inbox: this.#remote.mailbox ?? 'INBOX',
      prefix: prefixes(namespaces?.personal)[0] ?? '',
      others: [...prefixes(namespaces?.other), ...prefixes(namespaces?.shared)],
      saysUse: connection.can('SPECIAL-USE') || connection.can('XLIST'),
    }
  }

  /** Mailboxes that are to be opened: those in which something has changed, or from which something may go. */
  async #due(chosen: readonly ChosenMailbox[]): Promise<{ chosen: ChosenMailbox; status: StatusObject | undefined }[]> {
    const due: { chosen: ChosenMailbox; status: StatusObject | undefined }[] = []
    for (const one of chosen) {
      const { listed } = one
      const status = listed.status ?? (await this.#status(listed))
      const unchanged = status !== undefined && isUnchanged(status, this.#before[listed.path], this.#now())
      if (unchanged && (this.#remote.leave === 'forever' || status.messages === 0))
        this.tally.skipped += status.messages ?? 0
      else due.push({ chosen: one, status })
    }
    return due
  }

  async #status({ path }: ListResponse): Promise<StatusObject | undefined> {
    const status = await this.#connection?.run(`to say how the mailbox ${path} is`, (client) =>
      client.status(path, statusItems),
    )
    return status === false ? undefined : status
  }

  async #known(): Promise<Known> {
    const { account } = this.#remote
    const { entries, troubles, headers } = await this.#mail.read((view) => ({
      entries: view.ledger(account),
      troubles: view.troubles(account),
      headers: view.ledger(headersOnly(account)),
    }))
    const withMessage = ({ uniqueId, message }: LedgerEntry): [string, MessageId][] =>
      message === undefined ? [] : [[uniqueId, message]]
    return { ledger: new ImapLedger(entries), troubles, headers: new Map(headers.flatMap(withMessage)) }
  }

  /** Looks into mailboxes, and brings home what has changed of the flags. */
  async #look(
    due: readonly { chosen: ChosenMailbox; status: StatusObject | undefined }[],
    { ledger }: Known,
    map: ImapMap,
  ): Promise<{ wanted: Wanted[]; atBoth: AtBoth[] }> {
    const wanted: Wanted[] = []
    const atBoth: AtBoth[] = []
    let refusal: RefusedError | undefined
    for (const { chosen, status } of due) {
      try {
        const { here, known: both } = await this.#lookInto(chosen, status, ledger, map)
        wanted.push(...here)
        atBoth.push(...both)
      } catch (error) {
        // One mailbox that cannot be opened never stops the rest.
        if (!(error instanceof RefusedError)) throw error
        refusal ??= error
        this.tally.failed++
        this.tally.problems.push(error.message)
      }
    }
    if (refusal !== undefined && this.#looked.length === 0) throw refusal
    return { wanted, atBoth }
  }

  async #lookInto(
    chosen: ChosenMailbox,
    status: StatusObject | undefined,
    ledger: ImapLedger,
    map: ImapMap,
  ): Promise<{ here: readonly Wanted[]; known: readonly AtBoth[] }> {
    const connection = this.#open
    const { dryRun = false, longest = longestMailbox } = this.#options
    const before = this.#before[chosen.listed.path]
    const looked = await look(connection, chosen, { ledger, before, whole: this.#remote.leave !== 'forever', longest })
    map.see(looked.mailbox)
    const same = before?.uidValidity === looked.mailbox.uidValidity ? before : undefined
    const flags = dryRun
      ? undefined
      : await bringChanges(connection, looked, { ledger, mail: this.#mail, before: same })
    const here = looked.wanted.filter(({ labels }) => !isDraft(labels))
    for (const one of here) this.#missing.add(one)
    this.#looked.push({ looked, status, flags: flags === undefined ? undefined : { ...flags } })
    this.tally.skipped += looked.messages - here.length
    return { here, known: looked.known }
  }

  /** Fetches what is wanted, and deletes what may go. */
  async #bring(
    wanted: readonly Wanted[],
    atBoth: readonly AtBoth[],
    session: {
      readonly known: Known
      readonly map: ImapMap
      readonly byLabel: boolean
      readonly list: readonly ListResponse[]
      readonly choice: MailboxChoice
    },
  ): Promise<readonly Planned[] | undefined> {
    const { known, map, byLabel, list, choice } = session
    const { troubles, headers, ledger } = known
    const connection = this.#open
    const { account } = this.#remote
    const { dryRun = false, split, largest, perMinute, signal, onProgress } = this.#options
    const mail = this.#mail
    const recognition: RecognitionOptions = {
      connection,
      account,
      mail,
      ledger,
      map,
      onceOnly: connection.can('X-GM-EXT-1'),
      dryRun,
    }
    const again = await recognise(wanted, recognition)
    const unknown = new Set(again.wanted)
    for (const one of wanted) if (!unknown.has(one)) this.#missing.delete(one)
    this.tally.skipped += wanted.length - again.wanted.length
    const here = [...atBoth, ...again.known]

    const { first, twins } = recognition.onceOnly ? withoutTwins(again.wanted) : { first: again.wanted, twins: [] }
    const now = this.#now
    const resting = new Map(this.#options.backOff === true ? troubles.filter(({ next }) => next > now()).map(rest) : [])
    const { due, later } = choose(first, this.#options.choice ?? {}, {
      resting,
      // What went wrong before comes last, for it may end the session again (law 5).
      last: new Set(troubles.map(({ uniqueId }) => uniqueId)),
    })
    const failed = later.filter(({ message }) => resting.has(message.uniqueId)).length
    this.tally.failed += failed
    this.tally.waiting = later.length - failed
    const listed = [...here, ...again.wanted].reduce((sum, { octets = 0 }) => sum + octets, 0)
    const { room, clockSteady } = this.#options
    const leave = await shareOf(this.#remote.leave, { connection, listed, room })
    const policy = { leave, room, now: now(), clockSteady, mail }
    if (dryRun)
      return await planOf({ known: here, due, later, headersHere: headers, problems: this.tally.problems }, policy)

    const intake = new Intake(mail)
    const keeping = new ImapKeeping({ recognition, intake, split, inbox: choice.inbox, byLabel, headers, now })
    const retrieval = new ImapRetrieval({
      connection,
      account,
      mail,
      intake,
      keeping,
      troubles,
      tally: this.tally,
      now,
      largest,
      perMinute,
      signal,
      onProgress,
    })
    this.#retrieval = retrieval
    await retrieval.fetch(due)
    this.tally.skipped += retrieval.home.filter(({ isNew }) => !isNew).length
    const others = await this.#nameTwins(twins, recognition)
    const heads = later.flatMap(({ message, header }) => (header && !headers.has(message.uniqueId) ? [message] : []))
    if (heads.length > 0) await fetchImapHeaders(heads, { connection, intake, account, now })

    if (leave === 'forever') return undefined
    const home = new Set(retrieval.home.map((fetched: Fetched) => fetched.wanted))
    const named = new Set(others.map(({ uid, mailbox }) => `${uid} ${mailbox.path}`))
    const missing = again.wanted.filter(
      (one) => !home.has(one) && !retrieval.gone.has(one) && !named.has(`${one.uid} ${one.mailbox.path}`),
    )
    const { go, note } = await mayGo({ known: [...here, ...others], fetched: retrieval.home, rest: missing }, policy)
    if (note !== undefined) this.tally.problems.push(note)
    const gmailTrash = list.find((one) => useOf(one, true) === '\\Trash')?.path
    this.tally.deleted = await deleteByImap(
      go.map((one) => one.mayGo),
      {
        connection,
        mail,
        others: () => keeping.others(),
        retrieval,
        tally: this.tally,
        trash: connection.can('X-GM-EXT-1') ? gmailTrash : undefined,
      },
    )
    return undefined
  }

  /** Other names of messages that have come home now. */
  async #nameTwins(twins: readonly Wanted[], recognition: RecognitionOptions): Promise<AtBoth[]> {
    const found = await this.#mail.read((view) =>
      twins.flatMap((wanted) => {
        const [first] = recognition.ledger.withEmailId(wanted.emailId)
        const entry = first && view.origin(first.account, first.uniqueId, first.hash, first.nth)
        return entry === undefined ? [] : [{ wanted, entry, byHeader: false }]
      }),
    )
    const named = await rename(found, recognition)
    for (const { wanted } of found) this.#missing.delete(wanted)
    this.tally.skipped += found.length
    return named
  }

  get #open(): ImapConnection {
    if (this.#connection === undefined) throw new Error('not connected')
    return this.#connection
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

function rest({ uniqueId, why, next }: Trouble): [string, string] {
  return [uniqueId, `it could not be fetched (${why}); it is tried again after ${new Date(next).toISOString()}`]
}
