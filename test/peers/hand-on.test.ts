import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { parseHandOnTarget } from '../../src/accounts/hand-on-target.ts'
import { noteUnderWay } from '../../src/doors/hand-on-book.ts'
import { handOn, type HandOnOptions, type HandOnReport } from '../../src/doors/hand-on.ts'
import { add } from '../../src/store/contract-mail.ts'
import { MemoryStore } from '../../src/store/memory.ts'
import type { UserMail } from '../../src/store/store.ts'
import { generateMessages } from '../corpus/generate.ts'
import { Random } from '../corpus/generate-random.ts'
import { mustRun, run } from '../faults/kill-bench.ts'
import { soon } from '../pop3-house.ts'
import { freePorts, startDovecot, type Dovecot, type DovecotOptions } from './dovecot.ts'
import { readMaildir } from './maildir.ts'
import { available } from './run.ts'

const withImap = existsSync('/usr/lib/dovecot/imap') && available('dovecot')
const withLmtp = existsSync('/usr/lib/dovecot/lmtp') && available('dovecot')

async function dovecotWith(t: TestContext, options: Partial<DovecotOptions>): Promise<Dovecot> {
  const folder = mkdtempSync(join(tmpdir(), 'postino-hand-on-'))
  const dovecot = await startDovecot({ folder, users: { archive: 'secret' }, protocols: ['imap'], ...options })
  t.after(async () => {
    await dovecot.stop()
    rmSync(folder, { recursive: true, force: true })
  })
  return dovecot
}

/** A way to a port that can be barred for a while. */
class Gate {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  port = 0

  constructor(to: number) {
    this.#server = createServer({ noDelay: true }, (near) => {
      const far = connect({ port: to, host: '127.0.0.1', noDelay: true })
      for (const [from, into] of [
        [near, far],
        [far, near],
      ] as const) {
        this.#sockets.add(from)
        from.on('error', () => into.destroy()).on('close', () => into.destroy())
        from.pipe(into)
      }
    })
  }

  async open(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(this.port, '127.0.0.1', resolve))
    this.port = (this.#server.address() as AddressInfo).port
  }

  async shut(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    this.#sockets.clear()
    if (this.#server.listening) await new Promise<void>((resolve) => this.#server.close(() => resolve()))
  }
}

test('two POP3 accounts into one IMAP mailbox at Dovecot: dates kept, each message once, also after kill -9 and after the target was down', async (t) => {
  if (!withImap) return t.skip('dovecot-imapd is not installed')
  const users = { anna: 'a', mario: 'm', archive: 'secret' }
  const dovecot = await dovecotWith(t, { users, protocols: ['pop3', 'imap'], settings: 'mail_save_crlf = yes\n' })
  const gate = new Gate(dovecot.ports['imap'] ?? 0)
  await gate.open()
  t.after(() => gate.shut())
  const data = await mkdtemp(join(tmpdir(), 'postino-hand-on-data-'))
  t.after(() => rm(data, { recursive: true, force: true }))

  await mustRun(['--data', data, 'user', 'add', 'mario', '--password-stdin'], 'a password\n')
  process.env['POSTINO_HAND_ON_PASSWORDS'] = 'secret'
  t.after(() => delete process.env['POSTINO_HAND_ON_PASSWORDS'])
  for (const login of ['anna', 'mario']) {
    const place = ['--server', `127.0.0.1:${dovecot.ports['pop3']}`, '--tls', 'none', '--login', login]
    const target = ['--hand-on', `imap://archive@127.0.0.1:${gate.port}/Casa%20mia`]
    const account = ['account', 'add', `${login}@example.it`, '--user', 'mario', '--no-check', ...place, ...target]
    await mustRun(['--data', data, ...account, '--password-stdin'], `${login[0]}\n`)
  }

  // The same letter came to both, and one of them got it twice.
  const letter = Buffer.from('Received: by mx; Tue, 1 Jun 2021 10:00:00 +0200\r\nSubject: the same\r\n\r\nSame.\r\n')
  const wanted: string[] = []
  const fill = (login: string, seed: number, count: number): void => {
    const mail = [...generateMessages({ seed, count, profile: 'realistic' })].map((octets, n) => {
      const time = new Date(Date.UTC(2020, seed, 1, 0, 0, n)).toUTCString().replace('GMT', '+0000')
      return Buffer.concat([Buffer.from(`Received: from a by b; ${time}\r\n`), crlf(octets)])
    })
    const all = [...mail, letter, ...(login === 'anna' ? [letter] : [])]
    dovecot.fill(login, all)
    wanted.push(...all.map((octets) => `${receivedOf(octets)} ${octets.toString('latin1')}`))
  }
  fill('anna', 1, 60)
  fill('mario', 2, 60)

  // kill -9, again and again, at any moment of fetching and of handing on.
  const fetch = ['--data', data, '--json', '--quiet', 'fetch']
  const random = new Random(11)
  const killed = async (): Promise<void> => void (await run(fetch, { killAfter: 300 + random.fraction() * 2000 }))
  for (let times = 0; times < 6; times++) await killed()
  // The target is down for a while; what is fetched meanwhile is home, and waits.
  await gate.shut()
  fill('anna', 3, 5)
  fill('mario', 4, 5)
  const down = await run(fetch)
  assert.equal(down.code, 1)
  assert.match(down.stderr, /nothing listens there/)
  const accounts = down.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Told)
  assert.ok(accounts.length === 2 && accounts.some(({ handOn: [place] }) => (place?.waiting ?? 0) > 0))
  await gate.open()
  for (let times = 0; times < 4; times++) await killed()
  const last = await mustRun(fetch)
  for (const line of last.stdout.trim().split('\n')) {
    const { handOn } = JSON.parse(line) as Told
    assert.deepEqual(
      handOn.map(({ waiting, refused }) => [waiting, refused]),
      [[0, 0]],
    )
  }
  const { stdout } = await mustRun(['--data', data, '--json', 'account', 'show', 'anna@example.it'])
  const { handOn } = JSON.parse(stdout) as { handOn: { handed: number; waiting: number }[] }
  assert.deepEqual(
    handOn.map(({ handed, waiting }) => [handed, waiting]),
    [[69, 0]],
  )

  const folder = join(dovecot.maildir('archive'), '.Casa mia')
  const there = filesOf(folder).map((path, place) => {
    const octets = readMaildir(folder)[place] ?? Buffer.alloc(0)
    // Dovecot keeps the date of a message as that of its file.
    return `${Math.floor(statSync(path).mtimeMs)} ${octets.toString('latin1')}`
  })
  assert.equal(there.length, wanted.length)
  assert.deepEqual(there.toSorted(), wanted.toSorted())
})

