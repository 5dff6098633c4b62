import assert from 'node:assert/strict'
import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises'
import { connect, createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import { examine, type Findings } from '../src/doctor/examine.ts'
import { ruleIds } from '../src/doctor/rules/index.ts'
import { generateMessages } from './corpus/generate.ts'
import { postino } from './cli/postino.ts'

// `postino doctor` against `postino serve`: the way in for others' eyes, so both are the real programs.

/** Messages that have something to show: dots, UTF-8 in addresses, bare LF, no end. The last one is removed. */
const messages: readonly string[] = [
  'From: a@example.it\r\nSubject: dots\r\n\r\n.one\r\n..two\r\n.\r\nend\r\n',
  'From: Jos\u00e9 <jos\u00e9@b\u00fccher.example>\r\nSubject: perch\u00e9 no\r\n\r\nCiao\r\n',
  'From: a@example.it\nSubject: lines that end in LF\n\none\n.two\n',
  'From: a@example.it\r\nSubject: no end\r\n\r\nthe last line has none',
  'From: a@example.it\r\nSubject: only a header\r\n',
  'From: a@example.it\r\nSubject: removed by the examination\r\n\r\nbye\r\n',
]

/** A `serve` with one user and mail; gives its ports and the file of its certificate. */
async function served(t: TestContext, mail: Iterable<string | Uint8Array> = messages) {
  const { data, run, json, serve } = await postino(t)
  await run(['user', 'add', 'mario', '--password-stdin'], { input: 'secret\n' })
  const folder = join(data, 'mail')
  await mkdir(folder)
  let count = 0
  for (const message of mail) await writeFile(join(folder, `${String(count++).padStart(5, '0')}.eml`), message)
  await run(['import', folder])
  const { ports } = await serve()
  const names = await readdir(data, { recursive: true })
  const certificate = join(data, names.find((name) => name.endsWith('certificate.pem')) ?? '')
  return { ports, certificate, run, json }
}

interface Report {
  passed: boolean
  untried: number
  rules: { id: string; level: string; result: string; why?: string; seen?: string }[]
}

// Most of the time one waits for the answer to a wrong password.
describe('our own server', { concurrency: true }, () => {
  for (const how of ['none', 'starttls', 'implicit'] as const)
    test(`all rules hold, also the destructive ones: tls ${how}`, async (t) => {
      const { ports, certificate, json } = await served(t)
      const url =
        how === 'implicit'
          ? `pop3s://mario@127.0.0.1:${ports['pop3s']}`
          : `pop3://mario@127.0.0.1:${ports['pop3']}?tls=${how}`
      const words = ['doctor', url, '--password-stdin', '--certificate', certificate, '--destructive', '--quiet']
      const [report] = (await json(words, { input: 'secret\n' })) as unknown as [Report]
      assert.equal(report.rules.length, ruleIds.length)
      const broken = report.rules.filter(({ level, result }) => result === 'fails' && level !== 'informative')
      assert.deepEqual(broken, [])
      // Nothing is left out for want of something that ours has.
      const untried = report.rules.filter(({ result }) => result === 'untried').map(({ id }) => id)
      for (const id of [
        'retr-dots-stuffed',
        'lang-list',
        'utf8-octets',
        'utf8-surrogate-octets',
        'auth-scram',
        'quit-removes',
        'lock-in-use',
      ])
        assert.ok(!untried.includes(id), id)
    })
})

test('without --destructive nothing in the maildrop changes', async (t) => {
  const { ports, run, json } = await served(t, generateMessages({ seed: 3, count: 12, profile: 'odd' }))
  const before = await json(['list', '--user', 'mario'])
  const url = `pop3://mario@127.0.0.1:${ports['pop3']}`
  await run(['doctor', url, '--password-stdin'], { input: 'secret\n' })
  assert.equal(before.length, 12)
  assert.deepEqual(await json(['list', '--user', 'mario']), before)
})

/** Passes everything on, the server's answers changed. */
async function between(t: TestContext, port: number, change: (answer: string) => string): Promise<number> {
  const proxy = createServer((client) => {
    const server = connect({ port, host: '127.0.0.1', noDelay: true })
    client.on('data', (chunk) => server.write(chunk))
    server.on('data', (chunk) => client.write(Buffer.from(change(chunk.toString('latin1')), 'latin1')))
    for (const [one, other] of [
      [client, server],
      [server, client],
    ] as const)
      one
        .on('error', () => other.destroy())
        .on('end', () => other.end())
        .on('close', () => other.destroy())
  })
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
  t.after(() => proxy.close())
  return (proxy.address() as AddressInfo).port
}

/** Servers that are wrong in one way, and the rule that must notice. */
const wrongs: readonly (readonly [string, string, (answer: string) => string])[] = [
  ['dots are not stuffed', 'retr-dots-stuffed', (answer) => answer.replace(/^\.\./gm, '.')],
  [
    'sizes are one too small',
    'retr-octets',
    (answer) => answer.replace(/^(1 )(\d+)(?=\r)/gm, (_, n, size) => `${n}${Number(size) - 1}`),
  ],
  ['STAT counts one too many', 'stat-sums-list', (answer) => answer.replace(/^\+OK 6 (\d+)\r/, '+OK 7 $1\r')],
  ['the status is in lower case', 'replies-status', (answer) => answer.replace(/^\+OK/, '+ok')],
  ['lines end in LF', 'replies-end-in-crlf', (answer) => answer.replace(/^(\+OK [^\r]*)\r\n$/, '$1\n')],
  ['the second log-in is not told in-use', 'lock-in-use', (answer) => answer.replace('[IN-USE] ', '')],
  [
    'two messages have one unique-id',
    'uidl-unique',
    (answer) => answer.replace(/^1 (\S*[a-z]\S*)\r\n2 \S+/m, '1 $1\r\n2 $1'),
  ],
  ['EXPIRE has no number', 'capa-expire-form', (answer) => answer.replace(/^EXPIRE .*\r/m, 'EXPIRE soon\r')],
  ['the empty challenge says something', 'auth-empty-challenge', (answer) => answer.replace(/^\+ \r/, '+ go on\r')],
  ['TOP gives a line too many', 'top-header', (answer) => answer.replace(/\r\n\r\n\.\r\n$/, '\r\n\r\nmore\r\n.\r\n')],
]

test('a server that is wrong in one way is found out', async (t) => {
  const { ports } = await served(t)
  for (const [what, id, change] of wrongs)
    await t.test(what, async (t) => {
      const found = await examined(await between(t, ports['pop3'] ?? 0, change))
      const verdict = found.findings.find(({ rule }) => rule.id === id)?.verdict
      assert.equal(verdict?.result, 'fails', JSON.stringify(verdict))
    })
})

async function examined(port: number): Promise<Findings> {
  const credentials = { login: 'mario', password: 'secret' }
  const target = { host: '127.0.0.1', port, tls: 'none', inTheClear: true, credentials } as const
  return await examine({ target, destructive: false, patience: 30_000 })
}

test('docs/doctor.md lists every rule as it is', async () => {
  const { rulesTable } = await import('../scripts/doctor-rules.ts')
  const text = await readFile(new URL('../docs/doctor.md', import.meta.url), 'utf8')
  assert.ok(text.includes(rulesTable()), 'run `node scripts/doctor-rules.ts`')
})
