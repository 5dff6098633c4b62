import { decodeCharset, oneLine, printable } from './charset.ts'
import { type Description, decodedField, describeHeader } from './describe.ts'
import { textOfHtml } from './html.ts'
import { KnownWords } from './known-words.ts'
import { referencesOf } from './message-ids.ts'
import { MessageReader, parseMessage } from './mime.ts'
import type { Part } from './part.ts'
import { decodeTransfer } from './transfer.ts'

/** So much text is read of a message (octets as sent, and characters). */
const textLimit = 1 << 20

/** What search knows of a message. */
export interface Extract extends Description {
  /** What a person would read in it, as far as `textLimit`. */
  readonly text: string
  /** The names of the attachments. */
  readonly attachmentNames: readonly string[]
  readonly hasAttachment: boolean
  /** The List-Id field (RFC 2919 §3), decoded, one line; empty where the message came by no mailing list. */
  readonly listId: string
  /** The ids of the messages that it answers, the oldest first (RFC 5256 §3). */
  readonly references: readonly string[]
}

/** A part that is kept apart from the text. */
export interface Attachment {
  /** The file's name, without folders; empty where it has none. */
  readonly name: string
  readonly part: Part
}

/** Takes the text for search out of a message, chunk by chunk. Memory does not grow with the message. */
export class Extractor {
  readonly #reader = new MessageReader({ keep: textLimit })

  /** The next octets of the message. They may be lent. */
  push(chunk: Uint8Array): void {
    this.#reader.push(chunk)
  }

  /** No more octets will come. */
  finish(): Extract {
    return extractOf(this.#reader.finish())
  }
}

/** The same of a message held whole, of which nothing is copied. */
export function extractWhole(octets: Uint8Array): Extract {
  return extractOf(parseMessage(octets, { keep: textLimit }))
}

function extractOf(root: Part): Extract {
  const attachments = attachmentsOf(root)
  return {
    ...describeHeader(root.header),
    text: searchText(root),
    attachmentNames: attachments.map(({ name }) => name).filter((name) => name !== ''),
    // A signature is not what one means by an attachment.
    hasAttachment: attachments.some(({ part }) => !/^application\/(?:x-)?(?:pkcs7|pgp)-signature$/.test(part.type)),
    listId: decodedField(root.header, 'list-id'),
    references: referencesOf(root.header),
  }
}

/** A part and all within it, in the order in which they stand. */
export function* allParts(root: Part): Iterable<Part> {
  const waiting = [root]
  for (let part = waiting.pop(); part !== undefined; part = waiting.pop()) {
    yield part
    waiting.push(...part.parts.toReversed())
  }
}

/** The attachments, in the order in which they stand. */
export function attachmentsOf(root: Part): Attachment[] {
  const found: Attachment[] = []
  for (const part of allParts(root)) {
    const name = fileName(part)
    if (isAttachment(part, name)) found.push({ name, part })
  }
  return found
}

function isAttachment(part: Part, name: string): boolean {
  if (part.type.startsWith('multipart/')) return false
  if (part.disposition === 'attachment') return true
  // An image that the HTML text shows is part of the text.
  if (part.type.startsWith('image/') && part.header.get('content-id') !== undefined) return false
  if (name !== '') return true
  if (part.type.startsWith('message/')) return part.parts.length > 0
  return !part.type.startsWith('text/')
}

/** The name that the sender gave the file (RFC 2183 §2.3, or the older `name`), without folders. */
function fileName(part: Part): string {
  const given = part.dispositionParameters.get('filename') ?? part.parameters.get('name')
  if (given !== undefined) return oneLine(given).replace(/^.*[\\/]/, '')
  const attached = part.parts[0]
  if (!part.type.startsWith('message/') || attached === undefined) return ''
  const subject = decodedField(attached.header, 'subject').replace(/[\\/]/g, '-')
  return subject === '' ? '' : `${subject}.eml`
}

/** Where the octets of a part lie while they become text. */
const room = new Uint8Array(256 << 10)

/** The text of a part whose octets were kept; empty where they were not, or it is no text. */
export function textOf(part: Part): string {
  if (part.octets === undefined) return ''
  const octets = decodeTransfer(part.octets, part.encoding, room)
  if (part.type !== 'text/html') return printable(decodeCharset(octets, part.parameters.get('charset')))
  return printable(textOfHtml(decodeCharset(octets, part.parameters.get('charset') ?? charsetInHtml(octets))))
}

/** The charset that a `<meta>` near the beginning names, where the field names none. */
function charsetInHtml(octets: Uint8Array): string | undefined {
  return /<meta[^>]{0,200}?charset\s*=\s*["']?([\w-]{1,40})/i.exec(
    decodeCharset(octets.subarray(0, 2048), 'windows-1252'),
  )?.[1]
}

/** The words of one message at a time. */
const known = new KnownWords()

function searchText(root: Part): string {
  const texts: string[] = []
  let length = 0
  /** Of so many of the texts the words are known; mostly that is not asked for. */
  let learnt = 0
  known.clear()
  for (const part of allParts(root)) {
    if (part.octets === undefined || length >= textLimit) continue
    let text = textOf(part)
    // Most HTML parts say again what the plain one said: only the lines with a new word in them are worth indexing.
    if (part.type === 'text/html' && texts.length > 0) {
      for (; learnt < texts.length; learnt++) known.add(texts[learnt] ?? '')
      text = known.newLines(text)
    }
    const subject = part === root ? '' : decodedField(part.header, 'subject')
    if (subject !== '') text = `${subject}\n${text}`
    if (text.trim() === '') continue
    texts.push(text.slice(0, textLimit - length))
    length += text.length
  }
  return texts.join('\n\n')
}
