import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { postino, type Postino, type Serving } from '../cli/postino.ts'
import { generateMessages } from '../corpus/generate.ts'
import type { Profile } from '../corpus/generate.ts'
import { PlainPop3 } from '../faults/plain-pop3.ts'
import type { Collect, Collected } from './collect.ts'
import { startDovecot } from './dovecot.ts'
import type { Dovecot } from './dovecot.ts'
import { runFetchmail } from './fetchmail.ts'
import { runGetmail } from './getmail.ts'
import { readMaildir } from './maildir.ts'
import { mpopMethods, runMpop } from './mpop.ts'
import { readWithCurl, readWithMutt, readWithPerl, readWithPoplib } from './readers.ts'
import type { Reading } from './readers.ts'
import { available, runWell } from './run.ts'

// The mail programs of others read from a real `postino serve` what was put there.

type Security = 'none' | 'starttls' | 'implicit'
const securities: readonly Security[] = ['none', 'starttls', 'implicit']

const odd = messages('odd')
const usual = messages('realistic')

function messages(profile: Profile): Buffer[] {
  return Array.from(generateMessages({ seed: 1, count: 22, profile }), (message) => Buffer.from(message))
}

/** The odd files of the corpus: NUL, bare LF, bare CR, no header, no end of the last line. */
const files = readdirSync(new URL('../corpus/odd/', import.meta.url))
  // One with UTF-8 in its header is not given as it is to who has not asked for that (RFC 6856 §2).
  .filter((name) => name.endsWith('.eml') && name !== 'raw-utf8-header.eml')
  .map((name) => readFileSync(new URL(`../corpus/odd/${name}`, import.meta.url)))
  .filter((octets) => octets.length > 0)

/** As it goes over the wire: where it has LF only, each is CRLF; and the last line has an end. */
function onTheWire(kept: Buffer): Buffer {
  const text = kept.toString('latin1')
  const lines = text.includes('\r\n') ? text : text.replaceAll('\n', '\r\n')
  return Buffer.from(lines.endsWith('\r\n') ? lines : `${lines}\r\n`, 'latin1')
}

/** As programs write it that end lines with LF. */
function withLineFeeds(octets: Buffer): Buffer {
  return Buffer.from(octets.toString('latin1').replaceAll('\r\n', '\n'), 'latin1')
}

function sorted(list: readonly Buffer[]): string[] {
  return list.map((octets) => octets.toString('latin1')).toSorted()
}

interface Served {
  readonly mine: Postino
  readonly started: Serving
  readonly reading: (login: string, tls: Security) => Reading & { readonly certificate: string }
}

/** A Postino that serves the odd messages to `odd`, the usual ones to `usual`, and the corpus's files to `files`. */
async function served(t: TestContext): Promise<Served> {
  const mine = await postino(t)
  for (const [user, mail] of Object.entries({ odd, usual, files })) {
    await mine.run(['user', 'add', user, '--password-stdin'], { input: 'secret\n' })
    const from = join(mine.data, '..', user)
    mkdirSync(from)
    for (const [place, octets] of mail.entries())
      writeFileSync(join(from, `${String(place).padStart(3, '0')}.eml`), octets)
    assert.equal((await mine.run(['import', from, '--user', user])).code, 0)
  }
  const started = await mine.serve()
  return {
    mine,
    started,
    reading: (login, tls) => ({
      host: '127.0.0.1',
      port: started.ports[tls === 'implicit' ? 'pop3s' : 'pop3'] ?? 0,
      tls,
      login,
      password: 'secret',
      certificate: join(mine.data, 'tls', 'certificate.pem'),
    }),
  }
}

/** What each program gives, of a maildrop that holds `wanted` (as on the wire), byte for byte. */
const readers: Readonly<
  Record<string, { readonly read: (from: Reading) => Promise<Buffer[]>; readonly as: (wanted: Buffer[]) => Buffer[] }>
> = {
  curl: { read: readWithCurl, as: (wanted) => wanted },
  python3: { read: readWithPoplib, as: (wanted) => wanted },
  perl: {
    read: async (from) => (await readWithPerl(from)).map(withLineFeeds),
    as: (wanted) => wanted.map(withLineFeeds),
  },
  mutt: { read: readWithMutt, as: (wanted) => wanted.map(withLineFeeds) },
}

test('curl, poplib, Net::POP3 and mutt read a maildrop of odd messages byte for byte, plain and by TLS', async (t) => {
  const { reading } = await served(t)
  for (const [program, { read, as }] of Object.entries(readers)) {
    for (const tls of securities) {
      await t.test(`${program}, TLS: ${tls}`, async (each) => {
        if (!available(program)) return each.skip(`${program} is not installed`)
        // In mutt's Maildir they are in no order.
        assert.deepEqual(sorted(await read(reading('odd', tls))), sorted(as(odd)))
      })
    }
  }
  await t.test('curl: NUL, bare LF, bare CR and lines without an end', async (each) => {
    if (!available('curl')) return each.skip('curl is not installed')
    assert.deepEqual(await readWithCurl(reading('files', 'implicit')), files.map(onTheWire))
  })
})

