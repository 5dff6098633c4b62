import { setImmediate as nextTurn } from 'node:timers/promises'
import { PostinoError } from '../errors.ts'
import { Intake } from '../intake/intake.ts'
import { Ledger } from '../intake/ledger.ts'
import type { UserMail } from '../store/store.ts'
import { deleteAtRemote } from './fetch-pop3-delete.ts'
import { listMaildrop } from './fetch-pop3-listing.ts'
import { logIn } from './fetch-pop3-login.ts'
import { Retrieval, type AtHome } from './fetch-pop3-retrieval.ts'
import type { FetchOptions, FetchReport, Remote } from './fetching.ts'
import type { Pop3Connection } from './pop3-connection.ts'

const day = 86_400_000

/**
 * Brings home what is new in a remote POP3 maildrop. Everything is durable before anything is deleted there, and before QUIT:
 * some providers hide a message after RETR and QUIT (law 1). Resolves also when the session failed: see `error`.
 */
export async function fetchPop3(remote: Remote, mail: UserMail, options: FetchOptions = {}): Promise<FetchReport> {
  const now = options.now ?? Date.now
  const began = performance.now()
  const tally = { new: 0, skipped: 0, failed: 0, deleted: 0, octets: 0, problems: [] as string[] }
  let connection: Pop3Connection | undefined
  let failure: PostinoError | undefined
  try {
    connection = await logIn(remote, options)
    // While the server lists, the ledger is read: in the next turn, when the commands are on their way.
    const [listing, { entries, troubles }] = await Promise.all([
      listMaildrop(connection, options.longest),
      nextTurn().then(() =>
        mail.read((view) => ({ entries: view.ledger(remote.account), troubles: view.troubles(remote.account) })),
      ),
    ])
    tally.problems.push(...listing.problems)
    const ledger = new Ledger(remote.account, entries)
    const { known, wanted } = ledger.divide(listing.messages)
    const resting = new Set(
      options.backOff === true ? troubles.filter(({ next }) => next > now()).map(({ uniqueId }) => uniqueId) : [],
    )
    // What went wrong before comes last, for it may end the session again (law 5).
    const troubled = new Set(troubles.map(({ uniqueId }) => uniqueId))
    const due = wanted
      .filter(({ uniqueId }) => !resting.has(uniqueId))
      .toSorted((a, b) => Number(troubled.has(a.uniqueId)) - Number(troubled.has(b.uniqueId)))
    tally.failed = wanted.length - due.length

    const intake = new Intake(mail)
    const retrieval = new Retrieval({
      remote,
      connection,
      mail,
      intake,
      ledger,
      troubles,
      tally,
      now,
      largest: options.largest,
      onProgress: options.onProgress,
    })
    const fetched = await retrieval.fetch(due)
    tally.skipped = known.length + fetched.length - tally.new

    let marked = 0
    if (remote.leave === 'delete' || typeof remote.leave === 'number') {
      const until = remote.leave === 'delete' ? Infinity : now() - remote.leave * day
      const before = known.map(({ listed, entry }): AtHome => ({ ...entry, listed, fetchedNow: false }))
      const old = [...before, ...fetched].filter(
        ({ stored, listed }) => stored <= until && !resting.has(listed.uniqueId),
      )
      marked = await deleteAtRemote(old, { connection, mail, retrieval, tally })
    }
    const goodbye = connection.ask({ verb: 'QUIT' })
    if (marked === 0) {
      // Nothing hangs on the answer; it is enough that the command is on its way.
      goodbye.catch(() => undefined)
      await nextTurn()
    } else {
      // RFC 1939 §6: only QUIT makes the deletions happen, and its answer tells whether they did.
      const quit = await goodbye
      if (quit.ok) tally.deleted = marked
      else tally.problems.push(`the server answered QUIT with -ERR ${quit.text}: messages deleted there may come back`)
    }
  } catch (error) {
    if (!(error instanceof PostinoError)) throw error
    failure = error
  } finally {
    connection?.drop()
  }
  return { ...tally, seconds: (performance.now() - began) / 1000, error: failure }
}

/** Logs in and out again, to see whether the settings are right. Rejects with PeerError or RefusedError. */
export async function tryLogIn(remote: Remote, options: Pick<FetchOptions, 'signal' | 'patience'> = {}): Promise<void> {
  const connection = await logIn(remote, options)
  // The log-in was right; how the server says goodbye does not matter.
  await connection.ask({ verb: 'QUIT' }).catch(() => undefined)
  connection.drop()
}
