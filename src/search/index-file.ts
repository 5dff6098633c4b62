import { diskError } from '../disk-errors.ts'
import { MisuseError, StoreError } from '../errors.ts'
import type { MailboxId, MessageId } from '../ids.ts'
import type { UserMail, View } from '../store/store.ts'
import { CatchUp, type CatchUpOptions, countOf } from './catch-up.ts'
import {
  emptySearchFile,
  inodeOf,
  openSearchFile,
  remakeSearchFile,
  removeSearchFile,
  searchPath,
  type SearchFile,
} from './database.ts'
import { extractOf } from './document.ts'
import { IndexRows } from './index-rows.ts'
import { parseQuery, type Query, type Term } from './query.ts'
import { snippetOf } from './snippet.ts'
import { toSql } from './to-sql.ts'

/** So many octets of a message are read for its snippet. */
const snippetOctets = 1 << 20

/** A message that was found. */
export interface Hit {
  readonly id: MessageId
  /** When it was received, milliseconds since 1970. */
  readonly received: number
  /** Of its Date field; when it was received, where that cannot be believed. Hits are in this order, newest first. */
  readonly date: number
  readonly subject: string
  readonly from: string
  /** The words around the first match, one line; matches are marked with [ ]. */
  readonly snippet: string
}

/**
 * The search index of one user's mail: `search.sqlite` in the user's folder. It is a reader of the journal and only derived:
 * where it is missing, damaged or of other mail, it is made anew, and `remade` says why.
 */
export class SearchIndex {
  readonly #mail: UserMail
  readonly #path: string
  #file: SearchFile
  #rows: IndexRows
  #retry = true
  #turn: Promise<unknown> = Promise.resolve()
  /** Why the file had to be made anew, the last time that it had to. */
  remade: string | undefined

  private constructor(path: string, mail: UserMail) {
    this.#mail = mail
    this.#path = path
    this.#file = openSearchFile(path)
    this.#rows = new IndexRows(this.#file.database)
    this.remade = this.#file.remade
  }

  /** Opens (or makes) the index. Throws StoreError where the file cannot be written at all. */
  static open(folder: string, mail: UserMail): SearchIndex {
    return new SearchIndex(searchPath(folder), mail)
  }

  /** Removes the index of the mail in this folder, if there is one: who opens or uses it next makes it anew. */
  static remove(folder: string): void {
    removeSearchFile(searchPath(folder))
  }

