import type { DatabaseSync } from 'node:sqlite'
import type { MessageId } from '../ids.ts'
import { type Thread, type Threadable, threadsOf } from '../message/thread.ts'
import { idsIn, idToken, subjectToken } from './message-facts.ts'

/** A thread of more messages than this is cut off, and so many are gathered for the same subject. */
const threadLimit = 2_000

/** So many words are asked for at once. */
const atOnce = 50

/** What a thread is made of. */
export interface Member extends Threadable {
  readonly id: MessageId
  readonly from: string
}

/** Finds the messages that belong together (RFC 5256 §3, REFERENCES) without looking at all there are. */
export class Threads {
  readonly #database: DatabaseSync
  /** Subjects that too many messages have. */
  readonly #common = new Set<string>()

  constructor(database: DatabaseSync) {
    this.#database = database
  }

  /** The thread that this message is in, as it would be among all messages. */
  of(id: MessageId): Thread<Member> {
    const members = new Map<MessageId, Member>()
    this.#gather([id], members)
    const thread = holding(members, id)
    const subject = subjectToken((thread.message ?? thread.children[0]?.message)?.subject ?? '')
    if (subject === undefined || this.#common.has(subject)) return thread
    // RFC 5256 §3 (5): threads of the same subject are one. Theirs are threads of their own, so those must be known.
    const same = this.#find([subject], threadLimit + 1)
    if (same.length > threadLimit) {
      this.#common.add(subject)
      return thread
    }
    if (same.every((one) => members.has(one))) return thread
    this.#gather(same, members)
    return holding(members, id)
  }

  /** Adds these messages, and all that are joined to them by what they name. */
  #gather(ids: readonly MessageId[], members: Map<MessageId, Member>): void {
    const asked = new Set<string>()
    for (const member of members.values()) for (const token of tokensOf(member)) asked.add(token)
    for (let next = ids; next.length > 0 && members.size < threadLimit;) {
      const tokens: string[] = []
      for (const id of next) {
        const member = members.has(id) ? undefined : this.#member(id)
        if (member === undefined) continue
        members.set(id, member)
        for (const token of tokensOf(member)) {
          if (!asked.has(token)) tokens.push(token)
          asked.add(token)
        }
      }
      next = this.#find(tokens, threadLimit).filter((id) => !members.has(id))
    }
  }

  /** The messages that have one of these words, as their ids or subjects. */
  #find(tokens: readonly string[], limit: number): MessageId[] {
    const found = new Set<MessageId>()
    const find = this.#database.prepare('select rowid as id from thread_tokens where thread_tokens match ? limit ?')
    for (let at = 0; at < tokens.length && found.size < limit; at += atOnce) {
      const asked = tokens.slice(at, at + atOnce).join(' OR ')
      for (const row of find.all(asked, limit)) found.add(Number(row['id']) as MessageId)
    }
    return [...found]
  }

  #member(id: MessageId): Member | undefined {
    const sql = 'select m.date, h.subject, h.sender, h.ids from heads h join messages m on m.id = h.id where h.id = ?'
    const row = this.#database.prepare(sql).get(id)
    if (row === undefined) return undefined
    const { date, subject, sender, ids } = row
    const blob = ids instanceof Uint8Array ? ids : new Uint8Array()
    return { id, date: Number(date), subject: String(subject), from: String(sender), ...idsIn(blob) }
  }
}

function tokensOf({ messageId, references }: Member): string[] {
  return [...(messageId === undefined ? [] : [messageId]), ...references].map(idToken)
}

/** Of the threads that these messages make, the one in which this one is. */
function holding(members: ReadonlyMap<MessageId, Member>, id: MessageId): Thread<Member> {
  const all = [...members.values()].toSorted((a, b) => a.id - b.id)
  for (const thread of threadsOf(all)) {
    const waiting: Thread<Member>[] = [thread]
    for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) {
      if (at.message?.id === id) return thread
      for (const child of at.children) waiting.push(child)
    }
  }
  return { message: members.get(id), children: [] }
}
