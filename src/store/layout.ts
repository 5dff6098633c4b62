import { mkdirSync, openSync, readdirSync, statSync } from 'node:fs'
import { open, rename, rm, type FileHandle } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { endsWhole } from './segment-end.ts'

/** Where things are in one user's folder. */
export function indexPath(folder: string): string {
  return join(folder, 'index.sqlite')
}

export function segmentsFolder(folder: string): string {
  return join(folder, 'segments')
}

/** Segments are numbered from 1. `generation`: how often it was settled. */
export function segmentPath(folder: string, segment: number, generation = 0): string {
  const name = String(segment).padStart(10, '0')
  return join(segmentsFolder(folder), generation === 0 ? `${name}.zst` : `${name}-${generation}.zst`)
}

/** A segment's file. */
export interface SegmentFile {
  readonly segment: number
  readonly generation: number
  readonly path: string
}

/** The files of all segments, in order; of one that was settled there may be several for a moment, the latest last. */
export function segmentFiles(folder: string): SegmentFile[] {
  const found: SegmentFile[] = []
  for (const name of readdirSync(segmentsFolder(folder))) {
    const [, segment, generation = 0] = /^(?!0{10})(\d{10})(?:-([1-9]\d{0,8}))?\.zst$/.exec(name) ?? []
    if (segment === undefined) continue
    found.push({ segment: Number(segment), generation: Number(generation), path: join(segmentsFolder(folder), name) })
  }
  return found.toSorted((a, b) => a.segment - b.segment || a.generation - b.generation)
}

/** Which of several files of a segment counts where no index says so. */
export interface Counting extends SegmentFile {
  /** Those that are later and not whole. */
  readonly passedOver: readonly SegmentFile[]
}

/** By its number the file of each segment that counts where no index says so: the latest that is whole, else the latest. */
export function countingFiles(folder: string): Map<number, Counting> {
  const counting = new Map<number, Counting>()
  for (const [segment, files] of Map.groupBy(segmentFiles(folder), (file) => file.segment)) {
    // What is alone need not be read.
    const place = files.length === 1 ? 0 : files.findLastIndex(isWhole)
    const file = files.at(place)
    if (file !== undefined) counting.set(segment, { ...file, passedOver: place < 0 ? [] : files.slice(place + 1) })
  }
  return counting
}

/** One that was never settled does not end in a record that says so; that is removed only when what was made of it is whole. */
function isWhole({ generation, path }: SegmentFile): boolean {
  return generation === 0 ? (sizeOf(path) ?? 0) > 0 : endsWhole(path)
}

/**
 * What a settled segment's file is called until the index says that it counts. Where the index says so and the file still has this
 * name, it is the one.
 */
export function pendingPath(path: string): string {
  return `${path}.new`
}

/** Octets of all segments' files. */
export function octetsOf(folder: string): number {
  return segmentFiles(folder).reduce((sum, { path }) => sum + (sizeOf(path) ?? 0), 0)
}

/**
 * Finishes what a settling that was stopped had decided, by which generation of each segment counts: gives files their names, and removes
 * those that count no more and those that never did.
 */
export async function finishNames(folder: string, generation: (segment: number) => number): Promise<void> {
  for (const name of readdirSync(segmentsFolder(folder))) {
    const [, segment, settled] = /^(?!0{10})(\d{10})-([1-9]\d{0,8})\.zst\.new$/.exec(name) ?? []
    if (segment === undefined) continue
    const path = segmentPath(folder, Number(segment), Number(settled))
    if (generation(Number(segment)) === Number(settled)) await rename(pendingPath(path), path)
    else await rm(pendingPath(path), { force: true })
  }
  await syncFolder(segmentsFolder(folder))
  for (const [segment, files] of Map.groupBy(segmentFiles(folder), (file) => file.segment)) {
    const counts = files.find((file) => file.generation === generation(segment))
    const replaced = counts === undefined ? [] : files.filter((file) => file.generation < counts.generation)
    // Never the last that is whole: an index that was put back from a copy may be wrong, and a file may have been cut off.
    if (counts === undefined || replaced.length === 0 || !isWhole(counts)) continue
    for (const { path } of replaced) await rm(path, { force: true })
  }
}

/** Opens a segment's file to be read, also under its pending name. */
export async function openSegment(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'r')
  } catch (error) {
    if (!isMissing(error)) throw error
    return await open(pendingPath(path), 'r').catch((second: unknown) => {
      throw isMissing(second) ? error : second
    })
  }
}

/** The same at once. */
export function openSegmentNow(path: string): number {
  try {
    return openSync(path, 'r')
  } catch (error) {
    if (!isMissing(error) || sizeOf(pendingPath(path)) === undefined) throw error
    return openSync(pendingPath(path), 'r')
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT'
}

/** A file's size in octets; undefined where it is not there. */
export function sizeOf(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.size
}

/** Makes a new name in a folder durable: fsync of a file does not cover the folder that names it. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** Makes a folder and what leads to it, durably. Mail is nobody else's business: mode 0700. */
export async function makeFolder(folder: string): Promise<void> {
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() === true) return
  // One by one: `recursive` says ENOENT where the file system is read-only.
  if (dirname(folder) !== folder) await makeFolder(dirname(folder))
  try {
    mkdirSync(folder, { mode: 0o700 })
  } catch (error) {
    // Another process may have been first.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
  await syncFolder(dirname(folder))
}
