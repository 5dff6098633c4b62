import { type BackupName, listBackups, type Manifest, filesFolder, manifestFolder, readManifest } from './manifest.ts'
import { isOurs } from './pieces.ts'
import type { Target } from './target.ts'

const day = 86_400_000
/** Where nothing is known of the time since the last backup, no more than this is believed to have passed. */
const believable = 35 * day

/** Which backups stay: the last so many, and what is not older than so many days. The newest always does. */
export interface Retention {
  readonly last?: number | undefined
  readonly days?: number | undefined
}

export interface Removed {
  readonly backups: readonly number[]
  readonly files: number
  readonly octets: number
}

/** The backups that need not stay, of all there are, the oldest first. */
export function superfluous(all: readonly BackupName[], { last, days }: Retention): BackupName[] {
  if (last === undefined && days === undefined) return []
  const [before, newest] = all.slice(-2)
  // A clock that jumps ahead makes nothing old.
  const now = Math.min(newest?.time ?? Infinity, (before?.time ?? Infinity) + believable)
  return all.filter(
    ({ time }, place) =>
      place < all.length - 1 &&
      (last === undefined || place < all.length - last) &&
      (days === undefined || time < now - days * day),
  )
}

/**
 * Removes these backups, and then the files that no other refers to: those of theirs, and what a backup that was stopped has left. Where
 * a manifest that stays cannot be read, no file is removed: nobody knows which are its own.
 */
export async function removeBackups(target: Target, superfluous: readonly BackupName[]): Promise<Removed> {
  // The manifests first: a backup that is there is whole.
  for (const { name } of superfluous) await target.remove(name)
  for (const name of (await target.list(manifestFolder)).keys()) if (name.endsWith('.part')) await target.remove(name)
  const needed = new Set<string>()
  for (const left of await listBackups(target)) {
    const manifest = await readManifest(target, left)
    for (const { pieces } of manifest.files) for (const { name } of pieces) needed.add(name)
  }
  let files = 0
  let octets = 0
  for (const [name, size] of await target.list(filesFolder)) {
    if (needed.has(name) || !isOurs(name)) continue
    await target.remove(name)
    files++
    octets += size
  }
  return { backups: superfluous.map(({ backup }) => backup), files, octets }
}

/** Octets of all files of a backup. */
export function sizeOfBackup({ files }: Manifest): number {
  return files.reduce((sum, { size }) => sum + size, 0)
}
