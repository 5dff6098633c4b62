import { type FileHandle, open } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { diskError } from '../disk-errors.ts'
import { PeerError, StoreError } from '../errors.ts'
import { makeFolder } from '../store/layout.ts'
import { Measured } from './contents.ts'
import type { FileEntry, Piece } from './manifest.ts'
import type { Target } from './target.ts'

/** Where the line breaks, a piece is read from its start again, so often. */
const mostTries = 3

/**
 * Writes a file of a backup below `folder`, and verifies each piece against its hash. Gives what is wrong with it: then it has the octets
 * that were there all the same, and zeros where there are none, so that all others stand where they stood.
 */
export async function bringFile(
  target: Target,
  entry: FileEntry,
  folder: string,
  onOctets: (octets: number) => void,
): Promise<string[]> {
  const path = join(folder, ...entry.path.split('/'))
  const faults: string[] = []
  try {
    await makeFolder(dirname(path))
    const file = await open(path, 'w', 0o600)
    try {
      for (const piece of entry.pieces) {
        const fault = await bringPiece(target, piece, file)
        if (fault !== undefined)
          faults.push(`${entry.path}, octets ${piece.from} to ${piece.from + piece.size}: ${fault}`)
        onOctets(piece.size)
      }
      await file.truncate(entry.size)
      await file.sync()
    } finally {
      await file.close()
    }
  } catch (error) {
    throw error instanceof Error && 'syscall' in error ? diskError(error, path) : error
  }
  return faults
}

async function bringPiece(target: Target, piece: Piece, file: FileHandle): Promise<string | undefined> {
  for (let attempt = 1; ; attempt++) {
    const measured = new Measured()
    try {
      for await (const chunk of target.read(piece.name)) {
        // What is too long is damaged, and would be written over what follows.
        const fitting = chunk.subarray(0, Math.max(0, piece.size - measured.size))
        for (let at = 0; at < fitting.length;)
          at += (await file.write(fitting, at, fitting.length - at, piece.from + measured.size + at)).bytesWritten
        measured.take(chunk)
      }
      if (measured.size === piece.size && measured.finish() === piece.hash) return undefined
      return `${piece.name} in the backup is damaged: it does not match its hash`
    } catch (error) {
      if (error instanceof PeerError && attempt < mostTries) continue
      // The disk of the target may be bad in one place; our own being full is another matter.
      if (error instanceof StoreError && (error.code === 'missing' || error.code === 'io'))
        return `${piece.name} in the backup cannot be read: ${error.message}`
      throw error
    }
  }
}

/** Reads all pieces of a backup and verifies them; gives what is wrong. `verified`: what needs not be read again. */
export async function verifyPieces(
  target: Target,
  files: readonly FileEntry[],
  verified: Set<string>,
  onOctets: (octets: number) => void,
): Promise<string[]> {
  const faults: string[] = []
  for (const { path, pieces } of files) {
    for (const piece of pieces) {
      if (!verified.has(piece.name)) {
        const fault = await verifyPiece(target, piece)
        if (fault !== undefined) faults.push(`${path}, octets ${piece.from} to ${piece.from + piece.size}: ${fault}`)
      }
      verified.add(piece.name)
      onOctets(piece.size)
    }
  }
  return faults
}

async function verifyPiece(target: Target, piece: Piece): Promise<string | undefined> {
  for (let attempt = 1; ; attempt++) {
    const measured = new Measured()
    try {
      for await (const chunk of target.read(piece.name)) measured.take(chunk)
      return measured.size === piece.size && measured.finish() === piece.hash
        ? undefined
        : `${piece.name} is damaged: it does not match its hash`
    } catch (error) {
      if (error instanceof PeerError && attempt < mostTries) continue
      if (error instanceof StoreError) return `${piece.name} cannot be read: ${error.message}`
      throw error
    }
  }
}
