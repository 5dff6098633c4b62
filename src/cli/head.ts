import type { MessageId } from '../ids.ts'
import type { UserMail } from '../store/store.ts'

/** No header that one wants to list is longer, octets. */
const most = 64 << 10

/** The beginning of a message: its header, or so much of that as is of interest. */
export async function readHead(mail: UserMail, id: MessageId): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of mail.bytes(id)) {
    chunks.push(chunk)
    length += chunk.length
    if (length >= most || endsHeader(chunk)) break
  }
  const [only] = chunks
  return chunks.length === 1 && only !== undefined ? only : Buffer.concat(chunks, length)
}

/** RFC 5322 §2.1: an empty line ends the header. One that lies across two chunks is found in neither, which only costs time. */
function endsHeader(chunk: Uint8Array): boolean {
  const octets = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
  return octets.includes('\r\n\r\n') || octets.includes('\n\n')
}
