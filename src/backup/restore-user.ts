import { hash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { link, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { copyUser } from '../accounts/copy-user.ts'
import { Directory } from '../accounts/directory.ts'
import { diskError } from '../disk-errors.ts'
import { MisuseError } from '../errors.ts'
import { DiskStore } from '../store/disk.ts'
import { makeFolder, syncFolder } from '../store/layout.ts'
import { directoryFile, integrityFault, keyFile } from './data-files.ts'
import type { Manifest } from './manifest.ts'
import { bringFile } from './restore-files.ts'
import { restoreMessages, type MessagesOptions } from './restore-messages.ts'
import { bringUser, type RestoreOptions } from './restore.ts'
import type { Target } from './target.ts'

export interface UserReport {
  readonly user: string
  readonly restored: number
  /** Were in the mail already. */
  readonly here: number
  /** Of those, how many were damaged, and are whole again. */
  readonly repaired: number
  /** Those that came back, by their addresses. */
  readonly accounts: readonly string[]
  /** What could not be restored, each by its name. */
  readonly problems: readonly string[]
}

/**
 * Restores a user of a backup into a data folder that is in use: who is not there comes back with mail, password and accounts; to the mail of
 * who is there, messages are added that it has not got. The caller sees to it that there is one at a time.
 */
export async function restoreUser(
  target: Target,
  manifest: Manifest,
  user: string,
  data: string,
  options: Pick<MessagesOptions, 'ids' | 'mailbox'> & Pick<RestoreOptions, 'onProgress'>,
): Promise<UserReport> {
  if (!manifest.users.some(({ name }) => name === user)) {
    const names = manifest.users.map(({ name }) => name)
    throw new MisuseError(
      'usage',
      `backup ${manifest.backup} has no user ${JSON.stringify(user)}; it has: ${names.join(', ')}`,
    )
  }
  const work = join(data, 'locks', 'restore-work')
  await rm(work, { recursive: true, force: true })
  try {
    await makeFolder(work)
    const brought = await bringUser(target, manifest, user, work, options)
    const { problems } = brought
    const place = join(data, 'users', user)
    const whole = options.ids === undefined && options.mailbox === undefined && !existsSync(place)
    const counts = whole
      ? await moveIn(join(work, 'users', user), place, brought.messages)
      : await addTo(work, data, user, options, problems)
    const accounts = await bringDirectory(target, manifest, user, data, work, problems)
    const { restored, here, repaired } = counts
    return { user, restored, here, repaired, accounts, problems }
  } catch (error) {
    throw error instanceof Error && 'syscall' in error ? diskError(error, work) : error
  } finally {
    await rm(work, { recursive: true, force: true }).catch(() => undefined)
  }
}

type Counts = Pick<UserReport, 'restored' | 'here' | 'repaired'>

async function moveIn(from: string, to: string, messages: number): Promise<Counts> {
  await makeFolder(join(to, '..'))
  if (!existsSync(from)) return { restored: 0, here: 0, repaired: 0 }
  // It fails where somebody has made mail for this user meanwhile.
  await rename(from, to)
  await syncFolder(join(to, '..'))
  return { restored: messages, here: 0, repaired: 0 }
}

async function addTo(
  work: string,
  data: string,
  user: string,
  { ids, mailbox, onProgress }: Pick<MessagesOptions, 'ids' | 'mailbox'> & Pick<RestoreOptions, 'onProgress'>,
  problems: string[],
): Promise<Counts> {
  const store = new DiskStore(data)
  try {
    const report = await restoreMessages(work, await store.open(user), {
      ids,
      mailbox,
      onProgress: (messages, of) => onProgress?.(`message ${messages} of ${of}`, messages, of),
    })
    problems.push(...report.problems)
    return report
  } finally {
    await store.close()
  }
}

/** Brings back the user, with password, settings and accounts, where there is none of that name. Gives the addresses of the accounts. */
async function bringDirectory(
  target: Target,
  manifest: Manifest,
  user: string,
  data: string,
  work: string,
  problems: string[],
): Promise<readonly string[]> {
  const directory = await Directory.open(data)
  try {
    if (directory.user(user) !== undefined) return []
    const old = await bringOldDirectory(target, manifest, work)
    if (old === undefined) {
      await directory.addUser(user, undefined)
      problems.push(`${directoryFile} of the backup is damaged: ${user} is there without a password and accounts`)
      return []
    }
    const { accounts, taken } = await copyUser(old, join(data, directoryFile), user)
    for (const address of taken)
      problems.push(`the account ${address} of ${user} was not restored: there is one of that address`)
    await bringKey(target, manifest, data, work, user, problems)
    return accounts
  } finally {
    directory.close()
  }
}

/** The directory of the backup, of today's version; undefined where it is damaged. */
async function bringOldDirectory(target: Target, manifest: Manifest, work: string): Promise<string | undefined> {
  const entry = manifest.files.find(({ path }) => path === directoryFile)
  if (entry === undefined || (await bringFile(target, entry, work, () => undefined)).length > 0) return undefined
  const path = join(work, directoryFile)
  if (integrityFault(path) !== undefined) return undefined
  const directory = await Directory.open(work)
  directory.close()
  return path
}

/** Secrets are encrypted with the key of their data folder. */
async function bringKey(
  target: Target,
  manifest: Manifest,
  data: string,
  work: string,
  user: string,
  problems: string[],
): Promise<void> {
  const entry = manifest.files.find(({ path }) => path === keyFile)
  if (entry === undefined) return
  const path = join(data, keyFile)
  if (!existsSync(path)) {
    const faults = await bringFile(target, entry, work, () => undefined)
    // As a link, it cannot take the place of one that was made meanwhile.
    if (faults.length === 0) await link(join(work, keyFile), path)
    problems.push(...faults)
  } else if (hash('sha256', readFileSync(path)) !== entry.pieces[0]?.hash)
    problems.push(
      `${keyFile} of the backup is another one than ${path}: the passwords of ${user}'s accounts cannot be read; give them again with \`postino account set ADDRESS --password-stdin\``,
    )
}
