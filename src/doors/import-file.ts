import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { pathOctets, type Source, whyUnreadable } from './import-sources.ts'
import { startsLikeMbox } from './mbox.ts'

const piece = 1 << 20

/** A file of mail, opened: what it is, when it was last changed, and its octets. */
export interface MailFile {
  readonly source: Source
  readonly form: 'message' | 'mbox'
  /** Milliseconds since 1970. */
  readonly changed: number
  /** Its first octets; the whole file where `rest` is undefined. */
  readonly head: Buffer
  readonly rest: FileHandle | undefined
}

/** Opens a file of mail and reads its first octets. Never rejects: a file that is no mail, or cannot be read, says `why`. */
export async function openMailFile(source: Source): Promise<MailFile | { source: Source; why: string }> {
  if (source.why !== undefined) return { source, why: source.why }
  let file: FileHandle | undefined
  let keepOpen = false
  try {
    file = await open(pathOctets(source.path), constants.O_RDONLY)
    const found = await file.stat()
    const { size, mtimeMs } = found
    // A pipe has no size; what a file has beyond its size came after it was opened.
    const known = found.isFile() && size > 0 && size < piece
    const head = await fill(file, Buffer.allocUnsafe(known ? size : piece))
    const whole = known || head.length < piece
    if (head.length === 0) return { source, why: 'it is empty' }
    const form = formOf(source, head)
    if (form === undefined) return { source, why: 'it does not look like mail: it does not begin with a header' }
    keepOpen = !whole
    return { source, form, changed: Math.round(mtimeMs), head, rest: whole ? undefined : file }
  } catch (error) {
    return { source, why: whyUnreadable(error) }
  } finally {
    if (!keepOpen) await file?.close()
  }
}

/** The octets of the file, once; closes it. */
export async function* octetsOf({ head, rest }: MailFile): AsyncGenerator<Buffer> {
  try {
    yield head
    while (rest !== undefined) {
      const next = await fill(rest, Buffer.allocUnsafeSlow(piece))
      if (next.length > 0) yield next
      if (next.length < piece) return
    }
  } finally {
    await rest?.close()
  }
}

async function fill(file: FileHandle, buffer: Buffer): Promise<Buffer> {
  let filled = 0
  while (filled < buffer.length) {
    const { bytesRead } = await file.read(buffer, filled, buffer.length - filled)
    if (bytesRead === 0) break
    filled += bytesRead
  }
  return buffer.subarray(0, filled)
}

function formOf(source: Source, head: Buffer): 'message' | 'mbox' | undefined {
  if (source.form !== 'unknown') return source.form
  // Some servers leave a From line at the top of a message, and an .eml is always one message.
  if (/\.eml$/i.test(source.path)) return 'message'
  if (startsLikeMbox(head)) return 'mbox'
  const header =
    head
      .toString('latin1', 0, 4096)
      .replace(/^\s+/, '')
      .split(/\r?\n\r?\n/, 1)[0] ?? ''
  return /^(?:>From |[A-Za-z0-9][\w.-]*[ \t]*:)/m.test(header) ? 'message' : undefined
}
