import { existsSync, readdirSync, statSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join, relative, sep } from 'node:path'
import { diskError } from '../disk-errors.ts'
import { MisuseError, PostinoError, StoreError } from '../errors.ts'
import { indexPath, makeFolder, segmentsFolder } from '../store/layout.ts'
import { dataFiles, directoryFile, sourceFile, sourceOf } from './data-files.ts'
import { mailMoment } from './mail-files.ts'
import {
  encodeManifest,
  type FileEntry,
  filesFolder,
  listBackups,
  type Manifest,
  manifestFormat,
  readManifest,
  type UserEntry,
} from './manifest.ts'
import { faultOf, isGone, PieceWriter } from './pieces.ts'
import { type Removed, removeBackups, type Retention, sizeOfBackup, superfluous } from './retention.ts'
import type { Target } from './target.ts'

/** How often a user's mail is looked at again, where files have gone since. */
const mostLooks = 8

export interface BackupOptions {
  readonly retention?: Retention
  readonly now?: () => number
  /** `octets` of `of` are at the target. */
  readonly onProgress?: (what: string, octets: number, of: number) => void
}

export interface BackupReport {
  readonly backup: number
  /** Milliseconds since 1970. */
  readonly time: number
  readonly users: number
  readonly messages: number
  /** Of all files of the backup. */
  readonly octets: number
  /** What had to be written for it. */
  readonly copied: { readonly files: number; readonly octets: number }
  readonly removed: Removed
  /** What could not be read, or not be done; then no old backup was removed. */
  readonly problems: readonly string[]
}

/**
 * Makes a backup of a data folder while others use it: each user's mail as of one moment, and the rest before that, so that nothing in it
 * speaks of mail that is not. Files of the target that are needed again are not written again. The caller sees to it that there is
 * one at a time.
 */
export async function backUp(data: string, target: Target, options: BackupOptions = {}): Promise<BackupReport> {
  const now = options.now ?? Date.now
  const time = now()
  const work = join(data, 'locks', 'backup-work')
  await rm(work, { recursive: true, force: true })
  try {
    await makeFolder(work)
  } catch (error) {
    throw diskError(error, work)
  }
  try {
    const backups = await listBackups(target)
    const { before, fault } = await newestReadable(target, backups)
    const problems: string[] = fault === undefined ? [] : [fault]
    const run = new BackupRun(data, target, {
      before,
      there: await target.list(filesFolder),
      problems,
      of: totalOf(data),
      onProgress: options.onProgress,
    })
    const source = await run.source(work)
    if (before !== undefined && before.source !== '' && before.source !== source)
      throw new MisuseError(
        'usage',
        `${target.place} holds backups of another data folder than ${data}: give each its own place`,
      )
    for (const path of dataFiles(data)) await run.other(path, work)
    for (const name of usersOf(data)) await run.user(name)
    const manifest: Manifest = {
      format: manifestFormat,
      backup: (backups.at(-1)?.backup ?? 0) + 1,
      time,
      source,
      users: run.users,
      files: run.files,
      problems,
    }
    const { name, contents } = encodeManifest(manifest)
    await target.put(name, contents)
    const removed = await tidy(target, problems, options.retention ?? {})
    return {
      backup: manifest.backup,
      time,
      users: run.users.length,
      messages: run.users.reduce((sum, { messages }) => sum + messages, 0),
      octets: sizeOfBackup(manifest),
      copied: { files: run.writer.files + 1, octets: run.writer.octets + contents.size },
      removed,
      problems,
    }
  } finally {
    await rm(work, { recursive: true, force: true }).catch(() => undefined)
  }
}

class BackupRun {
  readonly files: FileEntry[] = []
  readonly users: UserEntry[] = []
  readonly writer: PieceWriter
  readonly #data: string
  readonly #problems: string[]
  readonly #before: Map<string, FileEntry>
  readonly #seals: Map<string, number>
  readonly #onProgress: () => void
  readonly #source: string
  #what = ''

  constructor(
    data: string,
    target: Target,
    options: {
      before: Manifest | undefined
      there: Map<string, number>
      problems: string[]
      of: number
      onProgress: BackupOptions['onProgress']
    },
  ) {
    const { before, of, onProgress } = options
    this.#data = data
    this.#problems = options.problems
    this.#before = new Map(before?.files.map((file) => [file.path, file]))
    this.#seals = new Map(before?.users.map(({ name, seal }) => [name, seal]))
    this.#source = before?.source ?? ''
    let octets = 0
    this.#onProgress = () => onProgress?.(this.#what, Math.min(octets, of), of)
    this.writer = new PieceWriter(target, options.there, (more) => {
      octets += more
      this.#onProgress()
    })
  }

