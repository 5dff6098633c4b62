import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fetchImap, type ImapFetchOptions, type ImapFetchReport } from '../../src/doors/fetch-imap.ts'
import type { Remote } from '../../src/doors/fetching.ts'
import { DiskStore } from '../../src/store/disk.ts'
import type { Message, UserMail } from '../../src/store/store.ts'
import { generateMessages } from '../corpus/generate.ts'
import { someMail } from '../faults/hostile-bench.ts'

/** Mail at home, and what one fetch tells the next. */
export class ImapHome implements AsyncDisposable {
  readonly folder: string
  readonly remote: Remote
  #store: DiskStore
  #mail: UserMail
  state: ImapFetchReport['mailboxes'] = {}

  private constructor(folder: string, store: DiskStore, mail: UserMail, remote: Remote) {
    this.folder = folder
    this.#store = store
    this.#mail = mail
    this.remote = remote
  }

  static async open(remote: Partial<Remote> & { port: number }): Promise<ImapHome> {
    const folder = mkdtempSync(join(tmpdir(), 'postino-imap-'))
    const store = new DiskStore(folder)
    return new ImapHome(folder, store, await store.open('mario'), {
      account: 'imap:mario@example.it',
      host: '127.0.0.1',
      tls: 'none',
      login: 'mario',
      password: 'secret',
      leave: 'forever',
      ...remote,
    })
  }

  get mail(): UserMail {
    return this.#mail
  }

  /** After another process has written into the folder. */
  async reopen(): Promise<void> {
    await this.#store.close()
    this.#store = new DiskStore(this.folder)
    this.#mail = await this.#store.open('mario')
  }

  async fetch(options: ImapFetchOptions & { remote?: Partial<Remote> } = {}): Promise<ImapFetchReport> {
    const { remote, ...more } = options
    const report = await fetchImap({ ...this.remote, ...remote }, this.#mail, { state: this.state, ...more })
    this.state = report.mailboxes
    return report
  }

  /** What is in a mailbox at home, in order of arrival. */
  async in(mailbox: string): Promise<{ octets: Buffer; flags: readonly string[]; received: number }[]> {
    const found: { octets: Buffer; flags: readonly string[]; received: number }[] = []
    const messages = await this.#mail.read((view): Message[] => {
      const box = view.mailbox(mailbox)
      return box === undefined ? [] : view.messages({ mailbox: box.id })
    })
    for (const { id, flags, received } of messages) {
      const chunks: Uint8Array[] = []
      for await (const chunk of this.#mail.bytes(id)) chunks.push(chunk)
      found.push({ octets: Buffer.concat(chunks), flags, received })
    }
    return found
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#store.close()
    rmSync(this.folder, { recursive: true, force: true })
  }
}

/** Mail as odd as there is, and some that is not. */
export function oddMail(): Buffer[] {
  const folder = new URL('../corpus/odd/', import.meta.url)
  const odd = readdirSync(folder)
    .filter((name) => name.endsWith('.eml'))
    .map((name) => readFileSync(new URL(name, folder)))
  const usual = [...generateMessages({ seed: 8, count: 30, profile: 'realistic' })].map((octets) => Buffer.from(octets))
  return [...odd, ...someMail().map(({ octets }) => octets), ...usual]
}
