import type { Hash } from '../ids.ts'
import { Intake } from '../intake/intake.ts'
import { isOverQuota } from '../intake/over-quota.ts'
import { receivedTime } from '../message/received.ts'
import type { Flag, Staged, Staging, UserMail } from '../store/store.ts'
import { type MailFile, octetsOf, openMailFile } from './import-file.ts'
import { type BytePath, bytePath, findMail, pathText, type Source, whyUnreadable } from './import-sources.ts'
import { formerUniqueId, type UniqueIdSources } from './import-unique-ids.ts'
import { MboxSplitter } from './mbox.ts'
import { MboxStatus } from './mbox-status.ts'

export interface ImportOptions {
  /** Where mail goes that has no mailbox of its own; INBOX otherwise. */
  readonly mailbox?: string
  /** What the path `-` reads: one message. */
  readonly stdin?: AsyncIterable<Uint8Array>
  /** Dovecot's `pop3_uidl_format`, where it was not the usual one. */
  readonly uidlFormat?: string | undefined
  /** Where else the unique-ids of an earlier server are. */
  readonly uniqueIds?: UniqueIdSources
  /** What is durable so far. */
  readonly onProgress?: (progress: { messages: number; octets: number }) => void
}

export interface ImportReport {
  readonly new: number
  /** Came in by an earlier run of the same import; nothing was added. */
  readonly known: number
  /** Of all messages, new and known. */
  readonly octets: number
  readonly failed: readonly { readonly path: string; readonly why: string }[]
  /** Of the new messages that had a unique-id at an earlier server: how many kept it, and of how many it was given already. */
  readonly uniqueIds?: { readonly kept: number; readonly refused: number }
}

/**
 * Brings mail in from files: messages, folders, mbox, Maildir, and `-` for stdin. What cannot be read, and what there is no room for, is
 * noted in `failed` and the rest goes on; it rejects only when the store does (StoreError), and what is durable by then is known next time.
 */
export async function importMail(
  mail: UserMail,
  paths: readonly string[],
  options: ImportOptions = {},
): Promise<ImportReport> {
  // RFC 9051 §5.1: INBOX is INBOX in any case.
  const mailbox = options.mailbox?.replace(/^inbox$/i, 'INBOX') ?? 'INBOX'
  const run = new ImportRun(mail, options)
  try {
    for (const path of paths) {
      if (path === '-') await run.takeStdin(options.stdin, mailbox)
      else for await (const file of opened(findMail(bytePath(path), mailbox, options.uidlFormat))) await run.take(file)
    }
  } finally {
    await run.settled()
  }
  return run.report()
}

type Opened = Awaited<ReturnType<typeof openMailFile>>

/** How many files are opened and read ahead. */
const ahead = 8

async function* opened(sources: AsyncIterable<Source>): AsyncGenerator<Opened> {
  const waiting: Promise<Opened>[] = []
  try {
    for await (const source of sources) {
      waiting.push(openMailFile(source))
      if (waiting.length >= ahead) yield await (waiting.shift() as Promise<Opened>)
    }
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) yield await next
  } finally {
    for (const file of await Promise.all(waiting)) if ('rest' in file) await file.rest?.close()
  }
}

interface About {
  readonly mailbox: string
  readonly received: number
  readonly flags: readonly Flag[]
  readonly uniqueId?: string | undefined
  /** Its first octets. */
  readonly head: Uint8Array
  /** The file that it is in, and which one of it, from 1; undefined where it is all there is in it. */
  readonly path: BytePath
  readonly number?: number
}

/** How many messages may be between their last octet and `keep`. */
const inFlight = 64

class ImportRun {
  readonly #intake: Intake
  readonly #onProgress: ImportOptions['onProgress']
  readonly #sources: UniqueIdSources
  readonly #seen = new Map<string, Map<Hash, number>>()
  readonly #failed: { path: string; why: string }[] = []
  #new = 0
  #known = 0
  #octets = 0
  /** Messages are kept in the order in which they were read. */
  #order: Promise<void> = Promise.resolve()
  #unkept = 0
  readonly #keeping = new Set<Promise<void>>()
  #broken: { error: unknown } | undefined

  constructor(mail: UserMail, { onProgress, uniqueIds = {} }: ImportOptions) {
    this.#intake = new Intake(mail)
    this.#sources = uniqueIds
    this.#onProgress = onProgress
  }

  async take(file: Opened): Promise<void> {
    if ('why' in file) this.#failed.push({ path: pathText(file.source.path), why: file.why })
    else if (file.form === 'mbox') await this.#takeMbox(file)
    else await this.#takeMessage(file)
  }