/** Programs that fetch into a Maildir, and the ways in which they speak TLS. getmail has no STLS. */
const collectors: Readonly<
  Record<string, { readonly collect: (options: Collect) => Promise<Collected>; readonly ways: readonly Security[] }>
> = {
  mpop: { collect: runMpop, ways: securities },
  fetchmail: { collect: runFetchmail, ways: securities },
  getmail: { collect: runGetmail, ways: ['none', 'implicit'] },
}

test('mpop, fetchmail and getmail fetch a maildrop, plain and by TLS, and then nothing new', async (t) => {
  const { mine, reading } = await served(t)
  const dovecot = await beside(t, join(mine.data, '..', 'dovecot'))
  for (const [program, { collect, ways }] of Object.entries(collectors)) {
    for (const tls of ways) {
      await t.test(`${program}, TLS: ${tls}`, async (each) => {
        if (!available(program)) return each.skip(`${program} is not installed`)
        const folder = join(mine.data, '..', `${program}-${tls}`)
        mkdirSync(folder)
        const from = { ...reading('usual', tls), folder }
        assert.equal((await collect(from)).messages, usual.length)
        assert.equal((await collect(from)).messages, 0)
        const got = sorted(readMaildir(join(folder, 'Maildir')))
        // getmail writes headers anew: it must have made of ours what it makes of the same from Dovecot.
        if (program !== 'getmail') assert.deepEqual(got, sorted(usual.map(withLineFeeds)))
        else if (dovecot !== undefined) assert.deepEqual(got, await fromDovecot(dovecot, 'usual', collect))
      })
    }
  }
  await t.test('mpop and fetchmail: odd messages', async (each) => {
    for (const [program, collect] of [
      ['mpop', runMpop],
      ['fetchmail', runFetchmail],
    ] as const) {
      if (!available(program)) return each.skip(`${program} is not installed`)
      const folder = join(mine.data, '..', `${program}-odd`)
      mkdirSync(folder)
      await collect({ ...reading('odd', 'starttls'), folder })
      const got = sorted(readMaildir(join(folder, 'Maildir')))
      if (program === 'mpop') assert.deepEqual(got, sorted(odd.map(withLineFeeds)))
      // fetchmail gives a header to what has none, and breaks a line of 100 KB where it happens to have read so far.
      else if (dovecot !== undefined) {
        const unbroken = (list: readonly string[]): string[] => list.filter((text) => text.length < 100_000)
        assert.deepEqual(unbroken(got), unbroken(await fromDovecot(dovecot, 'odd', collect)))
      }
    }
  })
})

/** A Dovecot with the same mail; undefined where there is none. */
async function beside(t: TestContext, folder: string): Promise<Dovecot | undefined> {
  if (!available('dovecot')) return undefined
  mkdirSync(folder)
  const dovecot = await startDovecot({ folder, users: { odd: 'secret', usual: 'secret' } })
  t.after(() => dovecot.stop())
  dovecot.fill('odd', odd)
  dovecot.fill('usual', usual)
  return dovecot
}

async function fromDovecot(
  dovecot: Dovecot,
  login: string,
  collect: (options: Collect) => Promise<Collected>,
): Promise<string[]> {
  const folder = mkdtempSync(join(dovecot.folder, 'collected-'))
  await collect({ host: '127.0.0.1', port: dovecot.ports['pop3'] ?? 0, tls: 'none', login, password: 'secret', folder })
  return sorted(readMaildir(join(folder, 'Maildir')))
}

test('mpop logs in by SCRAM-SHA-256', async (t) => {
  if (!available('mpop')) return t.skip('mpop is not installed')
  const { mine, reading } = await served(t)
  const folder = join(mine.data, '..', 'mpop-scram')
  mkdirSync(folder)
  // Without TLS: by TLS, an mpop that has -PLUS and is told not to use it fails by itself, before AUTH.
  const got = await runMpop({ ...reading('usual', 'none'), folder, auth: 'scram-sha-256' })
  assert.equal(got.messages, usual.length)
})

