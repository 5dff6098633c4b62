import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { DiskStore } from '../store/disk.ts'
import { heldTogether } from '../store/staging.ts'
import { HostilePop3, hashOf } from '../../test/faults/hostile-pop3.ts'
import { allHashes } from '../../test/faults/watched-mail.ts'
import { fetchPop3 } from './fetch-pop3.ts'
import { Loans } from './loans.ts'

/** Node reads so much from a socket at once (octets). */
const piece = 64 << 10

test(
  'a server that lists large messages as small does not fill the memory, and all of them come',
  { timeout: 60_000 },
  async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'postino-held-'))
    const store = new DiskStore(folder)
    const messages = Array.from({ length: 40 }, (_, nth) => ({
      uniqueId: `id-${nth}`,
      octets: Buffer.from(`Message-ID: <${nth}@example.it>\r\n\r\n${`A line of ${nth}.\r\n`.repeat(200_000)}`),
    }))
    const capabilities = ['USER', 'UIDL', 'TOP', 'PIPELINING']
    await using stack = new AsyncDisposableStack()
    stack.defer(async () => await rm(folder, { recursive: true }))
    stack.defer(async () => await store.close())
    const server = await HostilePop3.start(messages, { capabilities, listedSize: () => 10 })
    stack.defer(async () => await server.close())
    let most = 0
    const begin = Reflect.get(Loans.prototype, 'begin', Loans.prototype) as (this: Loans, octets: Uint8Array) => void
    t.mock.method(Loans.prototype, 'begin', function (this: Loans, octets: Uint8Array) {
      begin.call(this, octets)
      most = Math.max(most, this.size)
    })
    const mail = await store.open('mario')
    const report = await fetchPop3(
      {
        account: 'pop3:mario@example.it',
        host: '127.0.0.1',
        port: server.port,
        tls: 'none',
        login: 'mario',
        password: 'secret',
        leave: 'forever',
      },
      mail,
    )
    assert.deepEqual([report.error, report.new, report.problems], [undefined, messages.length, []])
    // What is believed, and waits to become durable, may be as much again; of each message, what begins it and a little more.
    const all = 2 * heldTogether + messages.length * 3 * piece
    assert.ok(most * piece <= all, `${most} pieces of memory were held`)
    assert.deepEqual((await allHashes(mail)).toSorted(), messages.map(({ octets }) => hashOf(octets)).toSorted())
  },
)