  /** Indexes what is not yet indexed; resolves with how many messages that were. May be stopped, and goes on from there. */
  async catchUp(options: CatchUpOptions = {}): Promise<number> {
    return await this.#inTurn(async () => {
      await this.#attend()
      const retry = this.#retry
      this.#retry = false
      return await new CatchUp(this.#mail, this.#rows, options).run(retry)
    })
  }

  /** How many messages are not indexed yet. */
  async behind(): Promise<number> {
    return await this.#guarded(() =>
      this.#look((view) => {
        const { modseq } = this.#rows.state()
        if (modseq === 0) return Math.max(0, countOf(view) - this.#rows.count())
        if (modseq >= view.modseq) return 0
        return view.changes(modseq).filter(({ id, message }) => message !== undefined && !this.#rows.has(id)).length
      }),
    )
  }

  /** The messages whose text could not be read, and why. They are found by nothing but their date and mailbox. */
  problems(): { id: MessageId; why: string }[] {
    return this.#rows.problems()
  }

  /** Messages that match, newest first. Throws MisuseError `usage` where the query cannot be understood. */
  async search(text: string, options: { limit?: number } = {}): Promise<Hit[]> {
    const query = parseQuery(text)
    const find = (): Promise<Omit<Hit, 'snippet'>[]> =>
      this.#look((view) => this.#find(view, query, options.limit ?? 50))
    const found = await this.#guarded(find)
    const hits: Hit[] = []
    for (const hit of found) hits.push({ ...hit, snippet: await this.#snippet(hit.id, query.terms) })
    return hits
  }

  close(): void {
    if (this.#file.database.isOpen) this.#file.database.close()
  }

  #find(view: View, query: Query, limit: number): Omit<Hit, 'snippet'>[] {
    const mailboxes = query.mailboxes.length === 0 ? undefined : mailboxesNamed(view, query.mailboxes)
    // While the index is behind, the store alone knows what is in a mailbox.
    const current = this.#rows.state().modseq === view.modseq
    const { text, values } = toSql(query, current ? mailboxes : undefined)
    const hits: Omit<Hit, 'snippet'>[] = []
    if (limit <= 0) return hits
    for (const row of this.#file.database.prepare(text).iterate(...values)) {
      const message = view.message(Number(row['id']) as MessageId)
      if (message === undefined || mailboxes?.includes(message.mailbox) === false) continue
      hits.push({
        id: message.id,
        received: message.received,
        date: Number(row['date']),
        subject: String(row['subject']),
        from: String(row['sender']),
      })
      if (hits.length >= limit) break
    }
    return hits
  }

  async #snippet(id: MessageId, terms: readonly Term[]): Promise<string> {
    try {
      return snippetOf((await extractOf(this.#mail, { id }, snippetOctets)).text, terms)
    } catch (error) {
      // Removed meanwhile, or damaged: it was found all the same.
      if (error instanceof StoreError) return ''
      throw error
    }
  }

  /** Looks at the store and the index together. What goes wrong with our file is not mistaken for the store's. */
  async #look<T>(look: (view: View) => T): Promise<T> {
    const outcome = await this.#mail.read((view): { value: T } | { error: unknown } => {
      try {
        return { value: look(view) }
      } catch (error) {
        return { error: this.#explain(error) }
      }
    })
    if ('error' in outcome) throw outcome.error
    return outcome.value
  }

  /** Does the work; once more, on a new file, where the file turns out to be damaged. */
  async #guarded<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      if (!isDamage(this.#explain(error), this.#path)) throw error
      await this.#inTurn(() => Promise.resolve(this.#remake('it was damaged')))
      await this.catchUp()
      return await work()
    }
  }

  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(async () => {
      try {
        return await work()
      } catch (error) {
        const explained = this.#explain(error)
        if (!isDamage(explained, this.#path)) throw explained
        this.#remake('it was damaged')
        return await work()
      }
    })
    this.#turn = turn.catch(() => undefined)
    return await turn
  }

  /** Makes the index anew where it is of other mail than this. */
  async #attend(): Promise<void> {
    if (inodeOf(this.#path) !== this.#file.inode) this.#remake('it was removed or replaced while in use')
    const { modseq, anchor } = this.#rows.state()
    const other = await this.#mail.read((view) => {
      if (view.modseq < modseq) return true
      if (anchor === undefined) return false
      const message = view.message(anchor.id)
      if (message !== undefined) return message.uniqueId !== anchor.uniqueId
      return !view.changes(modseq).some((change) => change.id === anchor.id)
    })
    if (!other) return
    emptySearchFile(this.#file)
    this.remade = 'the mail was restored from a copy'
  }

  #remake(why: string): void {
    this.#file = remakeSearchFile(this.#path, this.#file)
    this.#rows = new IndexRows(this.#file.database)
    this.remade = why
  }

  #explain(error: unknown): unknown {
    return error instanceof Error && 'errcode' in error ? diskError(error, this.#path) : error
  }
}

function isDamage(error: unknown, path: string): boolean {
  return error instanceof StoreError && error.code === 'damaged' && error.message.startsWith(path)
}

function mailboxesNamed(view: View, names: readonly string[]): MailboxId[] {
  const all = view.mailboxes()
  return names.flatMap((name) => {
    const found = all.filter((mailbox) => mailbox.name.toLowerCase() === name.toLowerCase())
    if (found.length > 0) return found.map(({ id }) => id)
    const known = all.map((mailbox) => mailbox.name).join(', ')
    throw new MisuseError('usage', `there is no mailbox ${JSON.stringify(name)} for in:; there are: ${known}`)
  })
}
