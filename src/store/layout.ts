import { mkdirSync, statSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { dirname, join } from 'node:path'

/** Where things are in one user's folder. */
export function indexPath(folder: string): string {
  return join(folder, 'index.sqlite')
}

export function segmentsFolder(folder: string): string {
  return join(folder, 'segments')
}

/** Segments are numbered from 1. */
export function segmentPath(folder: string, segment: number): string {
  return join(segmentsFolder(folder), `${String(segment).padStart(10, '0')}.zst`)
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
