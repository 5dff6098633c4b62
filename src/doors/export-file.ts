import { createHash } from 'node:crypto'
import { constants, createReadStream } from 'node:fs'
import { type FileHandle, open, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { diskError } from '../disk-errors.ts'
import { MisuseError, StoreError } from '../errors.ts'
import { makeFolder, syncFolder } from '../store/layout.ts'
import type { Message } from '../store/store.ts'

const flushAt = 1 << 20

/**
 * A file that is written under a temporary name and gets its own only when it is whole and durable. What fails is thrown as
 * StoreError naming the file.
 */
export class ExportFile {
  readonly #path: string
  readonly #handle: FileHandle
  #waiting: Uint8Array[] = []
  #waitingOctets = 0
  #written = 0

  private constructor(path: string, handle: FileHandle) {
    this.#path = path
    this.#handle = handle
  }

  static async create(path: string): Promise<ExportFile> {
    // What an export that was killed left under this name is nobody's, and is written over.
    const flags = constants.O_RDWR | constants.O_CREAT | constants.O_TRUNC | (constants.O_NOFOLLOW ?? 0)
    return new ExportFile(path, await told(path, () => open(path, flags, 0o600)))
  }

  /** Octets so far. */
  get size(): number {
    return this.#written + this.#waitingOctets
  }

  write(octets: Uint8Array): Promise<void> | undefined {
    this.#waiting.push(octets)
    this.#waitingOctets += octets.length
    return this.#waitingOctets < flushAt ? undefined : this.#flush()
  }

  /** Takes back everything after the first `size` octets. */
  async rollback(size: number): Promise<void> {
    await this.#flush()
    await told(this.#path, () => this.#handle.truncate(size))
    this.#written = size
  }

  /** Makes the file durable, dated `changed` (milliseconds since 1970) if given, and lets go of it. */
  async finish(changed?: number): Promise<void> {
    try {
      await this.#flush()
      await told(this.#path, async () => {
        if (changed !== undefined) await this.#handle.utimes(changed / 1000, changed / 1000)
        await this.#handle.sync()
      })
    } finally {
      await this.#handle.close()
    }
  }

  /** Forgets the file. */
  async discard(): Promise<void> {
    await this.#handle.close().catch(() => undefined)
    await rm(this.#path, { force: true })
  }

  async #flush(): Promise<void> {
    const octets = this.#waiting.length === 1 ? this.#waiting[0] : Buffer.concat(this.#waiting)
    this.#waiting = []
    this.#waitingOctets = 0
    if (octets === undefined) return
    for (let at = 0; at < octets.length;) {
      const { bytesWritten } = await told(this.#path, () =>
        this.#handle.write(octets, at, octets.length - at, this.#written),
      )
      at += bytesWritten
      this.#written += bytesWritten
    }
  }
}

/** Folders that were made or written into, to be made durable at the end. */
export class ExportFolders {
  readonly #made = new Set<string>()

  /** Makes the folder and those above it, where they are not there. */
  async open(folder: string): Promise<string> {
    if (this.#made.has(folder)) return folder
    await told(folder, () => makeFolder(folder))
    this.#made.add(folder)
    return folder
  }

  async sync(): Promise<void> {
    // A folder can be neither opened nor synced on Windows, where renaming is durable by itself.
    if (process.platform === 'win32') return
    for (const folder of this.#made) await told(folder, () => syncFolder(folder))
  }
}

/** Moves a finished file to its name. */
export async function giveName(from: string, to: string): Promise<void> {
  await told(to, () => rename(from, to))
}

/** Whether a file with just these octets is there. Throws MisuseError when a file with others is. */
export async function isThere(path: string, message: Pick<Message, 'hash' | 'size'>): Promise<boolean> {
  const hash = createHash('sha256')
  let size = 0
  try {
    for await (const chunk of createReadStream(path, {
      highWaterMark: 1 << 18,
      end: message.size,
    }) as AsyncIterable<Buffer>) {
      hash.update(chunk)
      size += chunk.length
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw toldError(path, error)
  }
  if (size === message.size && hash.digest('hex') === message.hash) return true
  throw inTheWay(path)
}

/** Whether the file at `path` (false: there is none) is the beginning of the file at `longer`. Throws MisuseError when it is not. */
export async function isBeginningOf(path: string, longer: string): Promise<boolean> {
  let old: FileHandle
  try {
    old = await open(path, 'r')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw toldError(path, error)
  }
  const now = await told(longer, () => open(longer, 'r'))
  try {
    const [a, b] = [Buffer.allocUnsafe(flushAt), Buffer.allocUnsafe(flushAt)]
    for (let at = 0; ;) {
      const { bytesRead } = await told(path, () => old.read(a, 0, a.length, at))
      if (bytesRead === 0) return true
      let filled = 0
      while (filled < bytesRead) {
        const more = await told(longer, () => now.read(b, filled, bytesRead - filled, at + filled))
        if (more.bytesRead === 0) throw inTheWay(path)
        filled += more.bytesRead
      }
      if (!a.subarray(0, bytesRead).equals(b.subarray(0, bytesRead))) throw inTheWay(path)
      at += bytesRead
    }
  } finally {
    await old.close()
    await now.close()
  }
}

function inTheWay(path: string): MisuseError {
  return new MisuseError(
    'usage',
    `${path} is there already and holds something else; move it away or export into another folder`,
  )
}

async function told<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw toldError(path, error)
  }
}

function toldError(path: string, error: unknown): unknown {
  const { code, message } = error as NodeJS.ErrnoException
  if (code === undefined) return error
  if (['ENOTDIR', 'EEXIST', 'EISDIR', 'ELOOP'].includes(code)) return inTheWay(path)
  if (code === 'ENOENT') return new StoreError('io', `${path} cannot be written: ${message}`, { cause: error })
  return diskError(error, path)
}

const reserved = /^(?:con|prn|aux|nul|com\d|lpt\d)(?=\.|$)/i

/** Folder and file names for a mailbox: one part for each level, every one safe on all file systems, and no two alike. */
export function safeParts(mailbox: string): string[] {
  return mailbox.split('/').map((part) => {
    // oxlint-disable-next-line no-control-regex -- these are the octets that a file name cannot have
    let safe = part.replace(/[\0-\x1f\x7f<>:"\\|?*%]|^\.|[. ]$|\.(?=(?:eml|mbox)$)/gi, percent)
    if (safe === '') safe = '%'
    if (reserved.test(safe)) safe = safe.replace(/^./, percent)
    return shortened(safe)
  })
}

/** The name itself, or where it is too long for a file system its beginning and a hash of it. */
export function shortened(name: string): string {
  if (Buffer.byteLength(name) <= 200) return name
  const beginning = Buffer.from(name)
    .subarray(0, 160)
    .toString()
    .replace(/\uFFFD+$/, '')
  return `${beginning}~${createHash('sha256').update(name).digest('hex').slice(0, 16)}`
}

function percent(text: string): string {
  return text.replace(/./gs, (octet) => `%${octet.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`)
}

/** The temporary name beside a file: always the same, so that what a killed export left is written over by the next. */
export function temporary(path: string): string {
  return join(dirname(path), `.${createHash('sha256').update(basename(path)).digest('hex').slice(0, 16)}.part`)
}
