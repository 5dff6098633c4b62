import { StoreError } from '../errors.ts'
import type { UserMail } from '../store/store.ts'
import type { AtHome, Retrieval, Tally } from './fetch-pop3-retrieval.ts'
import type { Pop3Connection } from './pop3-connection.ts'

/**
 * Marks messages as deleted at the remote server, each only after it is certain that its octets are here (law 3); gives how many.
 * They are gone there once QUIT is answered.
 */
export async function deleteAtRemote(
  candidates: readonly AtHome[],
  session: { connection: Pop3Connection; mail: UserMail; retrieval: Retrieval; tally: Tally },
): Promise<number> {
  const { connection, mail, retrieval, tally } = session
  const certain: AtHome[] = []
  for (const candidate of candidates) {
    const why = await doubt(candidate, mail, retrieval)
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

/** Why a message may not be deleted there; undefined where it may. */
async function doubt(candidate: AtHome, mail: UserMail, retrieval: Retrieval): Promise<string | undefined> {
  const { listed, hash, size, message, fetchedNow } = candidate
  if (!fetchedNow && message !== undefined) {
    try {
      for await (const _ of mail.bytes(message));
    } catch (error) {
      if (!(error instanceof StoreError)) throw error
      return `its copy at home cannot be read (${error.message})`
    }
  }
  // Law 3: where the sizes differ, it is fetched again first.
  if (listed.octets !== undefined && listed.octets !== size && !(await retrieval.confirm(listed, hash))) {
    return `the server lists ${listed.octets} octets, gave ${size}, and gives something else when asked again`
  }
  return undefined
}
