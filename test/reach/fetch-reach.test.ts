import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { test } from 'node:test'
import { pinOf } from '../../src/net/certificate-pin.ts'
import { makeSelfSigned, type SelfSigned } from '../../src/net/self-signed.ts'
import { HostileBench } from '../faults/hostile-bench.ts'
import type { Hostility } from '../faults/hostile-pop3.ts'
import { startHttp, startSocks } from './proxies.ts'

const year = 365 * 86_400_000

function made(): SelfSigned {
  return makeSelfSigned({
    name: 'x',
    hosts: ['pop.example.it'],
    addresses: [],
    from: Date.now() - year,
    until: Date.now() + year,
  })
}

function pin({ cert }: SelfSigned): string {
  return pinOf(new X509Certificate(cert))
}

async function bench(): Promise<HostileBench> {
  const opened = await HostileBench.open()
  opened.patience = 30_000
  opened.leave = 'delete'
  return opened
}

/** How a server speaks TLS, and the account for it. */
const ways = {
  implicit: (tls: SelfSigned): Hostility => ({ tls: { ...tls, implicit: true } }),
  starttls: (tls: SelfSigned): Hostility => ({ tls, capabilities: ['USER', 'UIDL', 'STLS', 'PIPELINING'] }),
}

for (const start of [startSocks, startHttp]) {
  for (const tls of ['none', 'starttls', 'implicit'] as const) {
    test(`${start.name}, TLS ${tls}: everything comes home through a proxy, which alone knows the server's name`, async () => {
      await using proxy = await start({ login: { name: 'mario', password: 'the proxy' } })
      await using it = await bench()
      const own = made()
      it.host = 'pop.example.it'
      it.tls = tls
      it.reach = { proxy: proxy.url.replace('://', '://mario:the%20proxy@'), trust: own.cert }
      const manners = tls === 'none' ? {} : ways[tls](own)
      const report = await it.fetch(manners)
      assert.deepEqual([report.error, report.new, report.deleted], [undefined, 8, 8])
      assert.deepEqual(proxy.asked, [`pop.example.it:${it.server.port}`])
    })
  }
}

test('a proxy that breaks off in the middle: what had come is kept, and the next fetch brings the rest', async () => {
  await using it = await bench()
  it.host = 'pop.example.it'
  {
    await using proxy = await startSocks()
    it.reach = { proxy: proxy.url }
    const report = await it.fetch({ drop: { number: 7, after: 100_000 } })
    assert.equal(report.error?.code, 'connection-lost')
    assert.ok(report.new >= 4)
  }
  const gone = await it.fetch()
  assert.match(gone.error?.message ?? '', /^no way to the proxy: 127\.0\.0\.1:\d+: nothing listens there/)
  await using proxy = await startHttp()
  it.reach = { proxy: proxy.url }
  await it.expectAllHome()
})

for (const [tls, manners] of Object.entries(ways)) {
  test(`TLS ${tls}: a pinned certificate that changes ends everything until somebody has said that it is right`, async () => {
    await using it = await bench()
    const [before, after] = [made(), made()]
    it.tls = tls === 'implicit' ? 'implicit' : 'starttls'
    it.reach = { pins: [pin(before)] }
    const first = await it.fetch({ ...manners(before), refuse: { number: 3, times: 1 } })
    assert.deepEqual([first.error, first.new], [undefined, 7])
    const commands = it.server.commands().length
    const changed = await it.fetch(manners(after))
    assert.equal(changed.error?.code, 'tls')
    assert.ok(changed.error.message.includes(`pinned is sha256:${pin(before)}, it shows sha256:${pin(after)}`))
    const said = it.server.commands().slice(commands)
    assert.deepEqual(
      said.filter((line) => !/^(?:CAPA|STLS)$/.test(line)),
      [],
    )
    it.reach = { pins: [pin(before), pin(after)] }
    await it.expectAllHome({}, manners(after))
  })
}

test('a proxy that makes no sense is told before anybody is connected to', async () => {
  await using it = await bench()
  it.reach = { proxy: 'ftp://mario:secret@proxy' }
  const { error } = await it.fetch()
  assert.equal(error?.code, 'usage')
  assert.doesNotMatch(error.message, /secret/)
  assert.deepEqual(it.server.steps, [])
})
