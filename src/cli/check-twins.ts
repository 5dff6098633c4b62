import { cpSync, existsSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { secretOf } from '../accounts/account-secret.ts'
import type { Account, Directory } from '../accounts/directory.ts'
import { Secrets } from '../accounts/secrets.ts'
import { MisuseError, StoreError } from '../errors.ts'
import type { Hash } from '../ids.ts'
import { DiskStore } from '../store/disk.ts'
import { makeFolder } from '../store/layout.ts'
import type { Twin } from '../store/repair.ts'
import { ledgerOf } from '../store/repair-ledger.ts'
import { twinIn } from '../store/repair-twin.ts'
import { describeAccountFailure } from './failure.ts'
import { remoteOf } from './fetch-account.ts'
import { accountLockFile, holding } from './locks.ts'

/** Where the damaged octets of a user's mail are looked for. */
export interface TwinParts {
  readonly data: string
  readonly directory: Directory
  readonly store: DiskStore
  readonly user: string
  /** What is damaged. */
  readonly hashes: ReadonlySet<Hash>
  /** A backup, or a copy of a data folder. */
  readonly from: string | undefined
  readonly note: (text: string) => void
}

/**
 * Runs `work` with all the twins there may be: other users, the backup, and the accounts that the messages came from, which are asked last.
 * What is brought for it lies in a folder of its own, which is removed then.
 */
export async function withTwins<T>(parts: TwinParts, work: (twins: readonly Twin[]) => Promise<T>): Promise<T> {
  const locks = join(parts.data, 'locks')
  const busy = `another postino process repairs mail in ${parts.data}; try again later`
  return await holding(join(locks, 'repair'), busy, () => withTwinsIn(join(locks, 'repair-work'), parts, work))
}

async function withTwinsIn<T>(
  folder: string,
  parts: TwinParts,
  work: (twins: readonly Twin[]) => Promise<T>,
): Promise<T> {
  const { directory, store, user, from, hashes } = parts
  // What one that was killed has left.
  await rm(folder, { recursive: true, force: true, maxRetries: 3 })
  await makeFolder(folder)
  const fetched = new DiskStore(join(folder, 'fetched'))
  try {
    const others = directory.users().flatMap(({ name }) => (name === user ? [] : [name]))
    const twins = others.map((name) => twinIn(`the mail of ${name}`, store.userFolder(name), name))
    if (from !== undefined && hashes.size > 0) twins.push(await twinFrom(from, user, join(folder, 'backup')))
    twins.push(...accountTwins(parts, fetched))
    return await work(twins)
  } finally {
    await fetched.close()
    await rm(folder, { recursive: true, force: true, maxRetries: 3 })
  }
}

/** The user's mail in a backup, or in a copy of a data folder, which stays as it is. */
async function twinFrom(from: string, user: string, work: string): Promise<Twin> {
  const copy = join(resolve(from), 'users', user)
  const brought = join(work, 'users', user)
  if (existsSync(join(copy, 'segments'))) cpSync(copy, brought, { recursive: true })
  else {
    const [{ openTarget }, { pickBackup }, { bringUser }] = await Promise.all([
      import('../backup/open-target.ts'),
      import('../backup/pick-backup.ts'),
      import('../backup/restore.ts'),
    ])
    const target = await openTarget(from, {})
    const { manifest } = await pickBackup(target, {})
    if (!manifest.users.some(({ name }) => name === user))
      throw new MisuseError('usage', `the backup in ${from} has no user ${user}`)
    await bringUser(target, manifest, user, work)
  }
  const store = new DiskStore(work)
  try {
    await store.open(user)
  } catch (error) {
    if (!(error instanceof StoreError) || (error.code !== 'missing' && error.code !== 'damaged')) throw error
    await store.rebuild(user)
  } finally {
    await store.close()
  }
  return twinIn(`the backup in ${from}`, brought, user)
}

/** What the accounts still have: fetched into mail of its own, so that nothing is changed here or there. */
function accountTwins({ data, directory, user, hashes, store, note }: TwinParts, fetched: DiskStore): Twin[] {
  if (hashes.size === 0) return []
  const rows = ledgerOf(store.userFolder(user), user).filter(({ content }) => hashes.has(content.hash))
  return directory.accounts(user).flatMap((account, number): Twin[] => {
    const name = `${account.protocol}:${account.address}`
    const only = new Set(rows.flatMap(({ origin }) => (origin.account === name ? [origin.uniqueId] : [])))
    only.delete('')
    if (only.size === 0) return []
    const { address } = account
    // Mail of its own for each account.
    const own = `account-${number}`
    const place = fetched.userFolder(own)
    let fetching: Promise<void> | undefined
    return [
      {
        name: address,
        async find(hash) {
          fetching ??= fetchAgain({ data, directory, note }, account, fetched, own, only)
          await fetching
          return await twinIn(address, place, own).find(hash)
        },
      },
    ]
  })
}

async function fetchAgain(
  { data, directory, note }: Pick<TwinParts, 'data' | 'directory' | 'note'>,
  account: Account,
  fetched: DiskStore,
  own: string,
  only: ReadonlySet<string>,
): Promise<void> {
  const { address, protocol, options } = account
  note(`fetching ${only.size === 1 ? 'a message' : `${only.size} messages`} again from ${address}`)
  try {
    const secret = await secretOf(account, { data, directory, secrets: new Secrets(data) })
    const remote = {
      ...(await remoteOf(account, secret)),
      leave: 'forever' as const,
      withoutPlus: account.state.withoutPlus,
    }
    const mail = await fetched.open(own)
    const choice = { choice: { only } }
    const fetchIt = async (): Promise<void> => {
      const report =
        protocol === 'pop3'
          ? await (await import('../doors/fetch-pop3.ts')).fetchPop3(remote, mail, choice)
          : await (
              await import('../doors/fetch-imap.ts')
            ).fetchImap(remote, mail, { ...choice, only: options.only, except: options.except })
      if (report.error !== undefined) note(`${address}: ${describeAccountFailure(report.error)}`)
    }
    const busy = 'it is being fetched by another postino process; try again later'
    await holding(accountLockFile(data, address), busy, fetchIt)
  } catch (error) {
    note(`${address}: ${describeAccountFailure(error)}`)
  }
}
