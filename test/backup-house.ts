import { mkdtemp, rm } from 'node:fs/promises'
import { readdirSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Directory } from '../src/accounts/directory.ts'
import { backUp, type BackupOptions, type BackupReport } from '../src/backup/backup.ts'
import { FolderTarget } from '../src/backup/folder-target.ts'
import type { Manifest } from '../src/backup/manifest.ts'
import { pickBackup } from '../src/backup/pick-backup.ts'
import { restore, type RestoreReport } from '../src/backup/restore.ts'
import type { Target } from '../src/backup/target.ts'
import { Secrets } from '../src/accounts/secrets.ts'
import { DiskStore } from '../src/store/disk.ts'
import { put } from './faults/victim.ts'
import { allOctets } from './faults/watched-mail.ts'

/** A data folder with the users mario and anna, and a folder to keep backups in. */
export class BackupHouse implements AsyncDisposable {
  readonly folder: string
  readonly data: string
  readonly target: FolderTarget

  private constructor(folder: string) {
    this.folder = folder
    this.data = join(folder, 'data')
    this.target = new FolderTarget(join(folder, 'backups'))
  }

  static async make(): Promise<BackupHouse> {
    const house = new BackupHouse(await mkdtemp(join(tmpdir(), 'postino-backup-')))
    const directory = await Directory.open(house.data)
    await directory.addUser('mario', 'a password')
    await directory.addUser('anna', undefined)
    directory.close()
    new Secrets(house.data).seal('mario', 'secret')
    await house.target.make()
    await house.bring('anna', 'anna')
    return house
  }

  /** New mail for somebody, a message for each subject. */
  async bring(user: string, ...subjects: readonly string[]): Promise<void> {
    await this.store(async (store) => {
      const mail = await store.open(user)
      for (const subject of subjects) await put(mail, messageOf(subject))
    })
  }

  async store<T>(work: (store: DiskStore) => Promise<T>, data: string = this.data): Promise<T> {
    const store = new DiskStore(data)
    try {
      return await work(store)
    } finally {
      await store.close()
    }
  }

  backUp(options: BackupOptions = {}, target: Target = this.target): Promise<BackupReport> {
    return backUp(this.data, target, options)
  }

  async manifest(backup?: number): Promise<Manifest> {
    return (await pickBackup(this.target, { backup })).manifest
  }

  /** Restores a backup into a new folder; gives that, too. */
  async restored(backup?: number, target: Target = this.target): Promise<RestoreReport & { readonly into: string }> {
    const into = join(await mkdtemp(join(this.folder, 'restored-')), 'data')
    const { manifest } = await pickBackup(target, { backup })
    return { ...(await restore(target, manifest, into)), into }
  }

  /** The subjects of somebody's mail, each message verified. */
  subjects(user: string, data: string = this.data): Promise<string[]> {
    return this.store(async (store) => (await allOctets(await store.open(user))).map(subjectOf), data)
  }

  /** The names of the files of the target. */
  files(): string[] {
    const entries = readdirSync(this.target.place, { recursive: true, withFileTypes: true })
    return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
  }

  /** The pieces of the first segment of somebody. */
  pieces(user: string): string[] {
    return this.files()
      .filter((path) => path.includes(`/users/${user}/segments/`))
      .toSorted()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.folder, { recursive: true, force: true, maxRetries: 3 })
  }
}

export function messageOf(subject: string): string {
  return `Subject: ${subject}\r\n\r\n${`This is ${subject}.\r\n`.repeat(40)}`
}

function subjectOf(octets: Buffer): string {
  return /^Subject: (.*)\r/.exec(octets.toString())?.[1] ?? ''
}

/** What a file holds, in hexadecimal. */
export function octetsOf(path: string): string {
  return readFileSync(path).toString('hex')
}