  async takeStdin(stdin: AsyncIterable<Uint8Array> | undefined, mailbox: string): Promise<void> {
    const staging = this.#intake.stage('unknown')
    let head: Buffer | undefined
    try {
      for await (const chunk of stdin ?? []) {
        if (chunk.length === 0) continue
        head ??= Buffer.from(chunk)
        await staging.write(chunk)
      }
    } catch (error) {
      staging.discard()
      throw error
    }
    if (head === undefined) {
      staging.discard()
      this.#failed.push({ path: '-', why: 'it is empty' })
    } else {
      await this.#accept(staging, {
        mailbox,
        received: receivedTime(head, Date.now()) ?? Date.now(),
        flags: [],
        head,
        path: bytePath('-'),
      })
    }
  }

  async #takeMessage(file: MailFile): Promise<void> {
    const { source, head, rest, changed } = file
    const received = source.trustTime === true ? changed : (receivedTime(head, Date.now()) ?? changed)
    const { mailbox, flags, uniqueId } = source
    const about: About = { mailbox, received, flags, uniqueId, head, path: source.path }
    const staging = this.#intake.stage('unknown')
    let whole = false
    try {
      if (rest === undefined) await staging.write(head)
      whole = rest === undefined || (await this.#pour(file, (chunk) => staging.write(chunk)))
    } finally {
      if (!whole) staging.discard()
    }
    if (whole) await this.#accept(staging, about)
  }

  async #takeMbox(file: MailFile): Promise<void> {
    const { source, changed } = file
    const splitter = new MboxSplitter()
    let staging: Staging | undefined
    let about: Pick<About, 'mailbox' | 'received'> | undefined
    let status = new MboxStatus()
    let count = 0
    let empty = true
    const follow = async (parts: ReturnType<MboxSplitter['push']>): Promise<void> => {
      for (const part of parts) {
        if (part.kind === 'start') {
          staging = this.#intake.stage('unknown')
          about = { mailbox: source.mailbox, received: part.received ?? changed }
          status = new MboxStatus()
          empty = true
          count++
        } else if (part.kind === 'octets') {
          empty = false
          status.push(part.octets)
          const full = staging?.write(part.octets)
          if (full !== undefined) await full
        } else if (staging !== undefined && about !== undefined) {
          const ended = staging
          staging = undefined
          if (empty) {
            ended.discard()
            this.#failed.push({ path: pathText(source.path), why: `message ${count} in it is empty` })
          } else {
            const [flags, head] = [status.flags(), status.head()]
            const busy = this.#accept(ended, { ...about, flags, head, path: source.path, number: count })
            if (busy !== undefined) await busy
          }
        }
      }
    }
    try {
      if (await this.#pour(file, (chunk) => follow(splitter.push(chunk)))) await follow(splitter.end())
      else
        this.#failed.push({
          path: pathText(source.path),
          why: `of it, only ${Math.max(count - 1, 0)} messages came in`,
        })
    } finally {
      staging?.discard()
    }
  }

  /** Reads a file to its end; false when that failed, which is then noted. What `drain` throws is thrown. */
  async #pour(file: MailFile, drain: (chunk: Buffer) => Promise<void> | undefined): Promise<boolean> {
    const octets = octetsOf(file)
    try {
      for (;;) {
        let next: IteratorResult<Buffer>
        try {
          next = await octets.next()
        } catch (error) {
          this.#failed.push({ path: pathText(file.source.path), why: whyUnreadable(error) })
          return false
        }
        if (next.done === true) return true
        await drain(next.value)
      }
    } finally {
      await octets.return(undefined)
    }
  }

  /** Takes a whole message; where it returns a promise, there is no room for more before it resolves. */
  #accept(staging: Staging, about: About): Promise<void> | undefined {
    if (this.#broken !== undefined) {
      staging.discard()
      throw this.#broken.error
    }
    const finished = Promise.resolve(staging.finish())
    finished.catch(() => undefined)
    this.#unkept++
    this.#order = this.#order.then(async () => {
      try {
        const keeping = this.#keep(await finished, about)
        this.#keeping.add(keeping)
        void keeping.finally(() => this.#keeping.delete(keeping))
      } catch (error) {
        this.#broken ??= { error }
      } finally {
        this.#unkept--
      }
    })
    if (this.#unkept < inFlight) return this.#intake.room()
    return this.#order.then(() => this.#intake.room())
  }

  async #keep(staged: Staged, about: About): Promise<void> {
    const { mailbox, received, flags, uniqueId: listed, head } = about
    if (this.#broken !== undefined) {
      staged.discard()
      return
    }
    const size = staged.size
    try {
      const origin = { account: `import:${mailbox}`, uniqueId: '', nth: this.#countEqual(mailbox, staged.hash) }
      const uniqueId = formerUniqueId(this.#sources, { uniqueId: listed, head, hash: staged.hash })
      const outcome = await this.#intake.keep(staged, { mailbox, received, flags, origin, uniqueId })
      if (outcome === 'new') this.#new++
      else this.#known++
      this.#octets += size
      this.#onProgress?.({ messages: this.#new + this.#known, octets: this.#octets })
    } catch (error) {
      if (!isOverQuota(error)) this.#broken ??= { error }
      else {
        const which = about.number === undefined ? '' : `message ${about.number} in it: `
        this.#failed.push({ path: pathText(about.path), why: `${which}${error.message}` })
      }
    }
  }

  /** How many equal messages this run has met before this one. */
  #countEqual(mailbox: string, hash: Hash): number {
    let counts = this.#seen.get(mailbox)
    if (counts === undefined) this.#seen.set(mailbox, (counts = new Map<Hash, number>()))
    const count = counts.get(hash) ?? 0
    counts.set(hash, count + 1)
    return count
  }

  /** Resolves when all that was accepted is durable. */
  async settled(): Promise<void> {
    await this.#order
    await Promise.all(this.#keeping)
  }

  /** Throws what the store threw. */
  report(): ImportReport {
    if (this.#broken !== undefined) throw this.#broken.error
    const { kept, refused } = this.#intake.uniqueIds
    return {
      new: this.#new,
      known: this.#known,
      octets: this.#octets,
      failed: this.#failed,
      ...(kept + refused > 0 && { uniqueIds: { kept, refused } }),
    }
  }
}
