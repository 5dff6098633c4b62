import { StoreError } from '../errors.ts'
import { ForwardReader } from './forward-reader.ts'
import {
  blockHead,
  blockHeadValue,
  blockSize,
  bodyBlocks,
  type BodyPlace,
  frameHead,
  frameLength,
  isFrameHead,
} from './segment.ts'

/**
 * Reads bodies that lie as they came, from front to back, for settling. Whether the octets are right is not looked at: what is written of
 * them is made again and held against their hash, and only where that is wrong the reason is looked for.
 */
export class ForwardBodies {
  readonly #path: string
  readonly #reader: ForwardReader

  constructor(path: string) {
    this.#path = path
    this.#reader = new ForwardReader(path)
  }

  /** Puts the octets of a body into memory that is as long as it. Throws StoreError `damaged` where what is around them is. */
  into(memory: Buffer, place: BodyPlace): Promise<void> | undefined {
    if (place.size > blockSize) return this.#blocksInto(memory, place)
    const frame = this.#reader.take(place.start, frameLength(place.size))
    if (frame instanceof Promise) return frame.then((late) => this.#frameInto(memory, place, late))
    this.#frameInto(memory, place, frame)
    return undefined
  }

  async close(): Promise<void> {
    await this.#reader.close()
  }

  #frameInto(memory: Buffer, place: BodyPlace, frame: Buffer): void {
    if (frame.length < frameLength(place.size) || !isFrameHead(frame, place.size)) throw this.#damaged(place)
    this.#mustBe(frame.readUIntLE(frameHead, blockHead), place.size, true, place)
    frame.copy(memory, 0, frameHead + blockHead)
  }

  async #blocksInto(memory: Buffer, place: BodyPlace): Promise<void> {
    const head = await this.#reader.take(place.start, frameHead)
    if (head.length < frameHead || !isFrameHead(head, place.size)) throw this.#damaged(place)
    let filled = 0
    for (const { at, size, last } of bodyBlocks(place)) {
      const taken = this.#reader.take(at, blockHead + size)
      const block = taken instanceof Promise ? await taken : taken
      if (block.length < blockHead + size) throw this.#damaged(place)
      this.#mustBe(block.readUIntLE(0, blockHead), size, last, place)
      filled += block.copy(memory, filled, blockHead)
    }
  }

  #mustBe(found: number, size: number, last: boolean, place: BodyPlace): void {
    if (found !== blockHeadValue(size, last)) throw this.#damaged(place)
  }

  #damaged({ start }: BodyPlace): StoreError {
    return new StoreError('damaged', `damaged message in ${this.#path} at offset ${start}: its frame is broken`)
  }
}
