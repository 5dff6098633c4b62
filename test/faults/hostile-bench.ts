import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fetchPop3 } from '../../src/doors/fetch-pop3.ts'
import type { FetchOptions, FetchReport, Remote } from '../../src/doors/fetching.ts'
import { DiskStore } from '../../src/store/disk.ts'
import { MemoryStore } from '../../src/store/memory.ts'
import type { Store } from '../../src/store/store.ts'
import { hashOf, HostilePop3, type Hostility, type RemoteMessage, type Step } from './hostile-pop3.ts'
import { allHashes, watch, type WatchedMail } from './watched-mail.ts'

/** Some mail: what is odd is in the octets, so that each hostility meets it. */
export function someMail(): RemoteMessage[] {
  return [
    letter('a', 'Subject: one\r\n\r\nCiao\r\n'),
    letter('b', 'Subject: dots\r\n\r\n.\r\n..\r\n.x\r\n\r\n.\r\n'),
    letter('c', `Subject: some lines\r\n\r\n${'A line of text.\r\n'.repeat(2000)}`),
    letter('d', 'Subject: odd\r\n\r\nNUL \0 8-bit \xe9\xff bare \r and \n and \r\r\n\n\r\n'),
    letter('e', 'Subject: twice\r\n\r\nThe same.\r\n'),
    letter('f', 'Subject: twice\r\n\r\nThe same.\r\n'),
    letter('g', `Subject: one long line\r\n\r\n${'x'.repeat(1_500_000)}\r\n`),
    letter('h', '\r\n'),
  ]
}

/** A message of these octets, in Latin-1. */
export function letter(uniqueId: string, text: string): RemoteMessage {
  return { uniqueId, octets: Buffer.from(text, 'latin1') }
}

/** How often each is there. */
export function counts(hashes: readonly string[]): Map<string, number> {
  const found = new Map<string, number>()
  for (const hash of hashes) found.set(hash, (found.get(hash) ?? 0) + 1)
  return found
}

/** A hostile server, a store, and a judge of both. */
export class HostileBench implements AsyncDisposable {
  readonly server: HostilePop3
  #store: Store
  readonly data: string | undefined
  /** To be removed at the end. */
  readonly #folder: string | undefined
  #watched: WatchedMail
  /** Whatever was in the maildrop once, by unique-id there. */
  readonly #ever: RemoteMessage[]
  readonly #sentIn = new Map<number, string[]>()
  readonly violations: string[] = []
  leave: Remote['leave'] = 'forever'
  tls: Remote['tls'] = 'none'
  host = '127.0.0.1'
  reach: Remote['reach']
  /** How long the fetch waits for a silent server (milliseconds): longer than any machine is busy. A server that hangs is found out all the same. */
  patience = 30_000
  /** How far the clock of a fetch is ahead (milliseconds). */
  ahead = 0

  private constructor(
    server: HostilePop3,
    store: Store,
    folders: { data: string | undefined; own: string | undefined },
    watched: WatchedMail,
  ) {
    this.server = server
    this.#store = store
    this.data = folders.data
    this.#folder = folders.own
    this.#watched = watched
    this.#ever = [...server.messages]
  }

  /** With the store in memory, on disk, or in the folder `data`. */
  static async open(
    options: { disk?: boolean; data?: string; messages?: readonly RemoteMessage[] } = {},
  ): Promise<HostileBench> {
    const folder = options.disk === true ? await mkdtemp(join(tmpdir(), 'postino-hostile-')) : undefined
    const data = options.data ?? folder
    const store = data === undefined ? new MemoryStore() : new DiskStore(data)
    const server = await HostilePop3.start(options.messages ?? someMail())
    return new HostileBench(server, store, { data, own: folder }, watch(await store.open('mario')))
  }

  /** As after the end of one process and the start of another, and what happened to the folder of data between them. */
  async restart(between: () => void | Promise<void>): Promise<void> {
    assert.ok(this.data !== undefined)
    await this.#store.close()
    await between()
    this.#store = new DiskStore(this.data)
    const mail = await this.#store.open('mario')
    // A damaged message is not durable.
    this.#watched = watch(mail, await allHashes(mail).catch(() => []))
  }

  /** Puts a message into the maildrop. */
  arrive(message: RemoteMessage, place: number = this.server.messages.length): void {
    this.#ever.push(message)
    this.server.messages = this.server.messages.toSpliced(place, 0, message)
  }

  /** Takes a message out of the maildrop, as somebody else's program does. */
  vanish(uniqueId: string): void {
    this.server.messages = this.server.messages.filter((each) => each.uniqueId !== uniqueId)
  }

