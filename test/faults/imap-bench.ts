import { fetchImap, type ImapFetchOptions, type ImapFetchReport } from '../../src/doors/fetch-imap.ts'
import type { Remote } from '../../src/doors/fetching.ts'
import { MemoryStore } from '../../src/store/memory.ts'
import type { Message, UserMail } from '../../src/store/store.ts'
import { HostileImap, type ImapHostility } from './hostile-imap.ts'
import { watch, type WatchedMail } from './watched-mail.ts'

/** A hostile server, mail at home, and what one session tells the next. */
export class ImapBench implements AsyncDisposable {
  readonly server: HostileImap
  readonly watched: WatchedMail
  readonly #store: MemoryStore
  state: ImapFetchReport['mailboxes'] = {}
  /** How long the fetch waits for a silent server (milliseconds): longer than any machine is busy. One that hangs is found out all the same. */
  patience = 30_000
  readonly remote: Remote

  private constructor(server: HostileImap, store: MemoryStore, mail: UserMail, remote: Partial<Remote>) {
    this.server = server
    this.#store = store
    this.watched = watch(mail)
    this.remote = {
      account: 'imap:mario@example.it',
      host: '127.0.0.1',
      port: server.port,
      tls: 'none',
      login: 'mario',
      password: 'secret',
      leave: 'forever',
      ...remote,
    }
  }

  static async open(hostility: ImapHostility = {}, remote: Partial<Remote> = {}): Promise<ImapBench> {
    const store = new MemoryStore()
    const server = await HostileImap.start(hostility)
    return new ImapBench(server, store, await store.open('mario'), remote)
  }

  get mail(): UserMail {
    return this.watched.mail
  }

  /** Fetches, and remembers what the next session is to be told. */
  async fetch(options: ImapFetchOptions & { remote?: Partial<Remote> } = {}): Promise<ImapFetchReport> {
    const { remote, ...more } = options
    const report = await fetchImap({ ...this.remote, ...remote }, this.mail, {
      patience: { connect: this.patience, silence: this.patience },
      state: this.state,
      ...more,
    })
    this.state = report.mailboxes
    return report
  }

  /** What is at home, by mailbox: the octets as text, in order of arrival. */
  async home(): Promise<Record<string, string[]>> {
    const home: Record<string, string[]> = {}
    for (const [mailbox, message] of await this.messages()) {
      const chunks: Uint8Array[] = []
      for await (const chunk of this.mail.bytes(message.id)) chunks.push(chunk)
      home[mailbox] = [...(home[mailbox] ?? []), Buffer.concat(chunks).toString('latin1')]
    }
    return home
  }

  /** The messages at home, each with the name of its mailbox. */
  async messages(): Promise<[string, Message][]> {
    return await this.mail.read((view) => {
      const names = new Map(view.mailboxes().map(({ id, name }) => [id, name]))
      return view.messages().map((message): [string, Message] => [names.get(message.mailbox) ?? '', message])
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server.close()
    await this.#store.close()
  }
}
