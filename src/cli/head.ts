import type { MessageId } from '../ids.ts'
import type { UserMail } from '../store/store.ts'

/** No header that one wants to list is longer, octets. */
const most = 64 << 10

/**
 * Shows the beginning of a message to `look`: its header, or so much of that as is of interest. It is lent, good only until
 * `look` returns. Undefined: it is done already. Throws, or rejects, as `UserMail.lend` does.
 */
export function lookAtHead(mail: UserMail, id: MessageId, look: (head: Uint8Array) => void): Promise<void> | undefined {
  const kept: Uint8Array[] = []
  let length = 0
  let looked = false
  const finish = (): void => {
    if (!looked) look(Buffer.concat(kept, length))
    looked = true
  }
  const waiting = mail.lend(id, (parts) => {
    for (const part of parts) {
      const enough = length + part.length >= most || endsHeader(part)
      if (enough && length === 0) {
        look(part)
        looked = true
        return 'enough'
      }
      kept.push(Buffer.from(part))
      length += part.length
      if (enough) return 'enough'
    }
    return undefined
  })
  if (waiting !== undefined) return waiting.then(finish)
  finish()
  return undefined
}

/** RFC 5322 §2.1: an empty line ends the header. One that lies across two chunks is found in neither, which only costs time. */
function endsHeader(chunk: Uint8Array): boolean {
  const octets = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
  return octets.includes('\r\n\r\n') || octets.includes('\n\n')
}
