import type { FileHandle } from 'node:fs/promises'
import { sep } from 'node:path'
import { diskError } from '../disk-errors.ts'
import { Chunks } from './chunks.ts'
import { openSegment } from './layout.ts'

/** Segments are read in blocks of this size (octets). */
const blockSize = 512 << 10
const mostSpare = 4
/** So many blocks that hold nothing but pieces of large messages stay in memory. */
const mostPassing = 32
const mostFiles = 64

/** A file that nobody read for so long is closed (milliseconds): held open, one that was settled would keep its place on the disk. */
const idleFor = 60_000

interface OpenFile {
  readonly handle: Promise<FileHandle>
  reading: number
  /** When it was used last, by `performance.now`. */
  used: number
  /** It is closed when nobody reads from it any more. */
  closing: boolean
}

interface Block {
  readonly path: string
  readonly number: number
  readonly reading: Promise<Buffer>
  /** Once it is read; shorter where the file ends. */
  octets: Buffer | undefined
  /** Where stretches begin that `vouch` was called for. */
  readonly vouched: Set<number>
  followed: boolean
  /** Read for a large message: not worth to be kept for the next reader at the cost of many small ones. */
  readonly passing: boolean
}

/**
 * Reads segments. Mail programs read messages in order, and in order is how they lie: a block serves many small messages, and the
 * next is read while this one is used. What was read lately stays in memory, bounded, for all users of a store together.
 */
export class SegmentFiles {
  readonly #files = new Map<string, OpenFile>()
  /** Memory of blocks that were dropped: used again, for fresh memory costs more than reading into it. */
  #spare: Buffer[] = []
  /** Least recently used first. */
  readonly #blocks = new Map<string, Block>()
  /** The keys of those that pass, the oldest first. */
  #passing: string[] = []
  #recent: Block | undefined
  #sweeping = false
  readonly #mostBlocks: number
  /** What settled segments hold, made readable. */
  readonly chunks: Chunks

  /** `memory`: so many octets of segments stay in memory at the most, and as many of what settled ones hold. */
  constructor(memory: number) {
    this.chunks = new Chunks((path, start, length) => this.readAfresh(path, start, length), memory)
    this.#mostBlocks = Math.max(8, Math.floor(memory / blockSize))
  }

  /**
   * Octets `start` to `start + length` of a file, if they are in memory, in pieces. A loan, good only until the borrower returns
   * to the event loop; do not write to it.
   */
  held(path: string, start: number, length: number): Buffer[] | undefined {
    const end = start + length
    const pieces: Buffer[] = []
    for (let number = Math.floor(start / blockSize); number * blockSize < end; number++) {
      const block = this.#known(path, number)
      const to = Math.min(blockSize, end - number * blockSize)
      if (block?.octets === undefined || block.octets.length < to) return undefined
      if (!block.followed) this.#follow(block)
      pieces.push(block.octets.subarray(Math.max(0, start - number * blockSize), to))
    }
    return pieces
  }

  /** The same, where it is in memory in one piece. */
  heldWhole(path: string, start: number, length: number): Buffer | undefined {
    const block = this.#only(path, start, length)
    const from = start % blockSize
    if (block?.octets === undefined || block.octets.length < from + length) return undefined
    if (!block.followed) this.#follow(block)
    return block.octets.subarray(from, from + length)
  }

  /** Says that this stretch is what it must be, so that it need not be looked at again while it stays in memory. */
  vouch(path: string, start: number, length: number): void {
    this.#only(path, start, length)?.vouched.add(start)
  }

  /** Whether `vouch` was called for this stretch, and it has not left memory since. */
  vouched(path: string, start: number, length: number): boolean {
    return this.#only(path, start, length)?.vouched.has(start) === true
  }

  /** Octets `start` to `start + length` of a file, a copy; fewer where it ends. */
  async read(path: string, start: number, length: number): Promise<Buffer> {
    for (let attempt = 0; attempt < 2; attempt++) {
      const held = this.held(path, start, length)
      if (held !== undefined) return Buffer.concat(held)
      await this.load(path, start, length)
    }
    return await this.readAfresh(path, start, length)
  }

  /**
   * Brings these octets into memory, so that `held` finds them, if they are there and nothing comes between. `passing`: they are of a
   * large message, and need not stay.
   */
  async load(path: string, start: number, length: number, passing = false): Promise<void> {
    for (let number = Math.floor(start / blockSize); number * blockSize < start + length; number++) {
      const needed = Math.min(blockSize, start + length - number * blockSize)
      const known = this.#known(path, number)
      await known?.reading
      // The file may have grown since.
      if ((known?.octets?.length ?? 0) < needed) await this.#begin(path, number, passing).reading
    }
  }

  /** The same, straight from the file. */
  async readAfresh(
    path: string,
    start: number,
    length: number,
    buffer: Buffer = Buffer.allocUnsafeSlow(length),
  ): Promise<Buffer> {
    const file = this.#file(path)
    file.reading++
    try {
      const handle = await file.handle
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
      if (file.closing && file.reading === 0) await closeFile(file)
    }
  }

