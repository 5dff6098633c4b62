import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { readFileSync, rmSync, mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test, type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { RefusedError } from '../../src/errors.ts'
import { homeFlags } from '../../src/doors/fetch-imap-flags.ts'
import { watchImap } from '../../src/doors/watch-imap.ts'
import { generateMessages } from '../corpus/generate.ts'
import { postino } from '../cli/postino.ts'
import { startCyrus, type CyrusServer } from './cyrus.ts'
import { startDovecot, type Dovecot } from './dovecot.ts'
import { ImapHome, oddMail } from './imap-house.ts'
import { changeByImaplib, readByImaplib, type ImapAccess } from './imap-reader.ts'
import { peerFault } from './own-root.ts'
import { available } from './run.ts'

const names = ['odd', 'modes', 'changes', 'numbers', 'kill', 'large', 'delete', 'idle', 'two', 'command']
let dovecot: Dovecot | undefined
let folder = ''

before(async () => {
  if (!available('dovecot') || !available('python3')) return
  folder = mkdtempSync(join(tmpdir(), 'postino-imap-dovecot-'))
  dovecot = await startDovecot({
    folder,
    users: Object.fromEntries(names.map((name) => [name, 'secret'])),
    protocols: ['imap'],
    tls: true,
    settings: `namespace inbox {
  inbox = yes
  separator = /
  mailbox Sent {
    special_use = \\Sent
    auto = create
  }
  mailbox Trash {
    special_use = \\Trash
    auto = create
  }
}
protocol imap {
  mail_max_userip_connections = 0
}`,
  })
})
after(async () => {
  await dovecot?.stop()
  if (folder !== '') rmSync(folder, { recursive: true, force: true })
})

interface Peer {
  readonly dovecot: Dovecot
  readonly access: ImapAccess
}

/** Runs where Dovecot is, with a user of its own. */
function withDovecot(
  name: string,
  user: (typeof names)[number],
  body: (peer: Peer, t: TestContext) => Promise<void>,
): void {
  test(name, { timeout: 300_000 }, async (t) => {
    if (dovecot === undefined) return t.skip('dovecot or python3 is not installed')
    await body({ dovecot, access: { port: dovecot.ports['imap'] ?? 0, login: user, password: 'secret' } }, t)
  })
}

/** Everything that another program sees there is here, byte for byte, with date and flags. */
async function sameAsThere(home: ImapHome, access: ImapAccess, mailboxes: Record<string, string>): Promise<number> {
  let count = 0
  for (const [there, here] of Object.entries(mailboxes)) {
    const seen = await readByImaplib(access, there)
    const kept = await home.in(here)
    assert.equal(kept.length, seen.length, here)
    for (const [place, { octets, flags, received }] of seen.entries()) {
      const message = kept[place]
      assert.deepEqual(message?.octets, octets)
      assert.equal(message.received, received)
      assert.deepEqual(message.flags, homeFlags(flags))
    }
    count += seen.length
  }
  return count
}

withDovecot(
  'from Dovecot all odd mail comes byte for byte, with dates and flags, from each mailbox',
  'odd',
  async ({ dovecot: server, access }) => {
    const mail = oddMail()
    server.fill('odd', mail)
    const octets = (text: string): string => Buffer.from(text).toString('base64')
    await changeByImaplib(access, [
      [
        'append',
        'Sent',
        '\\Seen \\Answered $Forwarded',
        '17-Jul-1996 02:44:25 -0700',
        octets('Subject: sent\r\n\r\nx'),
      ],
      ['create', 'Work/Caff&AOg-'],
      ['append', 'Work/Caff&AOg-', '\\Flagged \\Draft', ' 7-Feb-1994 21:52:25 -0800', octets('x')],
      ['append', 'Trash', '', '', octets('Subject: trash\r\n\r\n')],
      ['select', 'INBOX'],
      ['uid', 'STORE', '1:5', '+FLAGS', '(\\Seen)'],
    ])
    await using home = await ImapHome.open({ port: access.port, login: 'odd' })
    const report = await home.fetch()
    assert.deepEqual([report.error, report.problems, report.passedOver], [undefined, [], ['Trash']])
    const count = await sameAsThere(home, access, { INBOX: 'INBOX', Sent: 'Sent', 'Work/Caff&AOg-': 'Work/Caffè' })
    assert.equal(count, mail.length + 2)
    assert.equal(report.new, count)
    const again = await home.fetch()
    assert.deepEqual([again.new, again.skipped], [0, count])
  },
)

withDovecot('from Dovecot with each kind of TLS', 'modes', async ({ dovecot: server, access }) => {
  server.fill('modes', generateMessages({ seed: 9, count: 20, profile: 'small' }))
  const trust = readFileSync(server.certificate, 'utf8')
  for (const [tls, port] of [
    ['none', 'imap'],
    ['starttls', 'imap'],
    ['implicit', 'imaps'],
  ] as const) {
    await using home = await ImapHome.open({ port: server.ports[port] ?? 0, login: 'modes', tls, reach: { trust } })
    const report = await home.fetch()
    assert.deepEqual([report.error, report.new], [undefined, 20], tls)
    await sameAsThere(home, access, { INBOX: 'INBOX' })
    // Without trust there is nothing.
    if (tls !== 'none') assert.equal((await home.fetch({ remote: { reach: {} } })).error?.code, 'tls')
  }
})

test('from Dovecot with each mechanism that both know', { timeout: 300_000 }, async (t) => {
  if (!available('dovecot')) return t.skip('dovecot is not installed')
  for (const mechanism of ['plain', 'login']) {
    const place = mkdtempSync(join(tmpdir(), 'postino-imap-sasl-'))
    const server = await startDovecot({
      folder: place,
      users: { mario: 'sècret "x\\' },
      protocols: ['imap'],
      settings: `auth_mechanisms = ${mechanism}`,
    })
    try {
      server.fill('mario', generateMessages({ seed: 16, count: 3, profile: 'small' }))
      await using home = await ImapHome.open({ port: server.ports['imap'] ?? 0, password: 'sècret "x\\' })
      assert.equal((await home.fetch()).new, 3)
      const refused = await home.fetch({ remote: { password: 'wrong' } })
      assert.ok(refused.error instanceof RefusedError)
      assert.equal(refused.error.reason, 'bad-login')
    } finally {
      await server.stop()
      rmSync(place, { recursive: true, force: true })
    }
  }
})

withDovecot(
  'flags that other programs change at Dovecot come; what only changed here stays',
  'changes',
  async ({ dovecot: server, access }) => {
    server.fill('changes', generateMessages({ seed: 10, count: 6, profile: 'small' }))
    await using home = await ImapHome.open({ port: access.port, login: 'changes' })
    await home.fetch()
    const flags = async (): Promise<string[]> => (await home.in('INBOX')).map((one) => one.flags.join(' '))
    const at = async (place: number): Promise<(typeof ids)[number]> => ids[place] as (typeof ids)[number]
    const ids = await home.mail.read((view) => view.messages().map(({ id }) => id))
    const last = await at(5)
    await home.mail.change((draft) => draft.setFlags(last, ['\\Flagged']))
    const before = await flags()
    await changeByImaplib(access, [
      ['select', 'INBOX'],
      ['uid', 'STORE', '1', 'FLAGS', '(\\Seen Work)'],
      ['uid', 'STORE', '2', 'FLAGS', '(\\Answered)'],
      ['uid', 'STORE', '3', '+FLAGS', '(\\Deleted)'],
      ['uid', 'EXPUNGE', '3'],
    ])
    const report = await home.fetch()
    assert.deepEqual([report.error, report.new], [undefined, 0])
    assert.deepEqual(await flags(), ['Work \\Seen', '\\Answered', before[2], before[3], before[4], '\\Flagged'])
  },
)

withDovecot(
  'renumbered, renamed and moved at Dovecot: nothing is downloaded again',
  'numbers',
  async ({ dovecot: server, access }) => {
    const mail = [...generateMessages({ seed: 11, count: 30, profile: 'small' })]
    server.fill('numbers', mail)
    await changeByImaplib(access, [['create', 'Old']])
    await changeByImaplib(access, [
      [
        'append',
        'Old',
        '',
        '17-Jul-1996 02:44:25 -0700',
        Buffer.from('Subject: old\r\n\r\nold\r\n').toString('base64'),
      ],
    ])
    await using home = await ImapHome.open({ port: access.port, login: 'numbers' })
    assert.equal((await home.fetch()).new, 31)
    const octets = (await home.in('INBOX')).map((one) => one.octets.toString('latin1'))
    await changeByImaplib(access, [
      ['rename', 'Old', 'New'],
      ['select', 'INBOX'],
      ['uid', 'MOVE', '1:3', 'New'],
    ])
    const moved = await home.fetch()
    assert.deepEqual([moved.error, moved.new], [undefined, 0])
    assert.deepEqual([(await home.in('INBOX')).length, (await home.in('New')).length], [27, 4])
    // As when the index is lost.
    rmSync(join(server.maildir('numbers'), 'dovecot-uidlist'))
    for (const name of ['dovecot.index', 'dovecot.index.log', 'dovecot.index.cache'])
      rmSync(join(server.maildir('numbers'), name), { force: true })
    await server.doveadm('kick', 'numbers')
    const renumbered = await home.fetch()
    assert.deepEqual([renumbered.error, renumbered.new], [undefined, 0])
    const now = [...(await home.in('INBOX')), ...(await home.in('New'))].map((one) => one.octets.toString('latin1'))
    assert.deepEqual(now.toSorted(), [...octets, 'Subject: old\r\n\r\nold\r\n'].toSorted())
    assert.equal((await home.fetch()).new, 0)
  },
)

withDovecot(
  'killed at any moment: the next fetch completes it, and nothing is double',
  'kill',
  async ({ dovecot: server, access }) => {
    const count = 400
    server.fill('kill', generateMessages({ seed: 12, count, profile: 'realistic' }))
    await using home = await ImapHome.open({ port: access.port, login: 'kill' })
    await home.reopen()
    const program = `
    const { fetchImap } = await import(${JSON.stringify(new URL('../../src/doors/fetch-imap.ts', import.meta.url).href)})
    const { DiskStore } = await import(${JSON.stringify(new URL('../../src/store/disk.ts', import.meta.url).href)})
    const mail = await new DiskStore(process.argv[1]).open('mario')
    const report = await fetchImap(JSON.parse(process.argv[2]), mail)
    console.log(report.new)
    process.exit(0)`
    const words = ['--input-type=module', '-e', program, home.folder, JSON.stringify(home.remote)]
    for (const wait of [300, 500, 700, 900]) {
      const child = spawn(process.execPath, words, { stdio: 'ignore' })
      const ended = new Promise((resolve) => child.once('close', resolve))
      await sleep(wait)
      child.kill('SIGKILL')
      await ended
    }
    await home.reopen()
    const report = await home.fetch()
    assert.deepEqual([report.error, report.failed], [undefined, 0])
    assert.equal((await home.in('INBOX')).length, count)
    await sameAsThere(home, access, { INBOX: 'INBOX' })
  },
)

withDovecot('a message of 100 MB is never whole in memory', 'large', async ({ dovecot: server, access }) => {
  const line = `${'x'.repeat(76)}\r\n`
  server.fill('large', [Buffer.from(`Subject: large\r\n\r\n${line.repeat(100_000_000 / line.length)}`)])
  await using home = await ImapHome.open({ port: access.port, login: 'large' })
  const program = `
    const { fetchImap } = await import(${JSON.stringify(new URL('../../src/doors/fetch-imap.ts', import.meta.url).href)})
    const { DiskStore } = await import(${JSON.stringify(new URL('../../src/store/disk.ts', import.meta.url).href)})
    const store = new DiskStore(process.argv[1])
    const mail = await store.open('mario')
    const small = process.memoryUsage().rss
    let most = 0
    const report = await fetchImap(JSON.parse(process.argv[2]), mail, {
      onProgress: () => { most = Math.max(most, process.memoryUsage().rss) },
    })
    await store.close()
    console.log(JSON.stringify([report.new, report.octets, most - small]))`
  const words = ['--input-type=module', '-e', program, home.folder, JSON.stringify(home.remote)]
  const child = spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'inherit'] })
  const [count, octets, grown] = JSON.parse((await child.stdout.toArray()).join('')) as [number, number, number]
  assert.equal(count, 1)
  assert.ok(octets > 99_000_000)
  assert.ok(grown < 80_000_000, `memory grew by ${grown} octets`)
  await home.reopen()
  assert.equal((await home.in('INBOX'))[0]?.octets.length, octets)
})

