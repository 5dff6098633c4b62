import { hash } from 'node:crypto'
import { baseSubject } from '../message/base-subject.ts'
import type { Extract } from '../message/extract.ts'
import { messageIdsIn } from '../message/message-ids.ts'
import type { Flag } from '../store/store.ts'

/** The bits of `messages.flags` (RFC 9051 §2.3.2). */
export const stateBits = { seen: 1, flagged: 2, answered: 4, draft: 8 } as const

/** The flags that can be searched for, as bits. */
export function flagBits(flags: readonly Flag[]): number {
  let bits = 0
  for (const flag of flags) {
    // RFC 9051 §2.3.2: flags are the same in any case.
    switch (flag.toLowerCase()) {
      case '\\seen':
        bits |= stateBits.seen
        break
      case '\\flagged':
        bits |= stateBits.flagged
        break
      case '\\answered':
        bits |= stateBits.answered
        break
      case '\\draft':
        bits |= stateBits.draft
    }
  }
  return bits
}

/** An id takes so many octets in a blob: the beginning of its SHA-256. */
const idOctets = 8
const noId = new Uint8Array(idOctets)

/** A message's own id and then those of its references, shortened; the first is all zeros where it has none. */
export function idsBlob({ messageId, references }: Pick<Extract, 'messageId' | 'references'>): Uint8Array {
  const own = messageId === undefined ? undefined : messageIdsIn(`<${messageId}>`)[0]
  if (own === undefined && references.length === 0) return new Uint8Array(0)
  return Buffer.concat([own === undefined ? noId : shortened(own), ...references.map(shortened)])
}

/** The ids in such a blob, as names that compare. */
export function idsIn(blob: Uint8Array): { messageId: string | undefined; references: string[] } {
  const [own, ...references] = Array.from({ length: blob.length / idOctets }, (_, place) =>
    nameOf(blob.subarray(place * idOctets, (place + 1) * idOctets)),
  )
  return { messageId: own === nameOf(noId) ? undefined : own, references }
}

/** The words by which `thread_tokens` finds a message that bears or names an id. */
export function idToken(name: string): string {
  return `i${name}`
}

/** The word by which `thread_tokens` finds the messages of the same base subject; undefined where there is none. */
export function subjectToken(subject: string): string | undefined {
  const key = baseSubject(subject).base.normalize('NFKC').toLowerCase()
  return key === '' ? undefined : `s${nameOf(shortened(key))}`
}

/** Everything by which `thread_tokens` is to find a message, parted by spaces. */
export function threadTokens(subject: string, blob: Uint8Array): string {
  const { messageId, references } = idsIn(blob)
  const ids = new Set(messageId === undefined ? references : [messageId, ...references])
  const subjectWord = subjectToken(subject)
  return [...[...ids].map(idToken), ...(subjectWord === undefined ? [] : [subjectWord])].join(' ')
}

function shortened(text: string): Uint8Array {
  return hash('sha256', text, 'buffer').subarray(0, idOctets)
}

function nameOf(octets: Uint8Array): string {
  return Buffer.from(octets.buffer, octets.byteOffset, octets.length).toString('hex')
}
