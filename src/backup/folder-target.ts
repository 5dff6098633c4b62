import { createReadStream, statSync } from 'node:fs'
import { open, readdir, rename, rm, rmdir } from 'node:fs/promises'
import { basename, dirname, join, relative, resolve, sep } from 'node:path'
import { diskError } from '../disk-errors.ts'
import { StoreError } from '../errors.ts'
import { makeFolder, syncFolder } from '../store/layout.ts'
import { type Contents, measure, Measured, SourceError } from './contents.ts'
import type { Target } from './target.ts'

const portion = 1 << 20

/** What a file is called until it is whole. */
const part = (path: string): string => join(dirname(path), `.${basename(path)}.part`)

/** A folder that backups are kept in. Files are 0600 and folders 0700: a backup is as private as the data folder. */
export class FolderTarget implements Target {
  readonly place: string
  /** The folder as it was when it was opened: another file system may be mounted there, or no longer be. */
  #device: { readonly dev: bigint; readonly ino: bigint } | undefined

  constructor(folder: string) {
    this.place = resolve(folder)
  }

  /** Makes the folder where it is not there; the folder above it must be. */
  async make(): Promise<void> {
    if (this.#look() === undefined) {
      if (statSync(dirname(this.place), { throwIfNoEntry: false }) === undefined)
        throw new StoreError('missing', `${dirname(this.place)} is not there: is the disk mounted?`)
      await this.#told(this.place, () => makeFolder(this.place))
    }
    this.#device = this.#look()
  }

  async list(beginning: string): Promise<Map<string, number>> {
    const found = new Map<string, number>()
    const folder = this.#path(beginning.slice(0, beginning.lastIndexOf('/') + 1))
    if (this.#look() === undefined) throw new StoreError('missing', `${this.place} is not there: is the disk mounted?`)
    const entries = await this.#told(folder, async () => {
      try {
        return await readdir(folder, { recursive: true, withFileTypes: true })
      } catch (error) {
        // Nothing was written yet.
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
        throw error
      }
    })
    for (const entry of entries) {
      if (!entry.isFile()) continue
      const path = join(entry.parentPath, entry.name)
      const name = relative(this.place, path).split(sep).join('/')
      const size = statSync(path, { throwIfNoEntry: false })?.size
      if (size !== undefined && name.startsWith(beginning)) found.set(name, size)
    }
    return found
  }

  async put(name: string, contents: Contents): Promise<void> {
    const path = this.#path(name)
    this.#mustBeThere()
    try {
      await this.#told(path, async () => {
        await makeFolder(dirname(path))
        await write(part(path), contents)
        const { size, hash } = await measure(createReadStream(part(path), { highWaterMark: portion }))
        if (size !== contents.size || hash !== contents.hash)
          throw new StoreError(
            'damaged',
            `${path}: what was written is not what can be read: the disk is not to be trusted`,
          )
        this.#mustBeThere()
        await rename(part(path), path)
        await syncFolder(dirname(path))
      })
    } catch (error) {
      await rm(part(path), { force: true }).catch(() => undefined)
      throw error
    }
  }

  async *read(name: string): AsyncGenerator<Uint8Array> {
    const path = this.#path(name)
    try {
      yield* createReadStream(path, { highWaterMark: portion }) as AsyncIterable<Buffer>
    } catch (error) {
      throw error instanceof Error && 'syscall' in error ? readError(error, path) : error
    }
  }

  async remove(name: string): Promise<void> {
    const path = this.#path(name)
    this.#mustBeThere()
    await this.#told(path, () => rm(path, { force: true }))
    // Folders that are empty now go, too; the first that is not ends it.
    for (let folder = dirname(path); folder.length > this.place.length; folder = dirname(folder))
      if (
        !(await rmdir(folder).then(
          () => true,
          () => false,
        ))
      )
        break
  }

  #path(name: string): string {
    return join(this.place, ...name.split('/'))
  }

  #look(): { readonly dev: bigint; readonly ino: bigint } | undefined {
    return statSync(this.place, { bigint: true, throwIfNoEntry: false })
  }

  /** A disk that was taken away must not be made anew on the one below it. */
  #mustBeThere(): void {
    const now = this.#look()
    if (
      now === undefined ||
      (this.#device !== undefined && (now.dev !== this.#device.dev || now.ino !== this.#device.ino))
    )
      throw new StoreError(
        'missing',
        `${this.place} was taken away while it was in use; nothing more was written there`,
      )
  }

  async #told<T>(path: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      if (error instanceof StoreError || !(error instanceof Error)) throw error
      throw diskError(error, path)
    }
  }
}

function readError(error: Error & { readonly code?: unknown }, path: string): StoreError {
  const isOthers = error.code === 'EACCES' || error.code === 'EPERM'
  return isOthers ? new StoreError('io', `${path} cannot be read: it belongs to somebody else`) : diskError(error, path)
}

/** Writes a file anew, durably. What an earlier process left under this name is written over. */
async function write(path: string, contents: Contents): Promise<void> {
  const file = await open(path, 'w', 0o600)
  const measured = new Measured()
  try {
    for await (const chunk of contents.read()) {
      measured.take(chunk)
      for (let at = 0; at < chunk.length;) at += (await file.write(chunk, at)).bytesWritten
    }
    if (measured.size !== contents.size || measured.finish() !== contents.hash)
      throw new SourceError('damaged', `what was to become ${basename(path)} changed while it was read`)
    await file.sync()
  } finally {
    await file.close()
  }
}
