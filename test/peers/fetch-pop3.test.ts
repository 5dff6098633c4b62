import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import { fetchPop3 } from '../../src/doors/fetch-pop3.ts'
import type { Remote } from '../../src/doors/fetching.ts'
import { octetsOf } from '../../src/store/contract-mail.ts'
import { MemoryStore } from '../../src/store/memory.ts'
import { generateMessages } from '../corpus/generate.ts'
import { startCourier } from './courier.ts'
import { startCyrus } from './cyrus.ts'
import { startDovecot } from './dovecot.ts'
import { peerFault } from './own-root.ts'
import { readWithPoplib } from './readers.ts'
import { available } from './run.ts'

// What POP3 servers of others give comes home byte for byte, in each TLS mode and by each mechanism that they have. Another program
// reads the same mail: what a server itself makes of odd octets is its own.

/** Mail as it is, and some that is odd: what every server takes. */
const letters = (): Uint8Array[] => [
  ...generateMessages({ seed: 9, count: 20, profile: 'realistic' }),
  Buffer.from('From: a@example.it\r\nSubject: dots\r\n\r\n.\r\n..\r\n.x\r\n\r\n.\r\n'),
  Buffer.from('From: a@example.it\r\nSubject: =?utf-8?q?perch=C3=A9?=\r\n\r\nperch\xe9 \xff and so on\r\n', 'latin1'),
  Buffer.from(`From: a@example.it\r\nSubject: long line\r\n\r\n${'x'.repeat(900)}\r\n`),
]

interface Server {
  readonly pop3: number
  readonly pop3s: number
  readonly certificate: string
}

async function fetchesAll(server: Server, tls: Remote['tls'], allow?: Remote['allow']): Promise<void> {
  const port = tls === 'implicit' ? server.pop3s : server.pop3
  const login = { host: '127.0.0.1', port, login: 'mario', password: 'secret' }
  const seen = await readWithPoplib({ ...login, tls })
  assert.equal(seen.length, letters().length)
  const mail = await new MemoryStore().open('mario')
  const trust = readFileSync(server.certificate, 'utf8').replace(/^[^]*(?=-----BEGIN CERTIFICATE)/, '')
  const remote: Remote = {
    account: 'pop3:mario@example.it',
    ...login,
    tls,
    leave: 'forever',
    reach: { trust },
    ...(allow && { allow }),
  }
  const report = await fetchPop3(remote, mail)
  assert.deepEqual([report.error, report.problems, report.new], [undefined, [], seen.length])
  const ids = await mail.read((view) => view.messages().map(({ id }) => id))
  const home = await Promise.all(ids.map((id) => octetsOf(mail, id)))
  const inOrder = (all: Buffer[]): string[] =>
    all.map((octets) => octets.toString('latin1')).toSorted((a, b) => (a < b ? -1 : 1))
  assert.deepEqual(inOrder(home), inOrder(seen))
  const again = await fetchPop3(remote, mail)
  assert.deepEqual([again.error, again.new, again.skipped], [undefined, 0, seen.length])
}

function folderFor(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'postino-fetch-'))
  t.after(() => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }))
  return folder
}

const reader = available('python3') ? undefined : 'python3 is not installed'

// Most of the time one waits for a server: several at a time.
describe('servers that are not ours', { concurrency: 3 }, () => {
  for (const [mechanisms, allow] of [
    ['plain', undefined],
    ['login', undefined],
    ['scram-sha-256', undefined],
    ['cram-md5', ['CRAM-MD5']],
    ['apop', ['APOP']],
  ] as const)
    test(`Dovecot by ${mechanisms}, with each TLS: byte for byte`, { timeout: 300_000 }, async (t) => {
      if (!available('dovecot') || reader !== undefined) return t.skip(reader ?? 'dovecot is not installed')
      // poplib knows only USER, which Dovecot has where it has PLAIN; for us the others come first, where they are to be used.
      const settings = `auth_mechanisms = ${mechanisms} plain\n`
      const dovecot = await startDovecot({ folder: folderFor(t), users: { mario: 'secret' }, tls: true, settings })
      t.after(() => dovecot.stop())
      dovecot.fill('mario', letters())
      const { pop3 = 0, pop3s = 0 } = dovecot.ports
      for (const tls of ['none', 'starttls', 'implicit'] as const)
        await fetchesAll({ pop3, pop3s, certificate: dovecot.certificate }, tls, allow)
    })

  test('Courier, with each TLS: byte for byte', { timeout: 300_000 }, async (t) => {
    const fault = reader ?? (await peerFault('courier'))
    if (fault !== undefined) return t.skip(fault)
    const courier = await startCourier({
      folder: folderFor(t),
      login: 'mario',
      password: 'secret',
      messages: letters(),
    })
    t.after(() => courier.stop())
    for (const tls of ['none', 'starttls', 'implicit'] as const)
      await fetchesAll({ ...courier.ports, certificate: courier.certificate }, tls)
  })

  test('Cyrus by SCRAM and by CRAM-MD5, with each TLS: byte for byte', { timeout: 300_000 }, async (t) => {
    const fault = reader ?? (await peerFault('cyrus'))
    if (fault !== undefined) return t.skip(fault)
    const cyrus = await startCyrus({ folder: folderFor(t), login: 'mario', password: 'secret', messages: letters() })
    t.after(() => cyrus.stop())
    const server = { ...cyrus.ports, certificate: cyrus.certificate }
    for (const tls of ['none', 'starttls', 'implicit'] as const) await fetchesAll(server, tls)
    await fetchesAll(server, 'implicit', ['CRAM-MD5'])
  })
})