withDovecot(
  'what goes is deleted at Dovecot when it is home, and nothing else',
  'delete',
  async ({ dovecot: server, access }) => {
    server.fill('delete', generateMessages({ seed: 13, count: 25, profile: 'small' }))
    await changeByImaplib(access, [
      ['select', 'INBOX'],
      ['uid', 'STORE', '3', '+FLAGS', '(\\Deleted)'],
    ])
    await using home = await ImapHome.open({ port: access.port, login: 'delete', leave: { newest: 10 } })
    const report = await home.fetch()
    assert.deepEqual([report.error, report.new, report.deleted, report.problems], [undefined, 25, 15, []])
    assert.equal((await readByImaplib(access, 'INBOX')).length, 10)
    assert.equal((await home.in('INBOX')).length, 25)
    const last = await home.fetch({ remote: { leave: 'delete' } })
    assert.deepEqual([last.error, last.new, last.deleted], [undefined, 0, 10])
    assert.equal((await readByImaplib(access, 'INBOX')).length, 0)
  },
)

withDovecot('two fetches at a time bring each message once', 'two', async ({ dovecot: server, access }) => {
  server.fill('two', generateMessages({ seed: 14, count: 60, profile: 'small' }))
  await using home = await ImapHome.open({ port: access.port, login: 'two' })
  const reports = await Promise.all([home.fetch(), home.fetch()])
  assert.deepEqual(
    reports.map(({ error }) => error),
    [undefined, undefined],
  )
  assert.equal((await home.in('INBOX')).length, 60)
})

