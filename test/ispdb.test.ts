import assert from 'node:assert/strict'
import { execFile, execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { promisify } from 'node:util'
import { fillIspdb } from '../scripts/ispdb.ts'
import { discover } from '../src/accounts/discovery/discover.ts'
import { IspdbFolder } from '../src/accounts/discovery/ispdb-folder.ts'
import { makeSelfSigned } from '../src/net/self-signed.ts'

const licence = 'Mozilla Public License Version 2.0\n==================================\n'

const file = (host: string, ...domains: string[]): string => `<?xml version="1.0"?>
<clientConfig version="1.1">
  <!-- perché -->
  <emailProvider id="${domains[0]}">
    ${domains.map((domain) => `<domain>${domain}</domain>`).join('')}
    <incomingServer type="pop3"><hostname>${host}</hostname><port>995</port><socketType>SSL</socketType>
      <username>%EMAILLOCALPART%</username><authentication>password-cleartext</authentication></incomingServer>
  </emailProvider>
</clientConfig>
`

function checkout(
  t: TestContext,
  files: Readonly<Record<string, string>>,
  text = licence,
): { source: string; to: string } {
  const folder = mkdtempSync(join(tmpdir(), 'postino-ispdb-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const source = join(folder, 'checkout')
  mkdirSync(join(source, 'ispdb'), { recursive: true })
  writeFileSync(join(source, 'LICENSE'), text)
  for (const [name, content] of Object.entries(files)) writeFileSync(join(source, 'ispdb', name), content)
  return { source, to: join(folder, 'to') }
}

test('a folder is filled with the files as they are, their licence, and an index by which discovery finds them', async (t) => {
  const files = { 'posta.example.xml': file('pop.posta.example', 'posta.example', 'altra.example') }
  const { source, to } = checkout(t, files)
  assert.deepEqual(fillIspdb(source, to), { files: 1, domains: 2, remarks: [] })
  assert.deepEqual(readdirSync(to).toSorted(), ['LICENSE', 'index.json', 'posta.example.xml'])
  assert.equal(readFileSync(join(to, 'posta.example.xml'), 'utf8'), files['posta.example.xml'])
  assert.equal(readFileSync(join(to, 'LICENSE'), 'utf8'), licence)
  const ispdb = new IspdbFolder(to)
  const { found } = await discover('mario@altra.example', { offline: true, ispdb })
  assert.deepEqual([found?.server, found?.login, found?.source], ['pop.posta.example', 'mario', 'ispdb'])
  assert.ok(ispdb.hasHost('pop.posta.example'))
})

test('filled again, what is gone there is gone here, and what is ours stays', (t) => {
  const first = checkout(t, {
    'a.xml': file('pop.a.example', 'a.example'),
    'b.xml': file('pop.b.example', 'b.example'),
  })
  fillIspdb(first.source, first.to)
  writeFileSync(join(first.to, 'README.md'), 'ours')
  const second = checkout(t, { 'b.xml': file('pop2.b.example', 'b.example') })
  fillIspdb(second.source, first.to)
  assert.deepEqual(readdirSync(first.to).toSorted(), ['LICENSE', 'README.md', 'b.xml', 'index.json'])
})

test('what cannot be read is left out and named; of two files for one domain, the one that is called so counts', (t) => {
  const { source, to } = checkout(t, {
    'aaa.xml': file('pop.aaa.example', 'aaa.example', 'posta.example'),
    'broken.xml': '<clientConfig version="1.1">',
    'bomb.xml': file('x.example', 'x.example').replace('<clientConfig', '<!DOCTYPE x><clientConfig'),
    'latin1.xml': file('pop.y.example', 'y.example').replace('perché', '\u00ff'),
    'posta.example.xml': file('pop.posta.example', 'posta.example', 'not a domain'),
    'zzz.xml': file('pop.zzz.example', 'posta.example'),
  })
  writeFileSync(join(source, 'ispdb', 'latin1.xml'), Buffer.from(file('pop.y.example', 'y.example'), 'latin1'))
  symlinkSync('/etc/passwd', join(source, 'ispdb', 'link.xml'))
  const { files, remarks } = fillIspdb(source, to)
  assert.equal(files, 3)
  const expected = [
    /^bomb\.xml is left out: it has a document type/,
    /^broken\.xml is left out: it is not well-formed/,
    /^latin1\.xml is left out: /,
    /^posta\.example\.xml: no domain: not a domain/,
    /^posta\.example is in aaa\.xml and in posta\.example\.xml/,
    /^posta\.example is in posta\.example\.xml and in zzz\.xml/,
  ]
  assert.equal(remarks.length, expected.length, remarks.join('\n'))
  for (const [place, form] of expected.entries()) assert.match(remarks[place] ?? '', form)
  const { domains } = JSON.parse(readFileSync(join(to, 'index.json'), 'utf8')) as { domains: Record<string, string> }
  assert.deepEqual(domains, { 'aaa.example': 'aaa.xml', 'posta.example': 'posta.example.xml' })
})

test('without its licence, or with nothing that can be read, nothing is filled', (t) => {
  const files = { 'a.xml': file('pop.a.example', 'a.example') }
  const other = checkout(t, files, 'All rights reserved\n')
  assert.throws(() => fillIspdb(other.source, other.to), /no LICENSE that is the Mozilla Public License 2\.0/)
  const empty = checkout(t, {})
  assert.throws(() => fillIspdb(empty.source, empty.to), /has no \.xml files/)
  const broken = checkout(t, { 'a.xml': 'x' })
  assert.throws(() => fillIspdb(broken.source, broken.to), /none of the 1 files .* can be read/)
  for (const { to } of [other, empty, broken]) assert.throws(() => readdirSync(to), /ENOENT/)
})

test('the script takes an archive from an https server whose certificate is good, and nothing else', async (t) => {
  const { source, to } = checkout(t, { 'a.xml': file('pop.a.example', 'a.example') })
  const archive = execFileSync('tar', ['-czf', '-', '-C', join(source, '..'), 'checkout'])
  const now = Date.now()
  const addresses = [Uint8Array.of(127, 0, 0, 1)]
  const own = makeSelfSigned({ name: 'x', hosts: [], addresses, from: now - 3_600_000, until: now + 3_600_000 })
  const certificate = join(source, 'server.pem')
  writeFileSync(certificate, own.cert)
  const server = createServer(own, (request, response) => {
    if (request.url === '/ispdb.tar.gz') response.end(archive)
    else response.writeHead(404).end()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => void server.close())
  const { port } = server.address() as AddressInfo
  const run = async (url: string, env: Readonly<Record<string, string>> = {}): Promise<string> => {
    const script = join(import.meta.dirname, '../scripts/ispdb.ts')
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [script, url, to], {
      env: { ...process.env, ...env },
    }).catch((error: { stdout: string; stderr: string }) => error)
    return stdout + stderr
  }
  const trusted = { NODE_EXTRA_CA_CERTS: certificate }
  assert.match(await run(`https://127.0.0.1:${port}/ispdb.tar.gz`), /^ispdb: /)
  assert.match(await run(`https://127.0.0.1:${port}/other`, trusted), /answered 404/)
  assert.match(await run(`http://127.0.0.1:${port}/ispdb.tar.gz`, trusted), /is not https/)
  assert.throws(() => readdirSync(to), /ENOENT/)
  assert.equal(await run(`https://127.0.0.1:${port}/ispdb.tar.gz`, trusted), '1 files, 1 domains\n')
  assert.deepEqual(readdirSync(to).toSorted(), ['LICENSE', 'a.xml', 'index.json'])
})

test('what is shipped in data/ispdb has its notice, and where there is an index, every file of it can be read', async () => {
  const folder = join(import.meta.dirname, '../data/ispdb')
  assert.match(readFileSync(join(folder, 'README.md'), 'utf8'), /Mozilla Public License 2\.0/)
  const xml = readdirSync(folder).filter((name) => name.endsWith('.xml'))
  const ispdb = new IspdbFolder(folder)
  assert.equal(ispdb.isEmpty, xml.length === 0)
  if (xml.length === 0) return
  assert.ok(readFileSync(join(folder, 'LICENSE'), 'utf8').startsWith('Mozilla Public License'))
  const { domains } = JSON.parse(readFileSync(join(folder, 'index.json'), 'utf8')) as {
    domains: Record<string, string>
  }
  for (const domain of Object.keys(domains)) assert.ok(await ispdb.config(domain))
})
