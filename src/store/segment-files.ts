import { open, type FileHandle } from 'node:fs/promises'
import { diskError } from '../disk-errors.ts'

/** How much is read at once where messages are read in order, and where they are not. */
const ahead = 1 << 20
const alone = 32 << 10
const mostWindows = 24
const mostFiles = 64

interface OpenFile {
  readonly handle: Promise<FileHandle>
  reading: number
}

interface Window {
  readonly path: string
  readonly start: number
  readonly octets: Promise<Buffer>
  length: number
}

/**
 * Reads segments. Mail programs read messages in order, and in order is how they lie: one large read then serves many small
 * messages. Files and windows are shared by all users of a store and bounded.
 */
export class SegmentFiles {
  readonly #files = new Map<string, OpenFile>()
  #windows: Window[] = []

  /** Octets `start` to `start + length` of a file; fewer where it ends. The buffer is shared: do not write to it. */
  async read(path: string, start: number, length: number): Promise<Buffer> {
    const known = this.#windows.findLast(
      (window) => window.path === path && window.start <= start && start + length <= window.start + window.length,
    )
    if (known !== undefined) {
      const octets = await known.octets
      if (start + length <= known.start + octets.length)
        return octets.subarray(start - known.start, start - known.start + length)
    }
    const inOrder = this.#windows.some(
      (window) => window.path === path && window.start <= start && start <= window.start + window.length,
    )
    return await this.#fill(path, start, length, Math.max(length, inOrder ? ahead : alone))
  }

  /** The same, straight from the file. */
  async readAfresh(path: string, start: number, length: number): Promise<Buffer> {
    const file = this.#file(path)
    file.reading++
    try {
      const handle = await file.handle
      const buffer = Buffer.allocUnsafeSlow(length)
      let filled = 0
      while (filled < length) {
        const { bytesRead } = await handle.read(buffer, filled, length - filled, start + filled)
        if (bytesRead === 0) break
        filled += bytesRead
      }
      return buffer.subarray(0, filled)
    } catch (error) {
      throw diskError(error, path)
    } finally {
      file.reading--
    }
  }

  /** Closes the files whose path begins so, and forgets what was read of them. */
  async close(prefix = ''): Promise<void> {
    this.#windows = this.#windows.filter((window) => !window.path.startsWith(prefix))
    const closing = [...this.#files].filter(([path]) => path.startsWith(prefix))
    for (const [path] of closing) this.#files.delete(path)
    for (const [, { handle }] of closing) await handle.then((open) => open.close()).catch(() => undefined)
  }

  async #fill(path: string, start: number, length: number, size: number): Promise<Buffer> {
    const window: Window = { path, start, length: size, octets: this.readAfresh(path, start, size) }
    this.#windows.push(window)
    if (this.#windows.length > mostWindows) this.#windows.shift()
    try {
      const octets = await window.octets
      window.length = octets.length
      return octets.subarray(0, length)
    } catch (error) {
      this.#windows = this.#windows.filter((other) => other !== window)
      throw error
    }
  }

  #file(path: string): OpenFile {
    const known = this.#files.get(path)
    if (known !== undefined) {
      // Most recently used last.
      this.#files.delete(path)
      this.#files.set(path, known)
      return known
    }
    const file: OpenFile = { handle: open(path, 'r'), reading: 0 }
    file.handle.catch(() => this.#files.delete(path))
    this.#files.set(path, file)
    this.#closeIdle()
    return file
  }

  #closeIdle(): void {
    for (const [path, file] of this.#files) {
      if (this.#files.size <= mostFiles) return
      if (file.reading > 0) continue
      this.#files.delete(path)
      file.handle.then((handle) => handle.close()).catch(() => undefined)
    }
  }
}
