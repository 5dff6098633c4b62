import { StoreError } from '../errors.ts'
import { givenAway } from '../intake/ledger.ts'
import type { UserMail } from '../store/store.ts'
import { CopiesAtHome } from './copies-at-home.ts'
import { headersOf, notedHead } from './fetch-pop3-top.ts'
import type { AtHome, Retrieval, Tally } from './fetch-pop3-retrieval.ts'
import type { Pop3Connection } from './pop3-connection.ts'

export interface DeletionOptions {
  readonly connection: Pop3Connection
  /** The mail that has the ledger, and the mail of others to whom messages of this account have gone. */
  readonly mail: UserMail
  readonly others: () => Promise<readonly UserMail[]>
  readonly retrieval: Retrieval
  readonly tally: Tally
}

/**
 * Marks messages as deleted at the remote server, each only after it is certain that its octets are here (law 3); gives how many.
 * They are gone there once QUIT is answered.
 */
export async function deleteAtRemote(candidates: readonly AtHome[], options: DeletionOptions): Promise<number> {
  const { connection, mail, others, tally } = options
  const copies = new CopiesAtHome(mail, others)
  const unsure = await unsureOf(candidates, options)
  const certain: AtHome[] = []
  for (const candidate of candidates) {
    const why = await doubt(candidate, unsure.has(candidate), { ...options, copies })
    if (why === undefined) certain.push(candidate)
    else tally.problems.push(`message ${candidate.listed.number} was left on the server: ${why}`)
  }
  const replies = await Promise.all(
    certain.map(({ listed }) => connection.ask({ verb: 'DELE', number: listed.number })),
  )
  let marked = 0
  for (const [place, reply] of replies.entries()) {
    if (reply.ok) marked++
    else {
      tally.failed++
      tally.problems.push(
        `message ${certain[place]?.listed.number} could not be deleted on the server: -ERR ${reply.text}`,
      )
    }
  }
  return marked
}

/** Those that came home in an earlier session, and of which the server does not show by TOP that they are still the same. */
async function unsureOf(candidates: readonly AtHome[], { connection, mail }: DeletionOptions): Promise<Set<AtHome>> {
  const before = candidates.filter(({ entry }) => entry !== undefined)
  const heads = await headersOf(
    connection,
    before.map(({ listed }) => listed.number),
  )
  const unsure = new Set<AtHome>()
  for (const [place, candidate] of before.entries()) {
    const head = heads[place]
    const noted = candidate.entry && (await notedHead(mail, candidate.entry).catch(unreadable))
    if (head === undefined || head !== noted) unsure.add(candidate)
  }
  return unsure
}

/** Why a message may not be deleted there; undefined where it may. */
async function doubt(
  candidate: AtHome,
  unsure: boolean,
  options: DeletionOptions & { readonly copies: CopiesAtHome },
): Promise<string | undefined> {
  const { listed, hash, size, entry } = candidate
  const fault = entry === undefined ? undefined : await options.copies.fault(entry)
  if (fault !== undefined) return `its copy at home cannot be read (${fault})`
  // Law 3: where the sizes differ, or the unique-id may have been given to another message, it is fetched again first.
  const differs = listed.octets !== undefined && listed.octets !== size
  if (!differs && !unsure) return undefined
  const again = await options.retrieval.confirm(listed, hash)
  if (again === 'same') return undefined
  const lists = `the server lists ${listed.octets ?? 'no'} octets, gave ${size}, and`
  if (again === 'refused') return `${lists} does not give it again`
  // What it stands for now was kept too, and has a row of its own.
  if (entry !== undefined) await options.mail.change((draft) => draft.relist(entry, givenAway))
  return `${lists} gives something else when asked again`
}

/** A copy that cannot be read says nothing; `doubt` tells it. */
function unreadable(error: unknown): undefined {
  if (!(error instanceof StoreError)) throw error
}
