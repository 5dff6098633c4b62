import { StoreError } from '../errors.ts'
import type { Hash } from '../ids.ts'
import { BodyPlaces } from './body-places.ts'
import { lendBody } from './body-reader.ts'
import type { SegmentFiles } from './segment-files.ts'
import type { BodyPlace } from './segment.ts'
import type { Source } from './settle-source.ts'
import type { Placements } from './settle-writer.ts'
import type { PieceInRun } from './settled-body.ts'
import type { KeptRecord } from './settled-record.ts'
import type { SqliteIndex } from './sqlite-index.ts'

export interface Proving {
  readonly files: SegmentFiles
  readonly index: SqliteIndex
  readonly folder: string
  readonly signal?: AbortSignal | undefined
  /** Asked after each body (octets). */
  readonly pace?: ((octets: number) => Promise<void> | undefined) | undefined
}

/** What is read back of what was written. */
type ReadBack = Pick<KeptRecord, 'hash' | 'size' | 'at' | 'length'> & { readonly coded?: boolean }

/**
 * Reads back from the file at `path`, which was written of a segment, every body, and every part that only bodies of other segments need;
 * gives the bodies that are not what they were, or `left` where it was told to leave off. Throws StoreError `damaged` where such a part is
 * not what it was.
 */
export async function prove(
  source: Source,
  path: string,
  placements: Placements,
  { files, index, folder, signal, pace }: Proving,
): Promise<Hash[] | 'left'> {
  const { segment } = source
  const generation = source.generation + 1
  // Of an earlier attempt there was a file of the same name.
  await files.close(path)
  const runs = new Map(
    placements.runs.map(({ record: { size, lengths }, start }) => [
      start,
      { path, segment, generation, start, size, lengths },
    ]),
  )
  const pieceAt = (start: number, at: number, length: number): PieceInRun | undefined => {
    const run = runs.get(start)
    return run && { run, at, length }
  }
  const own = new Map(
    placements.parts.map(({ record, start }) => [record.hash, pieceAt(start, record.at, record.length)]),
  )
  const places = new BodyPlaces(() => index, folder)
  const elsewhere = (hash: Hash): PieceInRun | undefined => {
    const piece = places.part(hash)
    // What is only in the file that is to go proves nothing.
    return piece?.run.segment === segment ? undefined : piece
  }
  const part = (hash: Hash): PieceInRun | undefined => own.get(hash) ?? elsewhere(hash)
  const read = async ({ hash, size, at, length, coded = false }: ReadBack, start: number): Promise<void> => {
    const piece = pieceAt(start, at, length)
    const place: BodyPlace = { segment, generation, start, size, piece: { at, length, coded } }
    const settled = piece && { size, piece, coded, proof: hash, part }
    await lendBody(files, { path, place, proof: hash, settled }, () => undefined)
    const paced = pace?.(size)
    if (paced !== undefined) await paced
  }
  const wrong: Hash[] = []
  for (const { record, start } of placements.kept) {
    if (signal?.aborted === true) return 'left'
    try {
      await read(record, start)
    } catch (error) {
      if (!(error instanceof StoreError) || error.code !== 'damaged') throw error
      wrong.push(record.hash)
    }
  }
  const ownNeed = new Set(placements.kept.flatMap(({ record }) => record.parts ?? []))
  for (const { record, start } of placements.parts) {
    if (signal?.aborted === true) return 'left'
    if (!ownNeed.has(record.hash)) await read({ ...record, size: record.length }, start)
  }
  return wrong
}
