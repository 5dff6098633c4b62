import { randomUUID } from 'node:crypto'
import { readdir, rename, rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { diskError } from '../disk-errors.ts'
import { MisuseError, StoreError } from '../errors.ts'
import type { CheckReport } from './check.ts'
import { DiskMail } from './disk-mail.ts'
import { mustNotBeHeld } from './holding.ts'
import { makeFolder, segmentsFolder, sizeOf, syncFolder } from './layout.ts'
import type { RebuildReport } from './rebuild.ts'
import { SegmentFiles } from './segment-files.ts'
import { waitToSettle } from './settle-lock.ts'
import type { SettleOptions, SettleReport } from './settle.ts'
import type { Store, UserMail } from './store.ts'

const usualMemory = 16 << 20
const usuallyAwake = 128
/** How often an index is made anew before it is given up: one that never fits would be made, and mail written again, without end. */
const mostMade = 3
/** What the folders of removed users' mail are called until they are gone; no user's name begins with a dot. */
const removed = '.removed-'

/** The store on disk: one folder a user under `users/`, which is all there is of that user's mail. */
export class DiskStore implements Store {
  readonly #folder: string
  readonly #now: () => number
  readonly #files: SegmentFiles
  readonly #open = new Map<string, Promise<DiskMail>>()
  readonly #awake = new Set<DiskMail>()
  readonly #mostAwake: number

  /**
   * `folder`: the folder of data. `memory`: so much of what was read lately stays in memory (octets); 16 MiB unless said. `awake`: so
   * many users' mail is kept ready to be read and written, 128 unless said; those that were ready longest rest first.
   */
  constructor(folder: string, options: { now?: () => number; memory?: number; awake?: number } = {}) {
    this.#folder = resolve(folder)
    this.#now = options.now ?? Date.now
    this.#files = new SegmentFiles(options.memory ?? usualMemory)
    this.#mostAwake = options.awake ?? usuallyAwake
  }

  /** The folder of one user's mail. */
  userFolder(user: string): string {
    // Names are checked where users are made; this only keeps a slip from leaving the folder.
    if (!/^[^/\\\0]{1,255}$/.test(user) || user.startsWith('.'))
      throw new MisuseError('usage', `not a user name: ${JSON.stringify(user)}`)
    return join(this.#folder, 'users', user)
  }

  open(user: string): Promise<UserMail> {
    return this.#openMail(user)
  }

  #openMail(user: string): Promise<DiskMail> {
    const known = this.#open.get(user)
    if (known !== undefined) return known
    const opening = this.#openAnew(user)
    this.#open.set(user, opening)
    opening.catch(() => this.#open.delete(user))
    return opening
  }

  /** Rejects with StoreError `held` while a legal hold is on any of a user's mail. */
  async mustNotBeHeld(user: string): Promise<void> {
    // Of mail that cannot be opened nobody can say whether a hold is on it.
    if (sizeOf(this.userFolder(user)) !== undefined) await mustNotBeHeld(await this.open(user))
  }

  async remove(user: string): Promise<void> {
    const folder = this.userFolder(user)
    await this.mustNotBeHeld(user)
    await (await this.#open.get(user)?.catch(() => undefined))?.close()
    const users = join(this.#folder, 'users')
    try {
      // Under another name first: what is stopped half-way must not be found by the next user of this name.
      if (sizeOf(folder) !== undefined) await rename(folder, join(users, `${removed}${randomUUID()}`))
      await syncFolder(users).catch(() => undefined)
      const left = await readdir(users).catch(() => [])
      for (const name of left)
        if (name.startsWith(removed)) await rm(join(users, name), { recursive: true, force: true, maxRetries: 3 })
    } catch (error) {
      throw diskError(error, folder)
    }
  }

  /** Verifies every message against its hash, and the index against the segments. */
  async check(user: string, options: { onProgress?: (octets: number, of: number) => void } = {}): Promise<CheckReport> {
    // Opening takes in what a process that was stopped left behind.
    await this.open(user)
    // Care is taken now and then; what is done each time starts quicker without it.
    const { checkMail } = await import('./check.ts')
    return await checkMail(this.userFolder(user), user, this.#files, options)
  }

  /** Makes a user's index again from the segments. Other processes may go on reading meanwhile. */
  async rebuild(
    user: string,
    options: { onProgress?: (octets: number, of: number) => void } = {},
  ): Promise<RebuildReport> {
    await (await this.#open.get(user)?.catch(() => undefined))?.close()
    const folder = this.userFolder(user)
    const { rebuildIndex } = await import('./rebuild.ts')
    if (sizeOf(folder) === undefined) return await rebuildIndex(folder, user, this.#files, options)
    // Files of segments must not come and go meanwhile.
    const lock = await waitToSettle(folder)
    try {
      return await rebuildIndex(folder, user, this.#files, options)
    } finally {
      lock.close()
    }
  }

  /**
   * Settles a user's closed segments: compressed, attachments once, without what was removed; see docs/settling.md. StoreError `busy` where
   * another process does so now.
   */
  async settle(user: string, options: SettleOptions = {}): Promise<SettleReport> {
    const mail = await this.#openMail(user)
    const { settleMail } = await import('./settle.ts')
    return await settleMail(mail, this.userFolder(user), this.#files, options)
  }

  async close(): Promise<void> {
    for (const opening of this.#open.values()) await (await opening.catch(() => undefined))?.close()
    await this.#files.close()
  }

  async #openAnew(user: string, made = 0): Promise<DiskMail> {
    const folder = this.userFolder(user)
    try {
      await makeFolder(segmentsFolder(folder))
    } catch (error) {
      throw diskError(error, folder)
    }
    const mail = new DiskMail({
      user,
      folder,
      files: this.#files,
      now: this.#now,
      onAwake: (awake) => this.#isAwake(awake),
      onClose: () => {
        this.#open.delete(user)
        this.#awake.delete(mail)
      },
    })
    try {
      // Twice, for a settling may come between the look at the index and that at the files.
      if (!mail.fits() && !mail.fits()) {
        if (made === mostMade)
          throw new StoreError(
            'damaged',
            `${folder}: its index does not fit its segments, though it was made of them ${made} times`,
          )
        await this.#putRight(mail, folder)
        return await this.#openAnew(user, made + 1)
      }
      await mail.recover()
    } catch (error) {
      await mail.close()
      throw error
    }
    return mail
  }

  /** Copied or put back while segments were settled, the index is of another moment than they are: it is made anew. */
  async #putRight(mail: DiskMail, folder: string): Promise<void> {
    const lock = await waitToSettle(folder)
    try {
      const fits = mail.fits()
      await mail.close()
      if (fits) return
      const { rebuildIndex } = await import('./rebuild.ts')
      await rebuildIndex(folder, mail.user, this.#files, {})
    } finally {
      lock.close()
    }
  }

  #isAwake(mail: DiskMail): void {
    this.#awake.add(mail)
    for (const other of this.#awake) {
      if (this.#awake.size <= this.#mostAwake) return
      if (other !== mail && other.rest()) this.#awake.delete(other)
    }
  }
}
