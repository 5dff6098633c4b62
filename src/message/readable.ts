import { attachmentsOf, textOf } from './extract.ts'
import { decodedField, describeHeader } from './describe.ts'
import type { Header } from './header.ts'
import { parseMessage } from './mime.ts'
import type { Part } from './part.ts'
import { decodedSize } from './transfer.ts'

/** A message as a person reads it in a terminal: who, when, what about, the text, and which attachments there are. */
export function readable(octets: Uint8Array): string {
  const root = parseMessage(octets)
  const texts: string[] = []
  gather(root, texts)
  const pieces = [headerLines(root.header), ...texts]
  const attachments = attachmentsOf(root).map(({ name, part }) => {
    const size = decodedSize(octets.subarray(part.body, part.end), part.encoding)
    return `[${name === '' ? 'no name' : name}: ${part.type}, ${size} ${size === 1 ? 'octet' : 'octets'}]`
  })
  if (attachments.length > 0) pieces.push(attachments.join('\n'))
  return `${pieces.filter((piece) => piece !== '').join('\n\n')}\n`
}

function headerLines(header: Header): string {
  const { from, to, cc, subject } = describeHeader(header)
  const lines = { From: from, To: to, Cc: cc, Date: decodedField(header, 'date'), Subject: subject }
  return Object.entries(lines)
    .filter(([, value]) => value !== '')
    .map(([name, value]) => `${name}: ${value}`)
    .join('\n')
}

/** The texts to show, in the order in which they stand. The depth of the parts is bounded, and so is that of the calls. */
function gather(part: Part, texts: string[]): void {
  const text = textOf(part).trimEnd()
  if (text.trim() !== '') texts.push(text)
  if (part.type.startsWith('message/') && part.parts[0] !== undefined) texts.push(headerLines(part.parts[0].header))
  for (const shown of part.type === 'multipart/alternative' ? bestOf(part.parts) : part.parts) gather(shown, texts)
}

/** Of alternatives, the plain text; where there is none, or it is empty, the last with some text (RFC 2046 §5.1.4). */
function bestOf(parts: readonly Part[]): readonly Part[] {
  const plain = parts.find((part) => part.type === 'text/plain' && textOf(part).trim() !== '')
  if (plain !== undefined) return [plain]
  return parts.filter((part) => part.parts.length > 0 || textOf(part).trim() !== '').slice(-1)
}