/** What `fetch --json` says of an account. */
interface Told {
  readonly handOn: readonly { readonly handed: number; readonly waiting: number; readonly refused: number }[]
}

function crlf(octets: Uint8Array): Buffer {
  const text = Buffer.from(octets).toString('latin1').replace(/\r?\n/g, '\r\n')
  return Buffer.from(text.endsWith('\r\n') ? text : `${text}\r\n`, 'latin1')
}

function receivedOf(octets: Buffer): number {
  return Date.parse(/;(.*)\r\n/.exec(octets.toString('latin1'))?.[1] ?? '')
}

function filesOf(folder: string): string[] {
  return ['new', 'cur']
    .flatMap((part) => readdirSync(join(folder, part)).map((name) => join(folder, part, name)))
    .toSorted()
}

/** Messages that no program would write, as an account brought them in. */
const odd = [
  'Subject: plain\r\n\r\nbody\r\n',
  'Subject: no end\r\n\r\nbody',
  'Subject: bare LF\n\nbody\n',
  'Subject: mixed\r\n\nbody\rCR\r\n',
  'Subject: 8-bit \xe8\r\n\r\n\xff\xfe\r\n',
  'Subject: dots\r\n\r\n.\r\n..\r\n.x\r\n',
  'no header at all\r\n',
  '\r\n',
  `Subject: long\r\n\r\n${'x'.repeat(100_000)}\r\n`,
].map((text) => Buffer.from(text, 'latin1'))

async function mailWith(messages: readonly Buffer[], flags: string[] = []): Promise<UserMail> {
  const mail = await new MemoryStore().open('mario')
  for (const [n, octets] of messages.entries()) {
    const origin = { account: 'pop3:m@example.it', uniqueId: `u${n}`, nth: 0 }
    await add(mail, octets, { origin, received: Date.UTC(2021, 0, 1, 0, 0, n), flags })
  }
  return mail
}

async function send(mail: UserMail, url: string, more: Partial<HandOnOptions> = {}): Promise<HandOnReport> {
  const route = { address: 'm@example.it', accounts: ['pop3:m@example.it'], target: parseHandOnTarget(url), since: 0 }
  return await handOn({ mail, ...route, ...more })
}

