import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { TestContext } from 'node:test'
import { generateMessages } from '../corpus/generate.ts'
import type { Collect, Collected } from './collect.ts'
import { startDovecot } from './dovecot.ts'
import type { Dovecot } from './dovecot.ts'
import { dovecotLda, runFetchmail } from './fetchmail.ts'
import { runGetmail } from './getmail.ts'
import { readMaildir } from './maildir.ts'
import { runMpop } from './mpop.ts'
import { readWithCurl, readWithPoplib } from './readers.ts'
import type { Reading } from './readers.ts'
import { available } from './run.ts'

const usual = Array.from(generateMessages({ seed: 1, count: 20, profile: 'realistic' }), (message) =>
  Buffer.from(message),
)
const odd = Array.from(generateMessages({ seed: 1, count: 22, profile: 'odd' }), (message) => Buffer.from(message))

let folder = ''
let dovecot: Dovecot | undefined

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'postino-peers-'))
  if (!available('dovecot')) return
  dovecot = await startDovecot({
    folder: join(folder, 'dovecot'),
    users: { usual: 'secret', odd: 'secret' },
    tls: true,
  })
  dovecot.fill('usual', usual)
  dovecot.fill('odd', odd)
})

after(async () => {
  await dovecot?.stop()
  rmSync(folder, { recursive: true, force: true })
})

type Security = 'implicit' | 'starttls' | 'none'

/** Where to read; undefined, and the test skipped, where the peers for it are not installed. */
function reading(t: TestContext, program: string, login: 'usual' | 'odd', tls: Security): Reading | undefined {
  for (const name of ['dovecot', program]) {
    if (available(name)) continue
    t.skip(`${name} is not installed`)
    return undefined
  }
  const port = dovecot?.ports[tls === 'implicit' ? 'pop3s' : 'pop3'] ?? 0
  return { host: '127.0.0.1', port, tls, login, password: 'secret' }
}

for (const tls of ['none', 'starttls', 'implicit'] as const) {
  test(`poplib reads from Dovecot what was put there (TLS: ${tls})`, async (t) => {
    const from = reading(t, 'python3', 'odd', tls)
    if (from) assert.deepEqual(await readWithPoplib(from), odd)
  })

  test(`curl reads from Dovecot what was put there (TLS: ${tls})`, async (t) => {
    const from = reading(t, 'curl', 'odd', tls)
    if (from) assert.deepEqual(await readWithCurl(from), odd)
  })
}

/**
 * Programs that deliver with LF at the lines' ends, perhaps with fields of their own before or among the header's. On odd mail
 * getmail 6.18 rewrites bodies and stops at octets that are no UTF-8, and fetchmail 6.4 drops a message without a header.
 */
const collectors: Readonly<Record<string, readonly [(options: Collect) => Promise<Collected>, readonly Security[]]>> = {
  mpop: [runMpop, ['none', 'starttls', 'implicit']],
  getmail: [runGetmail, ['none', 'implicit']],
  fetchmail: [runFetchmail, ['none', 'starttls', 'implicit']],
}

for (const [program, [collect, securities]] of Object.entries(collectors)) {
  for (const tls of securities) {
    test(`${program} fetches every message, and then nothing new (TLS: ${tls})`, async (t) => {
      const from = reading(t, program, 'usual', tls)
      if (!from) return
      const target = { ...from, folder: join(folder, `${program}-${tls}`) }
      const first = await collect(target)
      assert.equal(first.messages, usual.length)
      assert.equal((await collect(target)).messages, 0)
      const identifiers = (list: readonly Buffer[]): string[] =>
        list.map((octets) => /^Message-ID: (\S+)/im.exec(octets.toString('latin1'))?.[1] ?? 'none').toSorted()
      assert.deepEqual(identifiers(readMaildir(join(target.folder, 'Maildir'))), identifiers(usual))
    })
  }
}

test('mpop leaves every octet but the CRs as it was', async (t) => {
  const from = reading(t, 'mpop', 'odd', 'none')
  if (!from) return
  const target = { ...from, folder: join(folder, 'mpop-octets') }
  await runMpop(target)
  const sorted = (list: readonly Buffer[]): string[] => list.map((octets) => octets.toString('latin1')).toSorted()
  const lineFeeds = odd.map((message) => Buffer.from(message.toString('latin1').replaceAll('\r\n', '\n'), 'latin1'))
  assert.deepEqual(sorted(readMaildir(join(target.folder, 'Maildir'))), sorted(lineFeeds))
})

test('fetchmail delivers by dovecot-lda', async (t) => {
  const from = reading(t, 'fetchmail', 'usual', 'none')
  if (!from) return
  if (!existsSync(dovecotLda)) return t.skip('dovecot-lda is not installed')
  const target = { ...from, folder: join(folder, 'fetchmail-lda'), delivery: 'dovecot-lda' as const }
  assert.equal((await runFetchmail(target)).messages, usual.length)
})
