import type { MessageId, ModSeq } from '../ids.ts'
import type { Change, Message, UserMail, View } from '../store/store.ts'
import { type Document, readDocument } from './document.ts'
import type { IndexRows } from './index-rows.ts'

/** So many changes are read from the journal at once. */
const pageSize = 4_000
/** At most so many messages, and about so many characters, go into one transaction: what is written at once is merged less often. */
const batchMessages = 4_000
const batchCharacters = 6 << 20
/** More than this in one message is written by itself: FTS5 gathers words in a table of hashes, which somebody may have written to fill. */
const muchText = 256 << 10
/** Where the end is read first, so many are read in order. */
const run = 250
/** So many messages that could not be read are tried again when an index is opened. */
const retryLimit = 100

export interface CatchUpProgress {
  /** Messages indexed so far, in this call. */
  readonly messages: number
  readonly of: number
}

export interface CatchUpOptions {
  readonly onProgress?: (progress: CatchUpProgress) => void
  readonly signal?: AbortSignal
  /** Begins at the end of what is read at once: where `serve` indexes at the same time, the two meet in the middle. */
  readonly backwards?: boolean
}

/** One page of the journal: every change up to `modseq`. */
interface Page {
  readonly changes: readonly Change[]
  readonly modseq: ModSeq
  readonly last: boolean
}

/** Reads the journal into the index, from where it was left. Each transaction leaves it such that any process can go on. */
export class CatchUp {
  readonly #mail: UserMail
  readonly #rows: IndexRows
  readonly #options: CatchUpOptions
  #indexed = 0
  #of = 0

  constructor(mail: UserMail, rows: IndexRows, options: CatchUpOptions) {
    this.#mail = mail
    this.#rows = rows
    this.#options = options
  }

  /** Resolves with how many messages were indexed. `retry`: those that could not be read are tried again. */
  async run(retry: boolean): Promise<number> {
    this.#of = await this.#mail.read((view) => Math.max(0, countOf(view) - this.#rows.count()))
    if (retry) await this.#index(await this.#unread(), undefined)
    for (let last = false; !last;) {
      const { modseq } = this.#rows.state()
      const page = await this.#mail.read((view) => pageOf(view, modseq))
      await this.#apply(page.changes, page.modseq > modseq ? page.modseq : undefined)
      last = page.last
    }
    await this.#apply(await this.#mail.read((view) => differences(view, this.#rows)), undefined)
    return this.#indexed
  }

  async #apply(changes: readonly Change[], modseq: ModSeq | undefined): Promise<void> {
    const fresh: Message[] = []
    const changed: Message[] = []
    const removed: MessageId[] = []
    for (const { id, message } of changes) {
      if (message === undefined) removed.push(id)
      else if (this.#rows.has(id)) changed.push(message)
      else fresh.push(message)
    }
    if (changed.length > 0 || removed.length > 0) this.#rows.write({ documents: [], changed, removed })
    await this.#index(fresh, modseq)
  }

  /** Indexes messages in batches; with the last, the journal is read up to `modseq`. */
  async #index(messages: readonly Message[], modseq: ModSeq | undefined): Promise<void> {
    let documents: Document[] = []
    /** What another process has indexed meanwhile. */
    let changed: Message[] = []
    let characters = 0
    const flush = (upTo: ModSeq | undefined): void => {
      if (documents.length + changed.length === 0 && upTo === undefined) return
      this.#rows.write({ documents, changed, removed: [], ...(upTo === undefined ? {} : { modseq: upTo }) })
      this.#indexed += documents.length + changed.length
      documents = []
      changed = []
      characters = 0
      this.#options.onProgress?.({ messages: this.#indexed, of: Math.max(this.#of, this.#indexed) })
    }
    for (const message of this.#options.backwards === true ? fromTheEnd(messages) : messages) {
      // What has been read is kept.
      if (this.#options.signal?.aborted === true) flush(undefined)
      this.#options.signal?.throwIfAborted()
      if (this.#rows.isRead(message.id)) {
        changed.push(message)
        continue
      }
      const document = await readDocument(this.#mail, message)
      if (document === undefined) continue
      documents.push(document)
      const { length = 0 } = document.extract?.text ?? {}
      characters += length
      if (documents.length >= batchMessages || characters >= batchCharacters || length >= muchText) flush(undefined)
    }
    flush(modseq)
  }

  async #unread(): Promise<Message[]> {
    const ids = this.#rows.problems().slice(0, retryLimit)
    if (ids.length === 0) return []
    return await this.#mail.read((view) => ids.flatMap(({ id }) => view.message(id) ?? []))
  }
}

/** The last run first, but each run in its order: so do messages lie, and so are they read fastest. */
function fromTheEnd(messages: readonly Message[]): Message[] {
  const found: Message[] = []
  for (let to = messages.length; to > 0; to -= run) found.push(...messages.slice(Math.max(0, to - run), to))
  return found
}

/** How many messages there are. */
export function countOf(view: View): number {
  return view.mailboxes().reduce((sum, mailbox) => sum + mailbox.messages, 0)
}

/** The next changes, such that none of a modseq is left out: a limit may fall among the changes of one transaction. */
function pageOf(view: View, since: ModSeq): Page {
  for (let limit = pageSize; ; limit *= 4) {
    const changes = view.changes(since, limit)
    if (changes.length < limit) return { changes, modseq: view.modseq, last: true }
    const cut = changes.at(-1)?.modseq ?? since
    const whole = changes.filter(({ modseq }) => modseq < cut)
    const modseq = whole.at(-1)?.modseq
    if (modseq !== undefined) return { changes: whole, modseq, last: false }
  }
}

/** That what is indexed is what is stored, is checked, not assumed. */
function differences(view: View, rows: IndexRows): Change[] {
  if (countOf(view) === rows.count()) return []
  const indexed = new Set(rows.ids())
  const changes: Change[] = []
  for (const message of view.messages()) {
    if (!indexed.delete(message.id)) changes.push({ id: message.id, modseq: message.modseq, message, added: true })
  }
  for (const id of indexed) changes.push({ id, modseq: view.modseq, message: undefined, added: false })
  return changes
}