  /** Forgets what is in memory of a file, or of all files in a folder. */
  forget(place: string): void {
    for (const [key, block] of this.#blocks) if (isIn(block.path, place)) this.#drop(key)
    this.chunks.forget((path) => isIn(path, place))
  }

  /** Closes the files of a folder, or a file, or all there are, and forgets what was read of them. */
  async close(place = ''): Promise<void> {
    this.forget(place)
    const closing = [...this.#files].filter(([path]) => isIn(path, place))
    for (const [path] of closing) this.#files.delete(path)
    for (const [, file] of closing) {
      file.closing = true
      if (file.reading === 0) await closeFile(file)
    }
  }

  /** The block that a stretch is wholly in, if it is in one. */
  #only(path: string, start: number, length: number): Block | undefined {
    const number = Math.floor(start / blockSize)
    return start + length <= (number + 1) * blockSize ? this.#known(path, number) : undefined
  }

  #known(path: string, number: number): Block | undefined {
    const recent = this.#recent
    if (recent?.number === number && recent.path === path) return recent
    const block = this.#blocks.get(`${number} ${path}`)
    if (block === undefined) return undefined
    this.#blocks.delete(`${number} ${path}`)
    this.#blocks.set(`${number} ${path}`, block)
    this.#recent = block
    return block
  }

  #begin(path: string, number: number, passing: boolean): Block {
    const memory = this.#spare.pop() ?? Buffer.allocUnsafeSlow(blockSize)
    const reading = this.readAfresh(path, number * blockSize, blockSize, memory)
    const block: Block = { path, number, reading, octets: undefined, vouched: new Set(), followed: false, passing }
    const key = `${number} ${path}`
    reading.then(
      (octets) => (block.octets = octets),
      () => this.#blocks.get(key) === block && this.#blocks.delete(key),
    )
    this.#drop(key)
    this.#blocks.set(key, block)
    if (passing) this.#pass(key)
    for (const oldest of this.#blocks.keys()) {
      if (this.#blocks.size <= this.#mostBlocks) break
      this.#drop(oldest)
    }
    return block
  }

  #pass(key: string): void {
    this.#passing.push(key)
    const oldest = this.#passing.length > mostPassing ? this.#passing.shift() : undefined
    if (oldest !== undefined && this.#blocks.get(oldest)?.passing === true) this.#drop(oldest)
  }

  #drop(key: string): void {
    const block = this.#blocks.get(key)
    if (block === undefined) return
    this.#blocks.delete(key)
    if (this.#recent === block) this.#recent = undefined
    // One that is still being read into is left to the garbage collector.
    if (block.octets !== undefined && this.#spare.length < mostSpare) {
      this.#spare.push(Buffer.from(block.octets.buffer, 0, blockSize))
    }
    block.octets = undefined
  }

  /** Begins to read what comes after a block, where its own predecessor was used too: then somebody reads in order. */
  #follow(block: Block): void {
    block.followed = true
    const { path, number } = block
    const inOrder = number === 0 || this.#blocks.has(`${number - 1} ${path}`)
    if (inOrder && block.octets?.length === blockSize && !this.#blocks.has(`${number + 1} ${path}`))
      this.#begin(path, number + 1, block.passing)
  }

  #file(path: string): OpenFile {
    const known = this.#files.get(path)
    if (known !== undefined) {
      // Most recently used last.
      this.#files.delete(path)
      this.#files.set(path, known)
      known.used = performance.now()
      return known
    }
    const file: OpenFile = { handle: openSegment(path), reading: 0, used: performance.now(), closing: false }
    file.handle.catch(() => this.#files.delete(path))
    this.#files.set(path, file)
    this.#closeIdle()
    if (!this.#sweeping) this.#sweepLater()
    return file
  }

  #closeIdle(): void {
    for (const [path, file] of this.#files) {
      if (this.#files.size <= mostFiles) return
      if (file.reading > 0) continue
      this.#files.delete(path)
      void closeFile(file)
    }
  }

  #sweepLater(): void {
    this.#sweeping = true
    setTimeout(() => this.#sweep(), idleFor).unref()
  }

  /** Closes what was not used lately; comes again while anything is open. */
  #sweep(): void {
    const since = performance.now() - idleFor
    for (const [path, file] of this.#files) {
      if (file.reading > 0 || file.used > since) continue
      this.#files.delete(path)
      void closeFile(file)
    }
    this.#sweeping = false
    if (this.#files.size > 0) this.#sweepLater()
  }
}

async function closeFile({ handle }: OpenFile): Promise<void> {
  await handle.then((file) => file.close()).catch(() => undefined)
}

/** Whether a path is this place or in it; everything is in the empty one. */
function isIn(path: string, place: string): boolean {
  return place === '' || path === place || path.startsWith(place + sep)
}