  /** What names the data folder; where its directory cannot be read, the last backup says it. */
  async source(work: string): Promise<string> {
    if (!existsSync(join(this.#data, directoryFile))) return this.#source
    try {
      return sourceOf((await sourceFile(this.#data, directoryFile, work)).from)
    } catch (error) {
      faultOf(error)
      return this.#source
    } finally {
      await rm(join(work, directoryFile), { force: true })
    }
  }

  /** Brings one of the other files; where it cannot be read, what the last backup had of it stays. */
  async other(path: string, work: string): Promise<void> {
    const before = this.#before.get(path)
    try {
      this.files.push(await this.writer.keep(await sourceFile(this.#data, path, work), before))
    } catch (error) {
      this.#problems.push(told(faultOf(error), before))
      if (before !== undefined) this.files.push(before)
    }
  }

  /** Brings a user's mail as of one moment. Where files have gone meanwhile, others have taken their place: it is looked at anew. */
  async user(name: string): Promise<void> {
    const folder = join(this.#data, 'users', name)
    this.#what = name
    this.#onProgress()
    for (let look = 1; ; look++) {
      if (!existsSync(indexPath(folder)) && !existsSync(segmentsFolder(folder))) return
      try {
        if (await this.#moment(name, folder, look === mostLooks)) return
      } catch (error) {
        this.#problems.push(`the mail of ${name}: ${faultOf(error)}`)
        return
      }
    }
  }

  /** False: something has gone; look again. */
  async #moment(name: string, folder: string, last: boolean): Promise<boolean> {
    const { entry, files, fault } = mailMoment(folder, name)
    const kept: FileEntry[] = []
    const missing: string[] = []
    const sameMail = this.#seals.get(name) === entry.seal
    for (const { path, from, size, growing } of files) {
      const inData = relative(this.#data, path).split(sep).join('/')
      const before = sameMail || fault !== undefined ? this.#before.get(inData) : undefined
      try {
        if (size === undefined) throw new StoreError('missing', `${path} is not there`)
        kept.push(await this.writer.keep({ path: inData, from, size, growing }, before))
      } catch (error) {
        const gone = size === undefined || isGone(error)
        if (gone && !last) return false
        const why = gone && error instanceof StoreError ? error.message : faultOf(error)
        missing.push(told(why, before))
        if (before !== undefined) kept.push(before)
      }
    }
    if (fault !== undefined) this.#problems.push(`${fault.message}; all of its segments are in the backup`)
    this.#problems.push(...missing)
    this.files.push(...kept)
    this.users.push(entry)
    return true
  }
}

function told(fault: string, before: FileEntry | undefined): string {
  return before === undefined ? fault : `${fault}; the backup has it as it was at the last one`
}

async function newestReadable(
  target: Target,
  backups: Awaited<ReturnType<typeof listBackups>>,
): Promise<{ before: Manifest | undefined; fault: string | undefined }> {
  let fault: string | undefined
  for (const name of backups.toReversed()) {
    try {
      return { before: await readManifest(target, name), fault }
    } catch (error) {
      if (!(error instanceof StoreError) || error.code !== 'damaged') throw error
      fault ??= error.message
    }
  }
  return { before: undefined, fault }
}

/** The backup is made: what goes wrong from here on is told, no more. */
async function tidy(target: Target, problems: string[], retention: Retention): Promise<Removed> {
  try {
    // What could not be read now may be whole in an old one.
    const old = problems.length > 0 ? [] : superfluous(await listBackups(target), retention)
    return await removeBackups(target, old)
  } catch (error) {
    if (!(error instanceof PostinoError)) throw error
    problems.push(`the backup is made, but nothing that is no longer needed was removed: ${error.message}`)
    return { backups: [], files: 0, octets: 0 }
  }
}

function usersOf(data: string): string[] {
  const folder = join(data, 'users')
  if (!existsSync(folder)) return []
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'))
    .map(({ name }) => name)
    .toSorted()
}

/** Octets of all mail, about. */
function totalOf(data: string): number {
  let total = 0
  for (const user of usersOf(data)) {
    const folder = segmentsFolder(join(data, 'users', user))
    if (!existsSync(folder)) continue
    for (const name of readdirSync(folder)) total += statSync(join(folder, name), { throwIfNoEntry: false })?.size ?? 0
  }
  return total
}
