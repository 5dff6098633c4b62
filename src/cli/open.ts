import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { Directory } from '../accounts/directory.ts'
import type { DiskStore } from '../store/disk.ts'
import type { UserMail } from '../store/store.ts'
import { chooseUser } from './choose-user.ts'
import type { Context } from './context.ts'

/** Runs `work` with the directory open. */
export async function withDirectory<T>(context: Context, work: (directory: Directory) => Promise<T>): Promise<T> {
  const directory = await Directory.open(context.data)
  try {
    return await work(directory)
  } finally {
    directory.close()
  }
}

/** Runs `work` with the store open. */
export async function withStore<T>(context: Context, work: (store: DiskStore) => Promise<T>): Promise<T> {
  return await withStoreWhenNeeded(context, async (store) => await work(await store()))
}

/** The same where something else comes first: the store is loaded when it is first asked for. */
export async function withStoreWhenNeeded<T>(
  context: Context,
  work: (store: () => Promise<DiskStore>) => Promise<T>,
): Promise<T> {
  let opened: DiskStore | undefined
  const store = async (): Promise<DiskStore> => {
    const { DiskStore } = await import('../store/disk.ts')
    return (opened ??= new DiskStore(context.data))
  }
  try {
    return await work(store)
  } finally {
    await opened?.close()
  }
}

/** Whether a user has any mail yet: to open it would make it. */
export function hasMail(context: Context, user: string): boolean {
  return existsSync(join(context.data, 'users', user))
}

/** What a command on one user's mail works with. */
export interface Opened {
  readonly user: string
  readonly mail: UserMail
  readonly store: DiskStore
}

/** Runs `work` with the mail of the user that is meant; where there is no user yet, one is made. */
export async function withMail<T>(
  context: Context,
  given: string | undefined,
  work: (opened: Opened) => Promise<T>,
): Promise<T> {
  const user = await withDirectory(context, (directory) => chooseUser(context, directory, given))
  return await withMailOf(context, user, work)
}

/** The same for a command that only reads: where there is no user yet, there is nothing to read, and `otherwise` is the answer. */
export async function withMailThere<T>(
  context: Context,
  given: string | undefined,
  otherwise: T,
  work: (opened: Opened) => Promise<T>,
): Promise<T> {
  const user = await withDirectory(context, async (directory) => {
    if (given === undefined && directory.users().length === 0) return undefined
    return await chooseUser(context, directory, given)
  })
  if (user !== undefined) return await withMailOf(context, user, work)
  context.notes.note(
    `there is no mail in ${context.data} yet: \`postino account add ADDRESS\` and \`postino fetch\` bring some`,
  )
  return otherwise
}

function withMailOf<T>(context: Context, user: string, work: (opened: Opened) => Promise<T>): Promise<T> {
  return withStore(context, async (store) => await work({ user, store, mail: await store.open(user) }))
}