for (const tls of ['implicit', 'starttls', 'none'] as const) {
  test(`to Dovecot by IMAP (TLS: ${tls}), byte for byte, with dates and flags`, async (t) => {
    if (!withImap) return t.skip('dovecot-imapd is not installed')
    const mechanisms = tls === 'none' ? 'plain login' : 'plain login scram-sha-256'
    const settings = `mail_save_crlf = yes\nauth_mechanisms = ${mechanisms}\n`
    const dovecot = await dovecotWith(t, { tls: true, settings })
    const port = dovecot.ports[tls === 'implicit' ? 'imaps' : 'imap']
    const url = `imap${tls === 'implicit' ? 's' : ''}://archive@127.0.0.1:${port}/Posta${tls === 'starttls' ? '?tls=starttls' : ''}`
    const trust = readFileSync(dovecot.certificate, 'utf8')
    const mail = await mailWith(odd, ['\\Seen', '\\Answered', '$Forwarded'])
    const report = await send(mail, url, { secret: { password: 'secret' }, reach: { trust } })
    assert.deepEqual(report, { handed: odd.length, refused: 0, waiting: 0, problems: [], error: undefined })
    const folder = join(dovecot.maildir('archive'), '.Posta')
    // Dovecot keeps lines: a bare LF becomes CRLF there, whatever it was given.
    assert.deepEqual(
      readMaildir(folder)
        .map((octets) => octets.toString('latin1'))
        .toSorted(),
      odd.map((octets) => octets.toString('latin1').replace(/\r?\n/g, '\r\n')).toSorted(),
    )
    const { stdout } = await dovecot.doveadm(
      '-f',
      'flow',
      'fetch',
      '-u',
      'archive',
      'date.received flags',
      'mailbox',
      'Posta',
    )
    const lines = stdout.trim().split('\n')
    for (const [n, line] of lines.entries()) {
      assert.match(line, new RegExp(`2021-01-01 00:00:${String(n).padStart(2, '0')}`))
      for (const flag of ['\\Seen', '\\Answered', '$Forwarded']) assert.ok(line.includes(flag), line)
    }
    // Dovecot has a process of its own that writes this.
    if (tls !== 'none') await soon(() => /method=SCRAM-SHA-256.*TLS/.test(dovecot.log()))
  })
}

test('what was under way is found at Dovecot, however odd it is and whatever Dovecot made of it', async (t) => {
  if (!withImap) return t.skip('dovecot-imapd is not installed')
  const dovecot = await dovecotWith(t, {})
  const url = `imap://archive@127.0.0.1:${dovecot.ports['imap']}/INBOX`
  const messages = [...odd, Buffer.from('Subject: NUL\r\n\r\na\0b\r\n')]
  const mail = await mailWith(messages)
  const secret = { password: 'secret' }
  assert.equal((await send(mail, url, { secret })).handed, messages.length)
  // The same mail after a crash between the server's answer and the ledger.
  const again = await mailWith(messages)
  const route = { address: 'm@example.it', target: parseHandOnTarget(url) }
  const left = await again.read((view) => view.messages())
  const { stdout } = await dovecot.doveadm('-f', 'tab', 'mailbox', 'status', '-u', 'archive', 'uidvalidity', 'INBOX')
  const mark = JSON.stringify({ uidValidity: Number(stdout.trim().split(/\s+/).at(-1)), uidNext: 1 })
  await again.change((draft) => noteUnderWay(draft, route, left, mark))
  assert.equal((await send(again, url, { secret, settle: 0 })).handed, messages.length)
  assert.equal(readMaildir(dovecot.maildir('archive')).length, messages.length)
})

test('to Dovecot by LMTP, at a port and at a socket: whole, behind what Dovecot writes in front', async (t) => {
  if (!withLmtp) return t.skip('dovecot-lmtpd is not installed')
  const folder = mkdtempSync(join(tmpdir(), 'postino-lmtp-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const [port = 0] = await freePorts(1)
  const dovecot = await dovecotWith(t, {
    settings: `protocols = imap lmtp
mail_save_crlf = yes
postmaster_address = postmaster@example.it
auth_username_format = %Ln
service lmtp {
  inet_listener lmtp {
    port = ${port}
  }
  unix_listener ${folder}/lmtp {
    mode = 0666
  }
}
`,
  })
  const fit = odd.filter((octets) => !/[^\r]\n|\r[^\n]|[^\n]$/.test(octets.toString('latin1')))
  assert.ok(fit.length >= 5)
  const mail = await mailWith([...fit, Buffer.from('Return-Path: <sender@example.org>\r\nSubject: last\r\n\r\n')])
  for (const [url, who] of [
    [`lmtp://127.0.0.1:${port}/?to=archive@example.it`, 'port'],
    [`lmtp:${folder}/lmtp?to=archive@example.it`, 'socket'],
  ] as const) {
    const report = await send(mail, url)
    assert.deepEqual(report, { handed: fit.length + 1, refused: 0, waiting: 0, problems: [], error: undefined }, who)
  }
  const there = readMaildir(dovecot.maildir('archive')).map((octets) => octets.toString('latin1'))
  assert.equal(there.length, 2 * (fit.length + 1))
  for (const octets of fit) {
    const own = octets.toString('latin1')
    assert.equal(there.filter((text) => text.replace(added, '') === own).length, 2, own.slice(0, 60))
  }
  const last = there.filter((text) => text.endsWith('Subject: last\r\n\r\n'))
  for (const text of last)
    assert.match(text, /^Return-Path: <sender@example\.org>\r\nDelivered-To: archive@example\.it\r\n/)
  const wrong = await send(mail, `lmtp://127.0.0.1:${port}/?to=nobody@example.it`)
  assert.match(wrong.problems[0] ?? wrong.error?.message ?? '', /refused it for nobody@example\.it: 550/)
})

/** What Dovecot writes in front of a message that comes by LMTP. */
const added = /^Return-Path: .*\r\nDelivered-To: .*\r\nReceived: .*\r\n(?:\t.*\r\n)*/