  /** The account that is fetched from. */
  get remote(): Remote {
    return {
      account: 'pop3:mario@example.it',
      host: this.host,
      port: this.server.port,
      tls: this.tls,
      login: 'mario',
      password: 'secret',
      leave: this.leave,
      ...(this.reach && { reach: this.reach }),
    }
  }

  /** Fetches while the server behaves so. */
  async fetch(hostility: Hostility = {}, options: FetchOptions = {}): Promise<FetchReport> {
    const report = await this.fetchUnjudged(hostility, options)
    assert.deepEqual(this.violations, [])
    await this.expectNothingStrange()
    return report
  }

  /** The same where what the server sends is not what it has. */
  async fetchUnjudged(hostility: Hostility, options: FetchOptions = {}): Promise<FetchReport> {
    await this.server.idle()
    this.server.hostility = { ...hostility, onStep: (step) => this.#judge(step) }
    const patience = { connect: this.patience, silence: this.patience }
    const now = (): number => Date.now() + this.ahead
    return await fetchPop3(this.remote, this.#watched.mail, { patience, now, ...options })
  }

  /** Everything that was sent must be durable before DELE of it, and before QUIT (law 1). */
  #judge(step: Step): void {
    const { durable } = this.#watched
    const verb = step.text.split(' ', 1)[0]?.toUpperCase()
    if (step.what === 'sent' && step.hash !== undefined) {
      const sent = this.#sentIn.get(step.session)
      if (sent === undefined) this.#sentIn.set(step.session, [step.hash])
      else sent.push(step.hash)
    } else if (step.what === 'command' && verb === 'DELE' && (step.hash === undefined || !durable.has(step.hash))) {
      this.violations.push(`${step.text} before its message was durable`)
    } else if (step.what === 'command' && verb === 'QUIT') {
      const early = (this.#sentIn.get(step.session) ?? []).filter((hash) => !durable.has(hash))
      if (early.length > 0) this.violations.push(`QUIT before ${early.length} messages were durable`)
    }
  }

  /** The hashes of what is kept, in order of arrival. */
  async kept(): Promise<string[]> {
    return await allHashes(this.#watched.mail)
  }

  /** Nothing is kept that was never there, nothing more often than it was there; all that was deleted there is kept here. */
  async expectNothingStrange(): Promise<void> {
    const left = counts(this.#ever.map(({ octets }) => hashOf(octets)))
    const kept = await this.kept()
    for (const hash of kept) {
      const more = left.get(hash) ?? 0
      assert.notEqual(more, 0, 'a message is kept that was never sent, or it is kept twice')
      left.set(hash, more - 1)
    }
    const here = counts(kept)
    for (const { hash = '', text } of this.server.committed()) {
      const more = here.get(hash) ?? 0
      assert.notEqual(more, 0, `message ${text} was deleted at the server and is not here`)
      here.set(hash, more - 1)
    }
  }

  /**
   * The same of a fetch in another process, which may have been killed: what it deleted, or only marked as deleted, is here; and all that
   * was sent to it in a session that it meant to end well.
   */
  async expectDurable(): Promise<void> {
    await this.expectNothingStrange()
    const kept = new Set(await this.kept())
    const { steps } = this.server
    const quit = new Set(
      steps.filter(({ what, text }) => what === 'command' && text === 'QUIT').map((step) => step.session),
    )
    for (const { what, session, text, hash = '' } of steps) {
      const must =
        what === 'committed' ||
        (what === 'command' && text.startsWith('DELE')) ||
        (what === 'sent' && quit.has(session))
      assert.ok(!must || kept.has(hash), `${what} ${text}: its message is not here`)
    }
  }

  /** With the server in order again, everything comes home, once; a further fetch finds nothing new. */
  async expectAllHome(options: FetchOptions = {}, manners: Hostility = {}): Promise<void> {
    const good = await this.fetch(manners, options)
    assert.equal(good.error, undefined)
    assert.deepEqual([good.failed, good.problems], [0, []])
    const ever = this.#ever.map(({ octets }) => hashOf(octets))
    assert.deepEqual((await this.kept()).toSorted(), ever.toSorted())
    if (this.leave === 'delete') assert.deepEqual(this.server.messages, [])
    const again = await this.fetch(manners, options)
    assert.deepEqual([again.error, again.new, again.failed], [undefined, 0, 0])
  }

  /** The verbs of the last session. */
  lastVerbs(): string[] {
    const session = this.server.steps.at(-1)?.session
    return this.server.commands(session).map((line) => line.split(' ', 1)[0] ?? '')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server.close()
    await this.#store.close()
    if (this.#folder !== undefined) await rm(this.#folder, { recursive: true })
  }
}
