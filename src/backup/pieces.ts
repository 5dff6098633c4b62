import { statSync } from 'node:fs'
import { diskError } from '../disk-errors.ts'
import { StoreError } from '../errors.ts'
import { contentsOfFile, measure, readStretch, SourceError } from './contents.ts'
import { filesFolder, type FileEntry, type Piece } from './manifest.ts'
import type { Target } from './target.ts'

/** A piece is at most so long (octets): as much as is written again where the line breaks. */
const longest = 64 << 20
/** A file that grew in more steps is written in one go again. */
const mostSteps = 64
/** A file may change while it is read, so often. */
const mostTries = 3

/** A file of the data folder that belongs to a backup. */
export interface SourceFile {
  /** In the data folder, with `/`. */
  readonly path: string
  /** Where it is read. */
  readonly from: string
  readonly size: number
  /** Whether only its end changes. */
  readonly growing: boolean
}

/** Copies files to a target: of each, only what is not there yet. */
export class PieceWriter {
  readonly #target: Target
  readonly #there: Map<string, number>
  readonly #onOctets: (octets: number) => void
  /** What was written. */
  files = 0
  octets = 0

  /** `there`: the files at the target. `onOctets` is called for what is at the target now. */
  constructor(target: Target, there: Map<string, number>, onOctets: (octets: number) => void) {
    this.#target = target
    this.#there = there
    this.#onOctets = onOctets
  }

  /** Brings a file to the target. `before`: how it was at the last backup. Throws SourceError where it cannot be read. */
  async keep(file: SourceFile, before: FileEntry | undefined): Promise<FileEntry> {
    for (let attempt = 1; ; attempt++) {
      try {
        const stamp = stampOf(file.from)
        const known = attempt === 1 ? await this.#known(file, stamp, before) : []
        const pieces = [...known, ...(await newPieces(file, known))]
        for (const piece of pieces) await this.#write(file, piece)
        return { path: file.path, size: file.size, stamp, pieces }
      } catch (error) {
        const changed = error instanceof SourceError && error.code === 'damaged'
        if (!changed || attempt === mostTries) throw error
      }
    }
  }

  async #write(file: SourceFile, { name, from, size, hash }: Piece): Promise<void> {
    if (this.#there.get(name) !== size) {
      await this.#target.put(name, contentsOfFile(file.from, from, size, hash))
      this.#there.set(name, size)
      this.files++
      this.octets += size
    }
    this.#onOctets(size)
  }

  /** The pieces of the last backup that are still what the file holds. */
  async #known(file: SourceFile, stamp: string, before: FileEntry | undefined): Promise<Piece[]> {
    const fitting = before?.pieces.filter(({ from, size }) => from + size <= file.size) ?? []
    if (before === undefined || fitting.length >= mostSteps + file.size / longest) return []
    if (before.stamp === stamp && before.size === file.size) return fitting
    // What only grows is what it was if its last piece is. Where another file has taken its place (it was restored, say), all is compared.
    const last = fitting.at(-1)
    const sameFile = file.growing && before.stamp.split(' ')[0] === stamp.split(' ')[0]
    if (last !== undefined && sameFile && (await isSame(file, last))) return fitting
    const same: Piece[] = []
    for (const piece of fitting) {
      if (!(await isSame(file, piece))) break
      same.push(piece)
    }
    return same
  }
}

async function isSame(file: SourceFile, { from, size, hash }: Piece): Promise<boolean> {
  return (await measure(readStretch(file.from, from, size))).hash === hash
}

/** The rest of a file, in pieces. */
async function newPieces(file: SourceFile, known: readonly Piece[]): Promise<Piece[]> {
  const pieces: Piece[] = []
  const last = known.at(-1)
  for (let from = last === undefined ? 0 : last.from + last.size; from < file.size;) {
    const { size, hash } = await measure(readStretch(file.from, from, Math.min(longest, file.size - from)))
    if (size === 0) throw new SourceError('damaged', `${file.from} ends at octet ${from}, before ${file.size}`)
    pieces.push({ name: pieceName(file.path, from, hash), from, size, hash })
    from += size
  }
  return pieces
}

/** In order of their names, the pieces of a file are in the order of their octets. */
function pieceName(path: string, from: number, hash: string): string {
  return `${filesFolder}${path}.${String(from).padStart(12, '0')}-${hash.slice(0, 32)}`
}

/** Whether this is a name that a file of ours has at the target, or had before it was whole. */
export function isOurs(name: string): boolean {
  return name.startsWith(filesFolder) && /\/\.?[^/]+\.\d{12}-[0-9a-f]{32}(?:\.part)?$/.test(name)
}

/** Tells a file from another that has its name, and from itself before it was changed. */
function stampOf(path: string): string {
  try {
    const { dev, ino, mtimeNs } = statSync(path, { bigint: true })
    return `${dev}:${ino} ${mtimeNs}`
  } catch (error) {
    const { code, message } = diskError(error, path)
    throw new SourceError(code, message, { cause: error })
  }
}

/** Whether a file of the data folder is gone: a settled one has taken its place. */
export function isGone(error: unknown): boolean {
  return error instanceof SourceError && error.code === 'missing'
}

/** What went wrong with one file of the data folder, which keeps no other from being copied; anything else is thrown. */
export function faultOf(error: unknown): string {
  if (error instanceof SourceError || (error instanceof StoreError && error.code === 'newer-schema'))
    return error.message
  throw error
}
