import { existsSync, readdirSync } from 'node:fs'
import { open, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Directory } from '../accounts/directory.ts'
import { diskError } from '../disk-errors.ts'
import { MisuseError, StoreError } from '../errors.ts'
import { DiskStore } from '../store/disk.ts'
import { makeFolder, syncFolder } from '../store/layout.ts'
import { directoryFile, integrityFault, keyFile } from './data-files.ts'
import type { FileEntry, Manifest } from './manifest.ts'
import { bringFile } from './restore-files.ts'
import type { Target } from './target.ts'

/** Where a data folder is made, in the folder that it will be; what was stopped before it was whole is cleared away by the next. */
const workName = '.restore-work'
/** It stands in there when all is whole, and has only to be given its place. */
const readyName = '.ready'

export interface RestoreOptions {
  /** Only these; undefined: all. */
  readonly users?: readonly string[] | undefined
  readonly onProgress?: (what: string, octets: number, of: number) => void
}

export interface RestoreReport {
  readonly users: number
  readonly messages: number
  readonly octets: number
  /** What could not be restored, each by its name; all else was. */
  readonly problems: readonly string[]
}

/** Whether a backup may be restored into this folder: nothing is in it but what an earlier restore has left. */
export function isFree(folder: string): boolean {
  return !existsSync(folder) || readdirSync(folder).every((name) => name === workName || name === 'locks')
}

/** Whether a restore into this folder was stopped when all that it brought had only to be given its place. */
export function isNearlyDone(folder: string): boolean {
  return existsSync(join(folder, workName, readyName))
}

/**
 * Makes a data folder from a backup: beside its place, each message verified, then moved there. What is damaged is named, and the rest goes on. The
 * caller sees to it that there is one at a time.
 */
export async function restore(
  target: Target,
  manifest: Manifest,
  folder: string,
  options: RestoreOptions = {},
): Promise<RestoreReport> {
  if (!isFree(folder))
    throw new MisuseError('usage', `${folder} is not empty; nothing is written over: name another folder`)
  const work = join(folder, workName)
  await rm(work, { recursive: true, force: true })
  try {
    await makeFolder(work)
    const problems = manifest.problems.map((what) => `when the backup was made: ${what}`)
    const names = manifest.users.map(({ name }) => name).filter((name) => options.users?.includes(name) ?? true)
    const files = manifest.files.filter(
      ({ path }) => names.some((name) => isOf(path, name)) || !path.startsWith('users/'),
    )
    const { octets } = await bringAll(target, files, work, problems, options)
    await prepareDirectory(work, options.users, names, problems)
    const messages = await verify(work, names, options, problems, (path) => path.replaceAll(work, folder))
    await mark(join(work, readyName))
    await giveNames(folder)
    return { users: names.length, messages, octets, problems }
  } catch (error) {
    if (!isNearlyDone(folder)) await rm(work, { recursive: true, force: true }).catch(() => undefined)
    throw error instanceof Error && 'syscall' in error ? diskError(error, folder) : error
  }
}

/** Ends a restore that was stopped when `isNearlyDone`. */
export async function giveNames(folder: string): Promise<void> {
  const work = join(folder, workName)
  // The users last: a folder that has users has their mail.
  const last = (name: string): number => Number(name === directoryFile)
  const names = readdirSync(work).filter((name) => name !== readyName && name !== 'locks')
  for (const name of names.toSorted((a, b) => last(a) - last(b))) {
    if (existsSync(join(folder, name)))
      throw new MisuseError(
        'usage',
        `${join(folder, name)} has been made meanwhile; nothing is written over: move it away`,
      )
    await rename(join(work, name), join(folder, name))
  }
  await syncFolder(folder)
  await rm(work, { recursive: true, force: true })
}

function isOf(path: string, user: string): boolean {
  return path.startsWith(`users/${user}/`)
}

/** Brings one user's mail, whole and verified, into a folder that becomes `users/NAME`. */
export async function bringUser(
  target: Target,
  manifest: Manifest,
  user: string,
  work: string,
  options: Pick<RestoreOptions, 'onProgress'> = {},
): Promise<{ messages: number; octets: number; problems: string[] }> {
  const problems: string[] = []
  const files = manifest.files.filter(({ path }) => isOf(path, user))
  const { octets } = await bringAll(target, files, work, problems, options)
  const messages = await verify(work, [user], options, problems, (path) => path.replaceAll(`${work}/`, ''))
  return { messages, octets, problems }
}

async function bringAll(
  target: Target,
  files: readonly FileEntry[],
  work: string,
  problems: string[],
  { onProgress }: RestoreOptions,
): Promise<{ octets: number }> {
  const of = files.reduce((sum, { size }) => sum + size, 0)
  let octets = 0
  for (const file of files) {
    const faults = await bringFile(target, file, work, (more) => onProgress?.('bringing back', (octets += more), of))
    problems.push(...faults)
    // A key of which one octet is another opens nothing.
    if (faults.length > 0 && file.path === keyFile) await rm(join(work, keyFile))
  }
  return { octets }
}

/** The users and accounts of the backup: whole, or those that were asked for. Where they are damaged, the users without passwords. */
async function prepareDirectory(
  work: string,
  wanted: readonly string[] | undefined,
  names: readonly string[],
  problems: string[],
): Promise<void> {
  const path = join(work, directoryFile)
  const fault = existsSync(path) ? integrityFault(path) : 'it is not in the backup'
  if (fault !== undefined) {
    problems.push(
      `${directoryFile} could not be restored (${fault}): the users are there without passwords and accounts: \`postino user password\` and \`postino account add\` make them again`,
    )
    for (const end of ['', '-wal', '-shm', '-journal']) await rm(path + end, { force: true })
  }
  const directory = await Directory.open(work)
  try {
    for (const name of names) if (directory.user(name) === undefined) await directory.addUser(name, undefined)
    for (const { name } of directory.users()) if (wanted?.includes(name) === false) await directory.removeUser(name)
  } finally {
    directory.close()
  }
}

/** Makes the indexes, and verifies each message; gives how many there are. */
async function verify(
  work: string,
  names: readonly string[],
  { onProgress }: RestoreOptions,
  problems: string[],
  spelt: (path: string) => string,
): Promise<number> {
  const store = new DiskStore(work)
  let messages = 0
  try {
    for (const name of names) {
      if (!existsSync(join(store.userFolder(name), 'segments'))) continue
      const found: string[] = []
      try {
        const rebuilt = await store.rebuild(name, { onProgress: (at, of) => onProgress?.(`indexing ${name}`, at, of) })
        for (const { path, offset, what } of rebuilt.damage) found.push(`${spelt(path)}, octet ${offset}: ${what}`)
        const report = await store.check(name, { onProgress: (at, of) => onProgress?.(`verifying ${name}`, at, of) })
        for (const { path, offset, message, what } of report.problems) {
          const where = `${spelt(path)}${offset === undefined ? '' : `, octet ${offset}`}`
          const problem = `${where}${message === undefined ? '' : ` (message ${message})`}: ${what}`
          if (!found.includes(problem)) found.push(problem)
        }
        messages += report.messages
      } catch (error) {
        if (!(error instanceof StoreError) || error.code === 'disk-full') throw error
        found.push(spelt(error.message))
      }
      problems.push(...found.map((what) => `${name}: ${what}`))
    }
  } finally {
    await store.close()
  }
  return messages
}

async function mark(path: string): Promise<void> {
  const file = await open(path, 'w', 0o600)
  try {
    await file.sync()
  } finally {
    await file.close()
  }
}
