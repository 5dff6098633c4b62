import { StoreError } from '../errors.ts'
import { type Extract, extractWhole, Extractor } from '../message/extract.ts'
import type { Message, UserMail } from '../store/store.ts'
import { separated } from './words.ts'

/** A message as it goes into the index. */
export interface Document {
  readonly message: Message
  readonly extract: Extract | undefined
  /** Why its text could not be read. */
  readonly problem: string | undefined
}

const day = 86_400_000

/** Reads a message for the index; undefined where it is no longer there. */
export async function readDocument(mail: UserMail, message: Message): Promise<Document | undefined> {
  try {
    return { message, extract: await extractOf(mail, message), problem: undefined }
  } catch (error) {
    if (!(error instanceof StoreError) || error.retry) throw error
    if (error.code === 'no-such-message') return undefined
    // If it is the whole mail that cannot be read, this throws too.
    await mail.read((view) => view.message(message.id))
    return { message, extract: undefined, problem: error.message }
  }
}

/**
 * What search knows of a message. `size`: where it is known, a message that is in memory is read where it lies. `octets`: read no
 * further than about here.
 */
export async function extractOf(
  mail: UserMail,
  { id, size }: Pick<Message, 'id'> & Partial<Pick<Message, 'size'>>,
  octets: number = Infinity,
): Promise<Extract> {
  let whole: Extract | undefined
  const extractor = new Extractor()
  let read = 0
  const waiting = mail.lend(id, (parts) => {
    const [first] = parts
    if (first !== undefined && first.length === size) {
      whole = extractWhole(first)
      return undefined
    }
    for (const part of parts) {
      extractor.push(part)
      read += part.length
    }
    return read >= octets ? 'enough' : undefined
  })
  if (waiting !== undefined) await waiting
  return whole ?? extractor.finish()
}

/** The date that a message is listed and searched by. */
export function dateOf({ message, extract }: Document): number {
  const date = extract?.date
  // A date in the future is wrong, and would stay the newest for ever.
  return date === undefined || date > message.received + day ? message.received : date
}

/** The texts of a message in the order of the index's columns. */
export function textsOf({ extract }: Document): string[] {
  if (extract === undefined) return ['', '', '', '', '']
  const { subject, from, to, cc, bcc, text, attachmentNames } = extract
  return [subject, from, [to, cc, bcc].join('\n'), text, attachmentNames.join('\n')].map(separated)
}
