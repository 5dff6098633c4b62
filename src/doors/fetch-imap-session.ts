import type { ListResponse, StatusObject } from 'imapflow'
import type { MailboxState } from '../accounts/account-options.ts'
import { RefusedError } from '../errors.ts'
import { headersOnly } from '../intake/header-only.ts'
import type { UserMail } from '../store/store.ts'
import { ImapBringing, type ImapKnown, type ImapSessionTally } from './fetch-imap-bring.ts'
import { bringChanges } from './fetch-imap-changes.ts'
import { gmailAll, isDraft } from './fetch-imap-gmail.ts'
import { ImapLedger, imapName } from './fetch-imap-ledger.ts'
import { type AtBoth, isUnchanged, look, type Looked, type Wanted } from './fetch-imap-listing.ts'
import { type ChosenMailbox, chooseMailboxes, type MailboxChoice } from './fetch-imap-mailboxes.ts'
import { ImapMap } from './fetch-imap-map.ts'
import { believable, stateOf } from './fetch-imap-state.ts'
import type { ImapFetchOptions } from './fetch-imap.ts'
import { FetchTroubles } from './fetch-troubles.ts'
import { byOtherProtocol, type Planned, type Remote } from './fetching.ts'
import { ImapConnection, statusItems } from './imap-connection.ts'

/** No mailbox that a person has holds so many messages. */
const longestMailbox = 2_000_000

/** A mailbox that is to be opened. */
interface Due {
  readonly chosen: ChosenMailbox
  readonly status: StatusObject | undefined
}

/** A mailbox that was. */
interface Opened {
  readonly looked: Looked
  readonly status: StatusObject | undefined
  readonly wanted: readonly Wanted[]
  readonly flags: Readonly<Record<string, string>> | undefined
}

/** One session: looks, fetches, deletes; what it has come to is there also when it was broken off. */
export class ImapSession {
  readonly tally: ImapSessionTally = {
    new: 0,
    skipped: 0,
    failed: 0,
    waiting: 0,
    deleted: 0,
    octets: 0,
    problems: [],
  }
  passedOver: readonly string[] = []
  readonly #remote: Remote
  readonly #mail: UserMail
  readonly #options: ImapFetchOptions
  readonly #now: () => number
  /** What can be believed of what was before. */
  readonly #before: Readonly<Record<string, MailboxState>>
  readonly #opened: Opened[] = []
  /** The names of all mailboxes there, once they are known. */
  #there: ReadonlySet<string> | undefined
  #connection: ImapConnection | undefined
  #bringing: ImapBringing | undefined

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

