import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { StoreError, type StoreCode } from '../../src/errors.ts'
import { stage } from '../../src/store/contract-mail.ts'
import { DiskStore } from '../../src/store/disk.ts'
import type { UserMail } from '../../src/store/store.ts'
import { allOctets } from './watched-mail.ts'

/** A folder of data that a test spoils. */
export class Victim implements AsyncDisposable {
  readonly folder: string
  store: DiskStore
  readonly #own: boolean

  private constructor(folder: string, own: boolean) {
    this.folder = folder
    this.#own = own
    this.store = new DiskStore(folder)
  }

  /** With ten messages of mario's and one of anna's. */
  static async make(folder?: string): Promise<Victim> {
    const victim = new Victim(folder ?? (await mkdtemp(join(tmpdir(), 'postino-disk-'))), folder === undefined)
    const mario = await victim.store.open('mario')
    for (let n = 0; n < 10; n++) await put(mario, messageOf(n))
    await put(await victim.store.open('anna'), 'Subject: anna\r\n\r\n')
    return victim
  }

  path(...parts: string[]): string {
    return join(this.folder, 'users', 'mario', ...parts)
  }

  get segment(): string {
    const names = readdirSync(this.path('segments'))
    assert.equal(names.length, 1)
    return this.path('segments', names[0] ?? '')
  }

  /** As after the end of one process and the start of another. */
  async reopen(): Promise<void> {
    await this.store.close()
    this.store = new DiskStore(this.folder)
  }

  /** The same for a process that did not end well: what it would have tidied up is still there. */
  async spoil(work: () => void): Promise<void> {
    await this.store.close()
    work()
    this.store = new DiskStore(this.folder)
  }

  async annaStillWorks(): Promise<void> {
    const anna = await this.store.open('anna')
    const before = (await allOctets(anna)).length
    await put(anna, `Subject: anna ${before}\r\n\r\n`)
    assert.equal((await allOctets(anna)).length, before + 1)
    assert.deepEqual((await this.store.check('anna')).problems, [])
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.store.close()
    if (this.#own) await rm(this.folder, { recursive: true })
  }
}

/** One of mario's first ten messages, from 0. */
export function messageOf(n: number): string {
  return `Subject: message ${n}\r\n\r\n${`Line of message ${n}.\r\n`.repeat(50)}`
}

/** Adds a message to INBOX. */
export async function put(mail: UserMail, octets: string | Buffer): Promise<void> {
  const staged = await stage(mail, octets, 'wire')
  try {
    await mail.change((draft) => draft.add(staged, { mailbox: draft.openMailbox('INBOX'), received: 0 }))
  } finally {
    staged.discard()
  }
}

/** For `assert.rejects`: a StoreError of this code, with these words in what it says. */
export function isStoreError(code: StoreCode, ...words: string[]): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof StoreError, String(error))
    assert.equal(error.code, code, error.message)
    for (const word of words) assert.ok(error.message.includes(word), `${word} is not in: ${error.message}`)
    return true
  }
}

/** The subjects of all messages, in the order in which they came. */
export async function subjects(mail: UserMail): Promise<string[]> {
  return (await allOctets(mail)).map((octets) => /^Subject: (.*)\r/.exec(octets.toString())?.[1] ?? '')
}

/** The subjects of mario's messages in a new victim. */
export const all: readonly string[] = Array.from({ length: 10 }, (_, n) => `message ${n}`)