withDovecot('by the command line', 'command', async ({ dovecot: server, access }, t) => {
  const { run, json } = await postino(t)
  server.fill('command', generateMessages({ seed: 17, count: 12, profile: 'small' }))
  await changeByImaplib(access, [
    ['create', 'Work'],
    [
      'append',
      'Work',
      '\\Seen',
      '17-Jul-1996 02:44:25 -0700',
      Buffer.from('Subject: work\r\n\r\nx\r\n').toString('base64'),
    ],
  ])
  const where = ['--protocol', 'imap', '--server', `127.0.0.1:${access.port}`, '--tls', 'none', '--login', 'command']
  const added = await run(['account', 'add', 'u@example.test', ...where, '--password-stdin'], { input: 'secret\n' })
  assert.equal(added.code, 0, added.stderr)
  const [first] = await json(['fetch', '--json'])
  assert.deepEqual([first?.['new'], first?.['failed'], first?.['skipped']], [13, 0, 0])
  const [second] = await json(['fetch', '--json'])
  assert.deepEqual([second?.['new'], second?.['failed'], second?.['skipped']], [0, 0, 13])
  assert.match((await run(['list', '--mailbox', 'Work'])).stdout, /work/)
})

withDovecot('a watch tells of what comes to Dovecot', 'idle', async ({ access }) => {
  const stop = new AbortController()
  const news = Promise.withResolvers<void>()
  await using home = await ImapHome.open({ port: access.port, login: 'idle' })
  const watching = watchImap(home.remote, { onNews: () => news.resolve(), signal: stop.signal })
  // Until it is in IDLE nothing is told: another message each time.
  const timer = setInterval(() => {
    changeByImaplib(access, [['append', 'INBOX', '', '', Buffer.from('x').toString('base64')]]).catch(news.reject)
  }, 500)
  await news.promise.finally(() => clearInterval(timer))
  stop.abort()
  assert.equal(await watching, 'stopped')
})

