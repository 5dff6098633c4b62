import { MisuseError } from '../errors.ts'
import type { MailboxId, MessageId } from '../ids.ts'
import type { Message, UserMail } from '../store/store.ts'
import { EmlForm, type ExportForm, isDamage, MaildirForm, MboxForm } from './export-forms.ts'

export interface ExportOptions {
  /** `maildir` unless said otherwise. */
  readonly format?: 'maildir' | 'mbox' | 'eml'
  /** Only this mailbox; all of them otherwise. */
  readonly mailbox?: string
  readonly onProgress?: (progress: { messages: number; of: number; octets: number }) => void
}

export interface ExportReport {
  /** Messages that are in the folder now, whether written by this run or before. */
  readonly messages: number
  readonly octets: number
  /** Messages whose octets could not be read; nothing of them was written. */
  readonly damaged: readonly { readonly id: MessageId; readonly why: string }[]
}

/**
 * Writes all mail, or one mailbox, into a folder, durably. Doing it again adds what is missing; a file that holds something
 * else is never written over (MisuseError naming it). Rejects with StoreError when the folder cannot be written.
 */
export async function exportMail(mail: UserMail, folder: string, options: ExportOptions = {}): Promise<ExportReport> {
  const { format = 'maildir', mailbox, onProgress } = options
  const mailboxes = await mail.read((view) => view.mailboxes())
  const wanted = mailbox === undefined ? undefined : await mail.read((view) => view.mailbox(mailbox))
  if (mailbox !== undefined && wanted === undefined) {
    const names = mailboxes.map(({ name }) => name).join(', ')
    throw new MisuseError('usage', `there is no mailbox ${mailbox}; there are: ${names}`)
  }
  const names = new Map(mailboxes.map(({ id, name }) => [id, name]))
  const of = wanted?.messages ?? mailboxes.reduce((count, each) => count + each.messages, 0)
  const form: ExportForm = new { maildir: MaildirForm, mbox: MboxForm, eml: EmlForm }[format](mail, folder)
  const damaged: { id: MessageId; why: string }[] = []
  let messages = 0
  let octets = 0

  const write = async (message: Message): Promise<void> => {
    try {
      await form.write(message, names.get(message.mailbox) ?? 'INBOX')
      messages++
      octets += message.size
    } catch (error) {
      if (!isDamage(error)) throw error
      damaged.push({ id: message.id, why: error.message })
    }
    onProgress?.({ messages: messages + damaged.length, of, octets })
  }
  try {
    await inParallel(form.width, allMessages(mail, wanted?.id), write)
    await form.finish()
  } finally {
    await form.abandon()
  }
  return { messages, octets, damaged: damaged.toSorted((a, b) => a.id - b.id) }
}

/** In order of arrival, a page at a time. */
async function* allMessages(mail: UserMail, mailbox: MailboxId | undefined): AsyncGenerator<Message> {
  let after = 0 as MessageId
  for (;;) {
    const options = { after, limit: 1000, ...(mailbox === undefined ? {} : { mailbox }) }
    const page = await mail.read((view) => view.messages(options))
    yield* page
    const last = page.at(-1)
    if (last === undefined) return
    after = last.id
  }
}

/** Does the work for each item, `width` at a time, begun in order; the first error ends it. */
async function inParallel<T>(width: number, items: AsyncGenerator<T>, work: (item: T) => Promise<void>): Promise<void> {
  // An async generator takes several calls of `next` at once and answers them in order.
  const iterator = items[Symbol.asyncIterator]()
  let broken = false
  const worker = async (): Promise<void> => {
    while (!broken) {
      try {
        const next = await iterator.next()
        if (next.done === true) return
        await work(next.value)
      } catch (error) {
        broken = true
        throw error
      }
    }
  }
  const results = await Promise.allSettled(Array.from({ length: width }, worker))
  for (const result of results) if (result.status === 'rejected') throw result.reason
}
