import { resolve, sep } from 'node:path'
import { existsSync, realpathSync, statSync } from 'node:fs'
import { MisuseError } from '../errors.ts'
import { FolderTarget } from './folder-target.ts'
import type { S3Options } from './s3-place.ts'
import type { Target } from './target.ts'

export interface TargetOptions extends S3Options {
  readonly readBack?: boolean | undefined
}

/** The target that a person means: a folder, or `s3://bucket/prefix`. */
export async function openTarget(
  words: string,
  options: TargetOptions,
): Promise<Target & { make?: () => Promise<void> }> {
  if (words.startsWith('s3://')) {
    // They load what no folder needs.
    const [{ s3Place }, { S3Target }] = await Promise.all([import('./s3-place.ts'), import('./s3-target.ts')])
    return new S3Target(s3Place(words, options, process.env), { readBack: options.readBack ?? false })
  }
  if (/^[a-z0-9+.-]{2,}:\/\//i.test(words))
    throw new MisuseError(
      'usage',
      `${words}: backups go to a folder or to s3://bucket/prefix; rsync carries a folder elsewhere`,
    )
  for (const option of ['endpoint', 'region', 'readBack'] as const)
    if (options[option] !== undefined)
      throw new MisuseError('usage', `${words} is a folder: --endpoint, --region and --read-back are about s3://`)
  if (statSync(words, { throwIfNoEntry: false })?.isDirectory() === false)
    throw new MisuseError('usage', `${words} is not a folder: backups go to one`)
  return new FolderTarget(words)
}

/** Throws MisuseError where a folder and the data folder are in one another: a backup would copy itself, or be lost with what it is for. */
export function mustBeApart(data: string, target: string): void {
  if (target.startsWith('s3://')) return
  const [one, other] = [real(data), real(target)]
  if (one === other || one.startsWith(other + sep) || other.startsWith(one + sep))
    throw new MisuseError('usage', `${target} and the data folder ${data} are in one another: name a folder elsewhere`)
}

/** Of a path of which the end may not be there yet. */
function real(path: string): string {
  const whole = resolve(path)
  const above = resolve(whole, '..')
  if (existsSync(whole)) return realpathSync(whole)
  return above === whole ? whole : resolve(real(above), whole.slice(above.length).replace(/^[/\\]+/, ''))
}
