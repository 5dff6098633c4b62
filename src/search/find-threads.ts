import type { DatabaseSync } from 'node:sqlite'
import type { MessageId } from '../ids.ts'
import { messagesIn } from '../message/thread.ts'
import type { View } from '../store/store.ts'
import type { Finding, Found } from './find.ts'
import { Threads } from './gather-threads.ts'

/** A message of a thread in which something was found. */
export interface FoundMember extends Found {
  readonly depth: number
  /** Whether it is itself what was looked for. */
  readonly matches: boolean
}

/** The threads of what is found, each once, in the order of their first hits. */
export function threadsFound(database: DatabaseSync, view: View, finding: Finding, limit: number): FoundMember[][] {
  const threads = new Threads(database)
  const known = new Set<MessageId>()
  const found: FoundMember[][] = []
  if (limit <= 0) return found
  for (const hit of finding.all()) {
    if (known.has(hit.message.id)) continue
    const members = [...messagesIn(threads.of(hit.message.id))]
    for (const { message } of members) known.add(message.id)
    const matching = finding.among(members.map(({ message }) => message.id))
    found.push(
      members.flatMap(({ message: { id, date, subject, from }, depth }): FoundMember[] => {
        const message = view.message(id)
        return message === undefined ? [] : [{ message, date, subject, from, depth, matches: matching.has(id) }]
      }),
    )
    if (found.length >= limit) break
  }
  return found
}
