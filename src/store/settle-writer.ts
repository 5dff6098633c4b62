import type { FileHandle } from 'node:fs/promises'
import { chunkSize, compressChunk } from './chunks.ts'
import { encodeBatch, encodeRecord, fullBatch, type Seal } from './record-frame.ts'
import { settledVersion, type SegmentHeader, type SegmentRecord } from './segment.ts'
import type { KeptRecord, PartRecord, RunRecord } from './settled-record.ts'
import { fullRun, RunContent, type Keeping, type Kept } from './settle-content.ts'
import { writeWhole } from './staging.ts'

/** About how long the JSON text is that says where something is kept (octets). */
const aboutKeeping = 160

/** What was put where in the new file. */
export interface Placements {
  readonly runs: readonly { readonly record: RunRecord; readonly start: number }[]
  readonly kept: readonly { readonly record: KeptRecord; readonly start: number }[]
  readonly parts: readonly { readonly record: PartRecord; readonly start: number }[]
}

export interface SettleWriterOptions {
  readonly file: FileHandle
  readonly seal: Seal
  /** Of zstd. */
  readonly level: number
  /** Called with octets of content that were compressed. */
  readonly onCompressed: (octets: number) => Promise<void> | undefined
}

/** Writes a settled segment: batches of records, each with a run of what is kept by them. */
export class SettleWriter {
  readonly #options: SettleWriterOptions
  readonly #placed = {
    runs: [] as { record: RunRecord; start: number }[],
    kept: [] as { record: KeptRecord; start: number }[],
    parts: [] as { record: PartRecord; start: number }[],
  }
  #at = 0
  /** As JSON texts. */
  #records: string[] = []
  #text = 0
  readonly #texts = new RunContent()
  /** In runs of their own: between texts they would only stand in the way. */
  readonly #parts = new RunContent()

  constructor(options: SettleWriterOptions) {
    this.#options = options
  }

  get placements(): Placements {
    return this.#placed
  }

  async begin(header: Omit<SegmentHeader, 't' | 'version'>): Promise<void> {
    await this.#write([encodeRecord({ t: 'segment', version: settledVersion, ...header }, this.#options.seal)])
  }

  /** Adds a record; what was kept before stands before it. */
  async record(record: SegmentRecord): Promise<void> {
    const text = JSON.stringify(record)
    this.#records.push(text)
    this.#text += text.length
    if (this.#text >= fullBatch) await this.#flush()
  }

  /** Memory for octets of a body: see `keepThere`. Good until the next call that keeps or records anything but a part. */
  room(length: number): Buffer {
    return this.#texts.room(length)
  }

  /** Keeps a body whose octets were written into `room`. */
  async keepThere(keeping: Keeping & { readonly t: 'kept' }, length: number): Promise<void> {
    this.#texts.keepThere(keeping, length)
    await this.#kept()
  }

  /** Keeps a copy of octets. */
  async keep(keeping: Keeping, octets: Uint8Array): Promise<void> {
    const content = keeping.t === 'kept' ? this.#texts : this.#parts
    content.keep(keeping, octets)
    if (keeping.t === 'kept') await this.#kept()
    else {
      this.#text += aboutKeeping
      if (this.#parts.size >= fullRun) await this.#flushParts()
    }
  }

  async #kept(): Promise<void> {
    this.#text += aboutKeeping
    if (this.#texts.size >= fullRun || this.#text >= fullBatch) await this.#flush()
  }

  /** Keeps octets that are too many to be held, in a run of their own. */
  async keepLarge(keeping: Keeping, size: number, octets: AsyncIterable<Uint8Array>): Promise<void> {
    await this.#flush()
    // How long the frames are is known only when they are made, and stands before them: they are held, compressed, until then.
    const frames: Buffer[] = []
    for await (const chunk of inChunks(octets)) frames.push(await this.#compress(chunk))
    await this.#writeRun(size, frames, [{ keeping, at: 0, length: size }], [])
  }

  /** Closes the segment; everything is on the disk then. */
  async end(modseq: number, raw: number): Promise<void> {
    await this.#flushParts()
    await this.record({ t: 'commit', modseq })
    await this.record({ t: 'end', raw })
    await this.#flush()
    await this.#options.file.datasync()
  }

  async #flushParts(): Promise<void> {
    if (this.#parts.kept.length > 0) await this.#writeContent(this.#parts, [])
  }

  async #flush(): Promise<void> {
    const records = this.#records
    this.#records = []
    this.#text = 0
    if (this.#texts.kept.length > 0 || records.length > 0) await this.#writeContent(this.#texts, records)
  }

  async #writeContent(content: RunContent, records: readonly string[]): Promise<void> {
    const { size, kept, octets } = content
    const frames: Buffer[] = []
    for (let from = 0; from < size; from += chunkSize)
      frames.push(await this.#compress(octets.subarray(from, Math.min(from + chunkSize, size))))
    await this.#writeRun(size, frames, kept, records)
    content.clear()
  }

  async #writeRun(
    size: number,
    frames: readonly Buffer[],
    kept: readonly Kept[],
    records: readonly string[],
  ): Promise<void> {
    const { seal, level } = this.#options
    const run: RunRecord = { t: 'run', size, lengths: frames.map(({ length }) => length) }
    const placed = kept.map(({ keeping, at, length }): KeptRecord | PartRecord => ({ ...keeping, at, length }))
    const places = kept.length === 0 ? [] : [run, ...placed].map((record) => JSON.stringify(record))
    const batch = encodeBatch([...places, ...records], seal, level)
    const start = this.#at + batch.length
    await this.#write([batch, ...frames])
    if (kept.length === 0) return
    this.#placed.runs.push({ record: run, start })
    for (const record of placed) {
      if (record.t === 'kept') this.#placed.kept.push({ record, start })
      else this.#placed.parts.push({ record, start })
    }
  }

  async #compress(chunk: Uint8Array): Promise<Buffer> {
    const frame = compressChunk(chunk, this.#options.level)
    const paced = this.#options.onCompressed(chunk.length)
    if (paced !== undefined) await paced
    return frame
  }

  async #write(pieces: readonly Buffer[]): Promise<void> {
    await writeWhole(this.#options.file, pieces, this.#at)
    for (const { length } of pieces) this.#at += length
  }
}

/** Octets in chunks of `chunkSize`, the last one shorter. */
async function* inChunks(octets: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  let waiting: Uint8Array[] = []
  let length = 0
  for await (const piece of octets) {
    waiting.push(piece)
    length += piece.length
    if (length < chunkSize) continue
    const all = Buffer.concat(waiting, length)
    const whole = length - (length % chunkSize)
    for (let at = 0; at < whole; at += chunkSize) yield all.subarray(at, at + chunkSize)
    waiting = [all.subarray(whole)]
    length -= whole
  }
  if (length > 0) yield Buffer.concat(waiting, length)
}