test(
  'from Cyrus, with each kind of TLS; what is moved and renamed there is known by its id',
  { timeout: 300_000 },
  async (t) => {
    const fault = available('python3') ? await peerFault('cyrus') : 'python3 is not installed'
    if (fault !== undefined) return t.skip(fault)
    const place = mkdtempSync(join(tmpdir(), 'postino-cyrus-'))
    let cyrus: CyrusServer | undefined
    try {
      const messages = [...generateMessages({ seed: 15, count: 30, profile: 'realistic' })]
      cyrus = await startCyrus({ folder: place, login: 'mario', password: 'secret', messages })
      const access = { port: cyrus.ports.imap, login: 'mario', password: 'secret' }
      const octets = (text: string): string => Buffer.from(text, 'latin1').toString('base64')
      await changeByImaplib(access, [
        ['create', 'Work'],
        [
          'append',
          'Work',
          '\\Seen $Forwarded',
          '17-Jul-1996 02:44:25 -0700',
          octets('From: a@b\r\nSubject: .\r\n\r\n.\r\n..\r\n\xe9\r\n'),
        ],
        ['select', 'INBOX'],
        ['uid', 'STORE', '1:3', '+FLAGS', '(\\Answered Work)'],
      ])
      const trust = readFileSync(cyrus.certificate, 'utf8').replace(/-----BEGIN PRIVATE[^]*?END PRIVATE KEY-----\n/, '')
      for (const [tls, port] of [
        ['none', 'imap'],
        ['starttls', 'imap'],
        ['implicit', 'imaps'],
      ] as const) {
        await using home = await ImapHome.open({ port: cyrus.ports[port], tls, reach: { trust } })
        const report = await home.fetch()
        assert.deepEqual([report.error, report.problems, report.new], [undefined, [], 31], tls)
        await sameAsThere(home, access, { INBOX: 'INBOX', Work: 'Work' })
      }
      await using home = await ImapHome.open({ port: access.port })
      assert.equal((await home.fetch()).new, 31)
      await changeByImaplib(access, [
        ['rename', 'Work', 'Play'],
        ['select', 'INBOX'],
        ['uid', 'MOVE', '2:4', 'Play'],
        ['uid', 'STORE', '5', '+FLAGS', '(\\Flagged)'],
      ])
      const moved = await home.fetch()
      assert.deepEqual([moved.error, moved.new], [undefined, 0])
      assert.deepEqual([(await home.in('INBOX')).length], [27])
      assert.equal((await home.in('INBOX')).filter(({ flags }) => flags.includes('\\Flagged')).length, 1)
      const gone = await home.fetch({ remote: { leave: 'delete' } })
      assert.deepEqual([gone.error, gone.new, gone.deleted, gone.problems], [undefined, 0, 31, []])
    } finally {
      await cyrus?.stop()
      rmSync(place, { recursive: true, force: true })
    }
  },
)
