import { diskError } from '../disk-errors.ts'
import { StoreError } from '../errors.ts'
import type { MessageId } from '../ids.ts'
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
import { Finding, type Found } from './find.ts'
import { threadsFound } from './find-threads.ts'
import { IndexRows } from './index-rows.ts'
import { parseQuery, type Query, wantedTerms } from './query.ts'
import { Snippets } from './read-snippets.ts'
import type { Order } from './to-sql.ts'

/** So many are found where nothing else is said. */
const usualLimit = 50

/** A message that was found. */
export interface Hit {
  readonly id: MessageId
  /** When it was received, milliseconds since 1970. */
  readonly received: number
  /** Of its Date field; when it was received, where that cannot be believed. */
  readonly date: number
  readonly subject: string
  readonly from: string
  /** The words around the first match, one line; matches are marked with [ ]. */
  readonly snippet: string
}

/** A message of a thread that was found. */
export interface ThreadMember extends Omit<Hit, 'snippet'> {
  /** 0: it answers none that is here. */
  readonly depth: number
  /** Undefined: it is not itself what was looked for. */
  readonly snippet: string | undefined
}

export interface SearchOptions {
  /** At most so many; 50 unless said. */
  readonly limit?: number
  /** By date, the newest first unless said; or what says most of the words looked for. */
  readonly order?: Order
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

  /** Messages that match. Throws MisuseError `usage` where the query cannot be understood. */
  async search(text: string, options: SearchOptions = {}): Promise<Hit[]> {
    const query = parseQuery(text)
    const snippets = new Snippets(this.#mail, wantedTerms(query))
    const hits: Hit[] = []
    for (const one of await this.#find(query, options)) hits.push(await withSnippet(one, snippets))
    return hits
  }

  /** The same without snippets: no message is read. */
  async find(text: string, options: SearchOptions = {}): Promise<Omit<Hit, 'snippet'>[]> {
    return (await this.#find(parseQuery(text), options)).map(shownOf)
  }

  /**
   * The threads in which messages match, each whole, in the order of their first hits. `limit`: at most so many threads. Throws as
   * `search` does.
   */
  async threads(text: string, options: SearchOptions = {}): Promise<ThreadMember[][]> {
    const query = parseQuery(text)
    const { limit = usualLimit, order = 'newest' } = options
    const found = await this.#guarded(() =>
      this.#look((view) => threadsFound(this.#file.database, view, this.#finding(view, query, order), limit)),
    )
    const snippets = new Snippets(this.#mail, wantedTerms(query))
    const threads: ThreadMember[][] = []
    for (const members of found) {
      const shown: ThreadMember[] = []
      for (const { depth, matches, ...one } of members) {
        const hit = matches ? await withSnippet(one, snippets) : { ...shownOf(one), snippet: undefined }
        shown.push({ ...hit, depth })
      }
      threads.push(shown)
    }
    return threads
  }

  close(): void {
    if (this.#file.database.isOpen) this.#file.database.close()
  }

  #find(query: Query, { limit = usualLimit, order = 'newest' }: SearchOptions): Promise<Found[]> {
    return this.#guarded(() => this.#look((view) => this.#finding(view, query, order).first(limit)))
  }

  #finding(view: View, query: Query, order: Order): Finding {
    return new Finding(this.#file.database, view, this.#rows.state().modseq, query, order)
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

async function withSnippet(found: Found, snippets: Snippets): Promise<Hit> {
  return { ...shownOf(found), snippet: await snippets.of(found.message.id, found.message.size) }
}

function shownOf({ message, date, subject, from }: Found): Omit<Hit, 'snippet'> {
  return { id: message.id, received: message.received, date, subject, from }
}