  /** How far each mailbox has been read. */
  mailboxes(): Record<string, MailboxState> {
    const there = this.#there
    const before = Object.entries(this.#before).filter(([path]) => there === undefined || there.has(path))
    const states = new Map<string, MailboxState>(before)
    if (this.#options.dryRun !== true) {
      const home = this.#mail.modseq()
      const now = this.#now()
      const settled = this.#bringing?.settled()
      for (const { looked, status, wanted, flags } of this.#opened) {
        const missing = wanted.filter((one) => settled?.has(one) !== true)
        states.set(looked.mailbox.path, stateOf(looked, { status, missing, flags, now, home }))
      }
    }
    return Object.fromEntries(states)
  }

  /** Gives the plan, where nothing is to be done. */
  async run(): Promise<readonly Planned[] | undefined> {
    const connection = await ImapConnection.open(this.#remote, this.#options)
    this.#connection = connection
    const list = await connection.list()
    this.#there = new Set(list.map(({ path }) => path))
    const choice = this.#choice(connection)
    const all = choice.only === undefined && choice.except === undefined ? gmailAll(connection, list) : undefined
    const { chosen, passedOver } =
      all === undefined ? chooseMailboxes(list, choice) : { chosen: [{ listed: all, home: 'Archive' }], passedOver: [] }
    this.passedOver = passedOver
    const due = await this.#due(connection, chosen)
    let plan: readonly Planned[] | undefined
    if (due.length > 0) {
      const known = await this.#known()
      const paths = chosen.map(({ listed }) => listed.path)
      const map = new ImapMap(list, this.#before, choice, paths)
      const atBoth = await this.#look(connection, due, known, map)
      await this.#forgetTroubles(known, map)
      const { tally } = this
      this.#bringing = new ImapBringing({
        connection,
        remote: this.#remote,
        mail: this.#mail,
        options: this.#options,
        known,
        map,
        tally,
        list,
        byLabel: all !== undefined,
        now: this.#now,
      })
      plan = await this.#bringing.bring(
        this.#opened.flatMap(({ wanted }) => wanted),
        atBoth,
      )
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
  async #due(connection: ImapConnection, chosen: readonly ChosenMailbox[]): Promise<Due[]> {
    const due: Due[] = []
    for (const one of chosen) {
      const { listed } = one
      const status = listed.status ?? (await statusOf(connection, listed))
      const unchanged = status !== undefined && isUnchanged(status, this.#before[listed.path], this.#now())
      if (unchanged && (this.#remote.leave === 'forever' || status.messages === 0))
        this.tally.skipped += status.messages ?? 0
      else due.push({ chosen: one, status })
    }
    return due
  }

  async #known(): Promise<ImapKnown> {
    const { account } = this.#remote
    const { entries, before, troubles, headers } = await this.#mail.read((view) => ({
      entries: view.ledger(account),
      before: view.ledger(byOtherProtocol(account)),
      troubles: view.troubles(account),
      headers: view.ledger(headersOnly(account)),
    }))
    return {
      ledger: new ImapLedger(entries, before),
      troubles: new FetchTroubles(troubles, this.#mail, account, this.#now),
      headers: new Map(headers.map(({ uniqueId, message }) => [uniqueId, message])),
    }
  }

  /** Looks into mailboxes, and brings home what has changed of the flags; gives what is at both ends. */
  async #look(connection: ImapConnection, due: readonly Due[], { ledger }: ImapKnown, map: ImapMap): Promise<AtBoth[]> {
    const atBoth: AtBoth[] = []
    let refusal: RefusedError | undefined
    for (const one of due) {
      try {
        const looked = await this.#lookInto(connection, one, ledger)
        map.see(looked.mailbox)
        atBoth.push(...looked.known)
      } catch (error) {
        // One mailbox that cannot be opened never stops the rest.
        if (!(error instanceof RefusedError)) throw error
        refusal ??= error
        this.tally.failed++
        this.tally.problems.push(error.message)
      }
    }
    if (refusal !== undefined && this.#opened.length === 0) throw refusal
    return atBoth
  }

  async #lookInto(connection: ImapConnection, { chosen, status }: Due, ledger: ImapLedger): Promise<Looked> {
    const { dryRun = false, longest = longestMailbox } = this.#options
    const before = this.#before[chosen.listed.path]
    const looked = await look(connection, chosen, { ledger, before, whole: this.#remote.leave !== 'forever', longest })
    const same = before?.uidValidity === looked.mailbox.uidValidity ? before : undefined
    const flags = dryRun
      ? undefined
      : await bringChanges(connection, looked, { ledger, mail: this.#mail, before: same })
    const wanted = looked.wanted.filter(({ labels }) => !isDraft(labels))
    this.#opened.push({ looked, status, wanted, flags })
    this.tally.skipped += looked.messages - wanted.length
    return looked
  }

  /** What could not be fetched, and is not there any more, is nobody's trouble. */
  async #forgetTroubles({ troubles }: ImapKnown, map: ImapMap): Promise<void> {
    if (this.#options.dryRun === true) return
    const wanted = new Set(this.#opened.flatMap((opened) => opened.wanted.map(({ uniqueId }) => uniqueId)))
    const opened = new Set(this.#opened.map(({ looked }) => looked.mailbox.path))
    await troubles.clearWhere((uniqueId) => {
      const name = imapName(uniqueId)
      if (name === undefined || wanted.has(uniqueId)) return false
      // What is missing is always looked at again: see `stateOf`.
      return map.isStale(name) || opened.has(map.pathOf(name) ?? '')
    })
  }
}

async function statusOf(connection: ImapConnection, { path }: ListResponse): Promise<StatusObject | undefined> {
  const status = await connection.run(`to say how the mailbox ${path} is`, (client) => client.status(path, statusItems))
  return status === false ? undefined : status
}