for (const maxVersion of ['TLSv1.3', 'TLSv1.2'] as const) {
  for (const tls of ['implicit', 'starttls'] as const) {
    test(`mpop logs in by SCRAM-SHA-256-PLUS, bound to ${maxVersion}, ${tls}`, async (t) => {
      if (!available('mpop')) return t.skip('mpop is not installed')
      if (!(await mpopMethods()).includes('scram-sha-256-plus'))
        return t.skip('this mpop has no SCRAM-SHA-256-PLUS (before 1.4.19, or built without GNU SASL)')
      const { mine, started, reading } = await served(t)
      const folder = join(mine.data, '..', 'mpop-scram-plus')
      mkdirSync(folder)
      const got = await runMpop({ ...reading('usual', tls), folder, auth: 'scram-sha-256-plus', maxVersion })
      assert.equal(got.messages, usual.length)
      await started.stop()
      const bound = `user=usual .* tls=${maxVersion} auth=SCRAM-SHA-256-PLUS .* end=quit$`
      assert.match(started.stderr(), new RegExp(bound, 'm'))
    })
  }
}

test('openssl s_client speaks with it after STLS, and agrees on pop3 by ALPN', async (t) => {
  if (!available('openssl')) return t.skip('openssl is not installed')
  const { reading } = await served(t)
  const ask = async (tls: Security, ...words: string[]): Promise<string> => {
    const { port, certificate } = reading('odd', tls)
    const common = [
      's_client',
      '-connect',
      `127.0.0.1:${port}`,
      '-CAfile',
      certificate,
      '-verify_return_error',
      '-ign_eof',
    ]
    const { stdout } = await runWell('openssl', [...common, ...words], { input: 'CAPA\r\nQUIT\r\n' })
    return stdout
  }
  const started = await ask('starttls', '-starttls', 'pop3')
  assert.match(started, /Verify return code: 0 \(ok\)/)
  assert.match(started, /^IMPLEMENTATION Postino/m)
  assert.doesNotMatch(started, /^STLS\r?$/m)
  assert.match(await ask('implicit', '-alpn', 'pop3'), /^ALPN protocol: pop3$/m)
})

test('LANG it: the answers are in Italian', async (t) => {
  const { reading } = await served(t)
  const client = await PlainPop3.open(reading('odd', 'none').port)
  assert.ok((await client.askLines('LANG')).some((line) => line.startsWith('it ')))
  assert.match(await client.ask('LANG it'), /^\+OK it da ora le risposte sono in italiano\r\n$/)
  await client.ask('USER odd')
  assert.match(await client.ask('PASS secret'), /^\+OK nella casella ci sono 22 messaggi/)
  await assert.rejects(client.ask('RETR 99'), /-ERR questo messaggio non c/)
  assert.match(await client.ask('QUIT'), /^\+OK arrivederci\r\n$/)
})

// Reads all there is, deletes what it is told to, and prints the unique-ids that it saw.
const device = `
import poplib, sys
port, login, delete = sys.argv[1:]
maildrop = poplib.POP3('127.0.0.1', int(port))
maildrop.user(login)
maildrop.pass_('secret')
for line in maildrop.uidl()[1]:
    number, unique_id = line.decode().split(' ')
    maildrop.retr(int(number))
    if delete == 'delete':
        maildrop.dele(int(number))
    print(unique_id)
maildrop.quit()
`

test('two devices of one user, one deleting, one leaving: each sees what it should, over restarts', async (t) => {
  if (!available('python3')) return t.skip('python3 is not installed')
  const mine = await postino(t)
  await mine.run(['user', 'add', 'mario', '--password-stdin'], { input: 'secret\n' })
  const bring = async (name: string): Promise<void> => {
    const file = join(mine.data, `${name}.eml`)
    writeFileSync(file, `Subject: ${name}\r\n\r\n${name}\r\n`)
    assert.equal((await mine.run(['import', file, '--user', 'mario'])).code, 0)
  }
  const visit = async (login: string, what: 'delete' | 'leave'): Promise<string[]> => {
    const serving = await mine.serve()
    const { stdout } = await runWell('python3', ['-c', device, String(serving.ports['pop3']), login, what])
    assert.equal((await serving.stop()).code, 0)
    return stdout.split('\n').filter((line) => line !== '')
  }
  for (const name of ['one', 'two', 'three']) await bring(name)
  const all = await visit('mario', 'leave')
  assert.equal(all.length, 3)
  // A new device begins with everything; what it deletes, it deletes for itself.
  assert.deepEqual(await visit('mario+phone', 'delete'), all)
  assert.deepEqual(await visit('mario+phone', 'delete'), [])
  assert.deepEqual(await visit('mario', 'leave'), all)
  await bring('four')
  const more = await visit('mario', 'leave')
  assert.deepEqual(more.slice(0, 3), all)
  assert.equal(more.length, 4)
  assert.deepEqual(await visit('mario+phone', 'leave'), more.slice(3))
  // And the other way about.
  assert.deepEqual(await visit('mario', 'delete'), more)
  assert.deepEqual(await visit('mario', 'leave'), [])
  assert.deepEqual(await visit('mario+phone', 'delete'), more.slice(3))
  assert.deepEqual(await visit('mario+phone', 'leave'), [])
})
