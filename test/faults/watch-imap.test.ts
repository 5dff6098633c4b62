import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { PostinoError } from '../../src/errors.ts'
import { watchImap, type WatchOptions } from '../../src/doors/watch-imap.ts'
import { usualCapabilities } from './hostile-imap-answers.ts'
import { ImapBench } from './imap-bench.ts'

class Watch {
  readonly troubles: PostinoError[] = []
  /** How long it would have waited between two tries, milliseconds. */
  readonly waits: number[] = []
  readonly #stop = new AbortController()
  readonly #ended: Promise<string>
  #news = 0
  #told = 0

  constructor(bench: ImapBench, options: Partial<WatchOptions> = {}) {
    this.#ended = watchImap(bench.remote, {
      onNews: () => void this.#news++,
      onTrouble: (error) => void this.troubles.push(error),
      signal: this.#stop.signal,
      wait: (milliseconds) => Promise.resolve(void this.waits.push(milliseconds)),
      random: () => 0.5,
      patience: { connect: 30_000, silence: 30_000 },
      ...options,
    })
  }

  /** Resolves when something was told that was not told before. */
  async news(): Promise<void> {
    while (this.#news === this.#told) await sleep(5)
    this.#told = this.#news
  }

  get told(): number {
    return this.#news
  }

  async stop(): Promise<string> {
    this.#stop.abort()
    return await this.#ended
  }

  get ended(): Promise<string> {
    return this.#ended
  }
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await sleep(5)
}

test(
  'news of a mailbox is told as it comes, many at once as one; deletions are none',
  { timeout: 600_000 },
  async () => {
    await using bench = await ImapBench.open()
    const watch = new Watch(bench)
    await until(() => bench.server.idlers === 1)
    for (const octets of ['a', 'b', 'c']) bench.server.put('INBOX', octets)
    await watch.news()
    assert.equal(watch.told, 1)
    bench.server.setFlags('INBOX', 1, ['\\Seen'])
    await watch.news()
    bench.server.tell('* 1 EXPUNGE')
    bench.server.put('INBOX', 'd')
    await watch.news()
    assert.equal(watch.told, 3)
    assert.equal(await watch.stop(), 'stopped')
    assert.deepEqual(watch.troubles, [])
  },
)

test('IDLE is renewed in time', { timeout: 600_000 }, async () => {
  await using bench = await ImapBench.open()
  const watch = new Watch(bench, { renewal: 50 })
  await until(() => bench.server.said('IDLE').length >= 4)
  bench.server.put('INBOX', 'a')
  await watch.news()
  await watch.stop()
  assert.equal(bench.server.said('EXAMINE').length, 1)
})

test(
  'a connection that is lost is made anew, and what may have come meanwhile is told',
  { timeout: 600_000 },
  async () => {
    await using bench = await ImapBench.open()
    const watch = new Watch(bench)
    await until(() => bench.server.idlers === 1)
    for (const socket of bench.server.sockets) socket.destroy()
    await watch.news()
    await until(() => bench.server.idlers === 1)
    assert.equal(watch.troubles[0]?.code, 'connection-lost')
    bench.server.put('INBOX', 'a')
    await watch.news()
    await watch.stop()
  },
)

test('a server that cannot be reached is tried ever more seldom', { timeout: 600_000 }, async () => {
  await using bench = await ImapBench.open({ instead: { AUTHENTICATE: 'NO [UNAVAILABLE] later' } })
  const watch = new Watch(bench)
  await until(() => watch.waits.length === 10)
  bench.server.hostility = {}
  await watch.news()
  await watch.stop()
  const seconds = watch.waits.map((milliseconds) => milliseconds / 1000)
  assert.deepEqual(seconds.slice(0, 10), [5, 10, 20, 40, 80, 160, 320, 640, 900, 900])
})

test('where the server knows no IDLE, or refuses it, nobody watches', { timeout: 600_000 }, async () => {
  for (const hostility of [
    { capabilities: usualCapabilities.filter((name) => name !== 'IDLE') },
    { instead: { IDLE: 'NO not here' } },
  ]) {
    await using bench = await ImapBench.open(hostility)
    assert.equal(await new Watch(bench).ended, 'no-idle')
  }
})

test('a watch that is stopped before it began, or while it waits, ends', { timeout: 600_000 }, async () => {
  await using bench = await ImapBench.open({ instead: { AUTHENTICATE: 'NO [AUTHENTICATIONFAILED] wrong' } })
  assert.equal(await new Watch(bench).stop(), 'stopped')
  // Really waiting, and an hour at that: a wrong password tried too often locks some accounts.
  const watch = new Watch(bench, { wait: undefined })
  await until(() => watch.troubles.length === 1)
  assert.equal(await watch.stop(), 'stopped')
})
