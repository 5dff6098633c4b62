import { MisuseError, StoreError } from '../errors.ts'
import { listBackups, type Manifest, readManifest } from './manifest.ts'
import type { Target } from './target.ts'

/**
 * The manifest of the backup that is meant: of this number; or the newest that is not later than `at` (milliseconds since 1970); or the newest.
 * Where that one is damaged, the one before it; `damaged` says so.
 */
export async function pickBackup(
  target: Target,
  { backup, at }: { readonly backup?: number | undefined; readonly at?: number | undefined },
): Promise<{ manifest: Manifest; damaged: readonly string[] }> {
  const all = await listBackups(target)
  if (all.length === 0) throw new StoreError('missing', `there is no backup in ${target.place}`)
  const meant = all.filter((one) => (backup === undefined ? at === undefined || one.time <= at : one.backup === backup))
  const damaged: string[] = []
  for (const name of meant.toReversed()) {
    try {
      return { manifest: await readManifest(target, name), damaged }
    } catch (error) {
      if (!(error instanceof StoreError) || error.code !== 'damaged') throw error
      damaged.push(error.message)
    }
  }
  if (damaged[0] !== undefined) throw new StoreError('damaged', damaged[0])
  const there = `\`postino backup --list ${target.place}\` shows those there are`
  throw new MisuseError(
    'usage',
    backup === undefined ? `no backup is that old; ${there}` : `there is no backup ${backup}; ${there}`,
  )
}
