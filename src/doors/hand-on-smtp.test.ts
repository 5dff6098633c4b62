import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { SMTPServer, type SMTPServerOptions } from 'smtp-server'
import { parseHandOnTarget } from '../accounts/hand-on-target.ts'
import { makeCertificate } from '../net/certificate.ts'
import { add } from '../store/contract-mail.ts'
import { MemoryStore } from '../store/memory.ts'
import type { UserMail } from '../store/store.ts'
import { handOn, type HandOnOptions, type HandOnReport } from './hand-on.ts'

const certificate = makeCertificate()

/** What a server was given: a line for each message. */
interface Taken {
  readonly from: string
  readonly to: string
  readonly octets: Buffer
  readonly login: string
  readonly tls: boolean
  readonly mail: Readonly<Record<string, unknown>>
}

interface Post {
  readonly port: number
  readonly taken: Taken[]
  readonly sessions: () => number
}

/** A real SMTP server. `answer`: what it says to a message, by its text; undefined: it takes it. */
async function post(
  t: TestContext,
  options: SMTPServerOptions & { path?: string; answer?: (text: string, to: string) => string | undefined } = {},
): Promise<Post> {
  const taken: Taken[] = []
  let sessions = 0
  const { answer, path, ...more } = options
  const server = new SMTPServer({
    authOptional: true,
    ...certificate,
    onConnect: (_, done) => {
      sessions++
      done()
    },
    onAuth: ({ username, password, accessToken }, _, done) => {
      const good = password === 'opensesame' || accessToken === 'fresh'
      if (good) done(null, { user: username })
      else done(new Error('wrong'))
    },
    onData: (stream, session, done) => {
      const pieces: Buffer[] = []
      stream.on('data', (piece: Buffer) => pieces.push(piece))
      stream.on('end', () => {
        const octets = Buffer.concat(pieces)
        const to = session.envelope.rcptTo[0]?.address ?? ''
        const no = answer?.(octets.toString('latin1'), to)
        if (no !== undefined) {
          done(Object.assign(new Error(no.slice(4)), { responseCode: Number(no.slice(0, 3)) }))
          return
        }
        const { mailFrom } = session.envelope
        const mail = mailFrom === false ? undefined : mailFrom
        taken.push({
          from: mail?.address ?? '',
          to,
          octets,
          login: String(session.user ?? ''),
          tls: session.secure,
          mail: mail?.args === false || mail === undefined ? {} : { ...mail.args },
        })
        done(null, `queued as Q${taken.length}`)
      })
    },
    ...more,
  })
  server.on('error', () => undefined)
  const listening = path === undefined ? server.listen(0, '127.0.0.1') : server.listen(path)
  await once(listening, 'listening')
  t.after(() => new Promise<void>((resolve) => server.close(() => resolve())))
  const address = listening.address()
  return { port: typeof address === 'object' && address !== null ? address.port : 0, taken, sessions: () => sessions }
}

let count = 0
async function mailWith(...messages: readonly (string | Buffer)[]): Promise<UserMail> {
  const mail = await new MemoryStore().open('mario')
  for (const octets of messages)
    await add(mail, octets, { origin: { account: 'pop3:m@example.it', uniqueId: `u${count++}`, nth: 0 } })
  return mail
}

async function send(mail: UserMail, url: string, more: Partial<HandOnOptions> = {}): Promise<HandOnReport> {
  const target = parseHandOnTarget(url)
  const reach = { trust: certificate.cert }
  return await handOn({
    mail,
    address: 'm@example.it',
    accounts: ['pop3:m@example.it'],
    target,
    since: 0,
    reach,
    ...more,
  })
}

const fine = { handed: 1, refused: 0, waiting: 0, problems: [], error: undefined }
const simple = 'Return-Path: <a@example.org>\r\nSubject: x\r\n\r\nbody\r\n'

for (const pipelining of [true, false]) {
  test(`messages go whole, with their envelope, over one connection (${pipelining ? 'with' : 'without'} PIPELINING)`, async (t) => {
    const { port, taken, sessions } = await post(t, { hidePIPELINING: !pipelining })
    const messages = [
      simple,
      'Subject: dots\r\n\r\n.\r\n..\r\n.x\r\nx.\r\n\r\n.\r\n',
      'Subject: è\r\n\r\n\x01\x7fcittà\r\n',
      '.leading dot\r\n',
      '',
      `Subject: large\r\n\r\n${'.dots and dots.\r\n'.repeat(100_000)}`,
    ].map((text) => Buffer.from(text))
    const replies: string[] = []
    const report = await send(await mailWith(...messages), `smtp://127.0.0.1:${port}/?to=mario@home.example`, {
      onHanded: (_, reply) => replies.push(reply),
    })
    assert.deepEqual(report, { ...fine, handed: messages.length })
    assert.deepEqual(
      taken.map(({ octets }) => octets.toString('latin1')),
      messages.map((octets) => octets.toString('latin1')),
    )
    assert.deepEqual(
      taken.map(({ from, to }) => `${from} ${to}`),
      ['a@example.org mario@home.example', ...Array(5).fill('m@example.it mario@home.example')],
    )
    assert.equal(sessions(), 1)
    assert.deepEqual(
      replies,
      messages.map((_, place) => `250 queued as Q${place + 1}`),
    )
  })
}

test('what is beyond ASCII is announced, where the server wants that', async (t) => {
  const { port, taken } = await post(t)
  const url = `smtp://127.0.0.1:${port}/?to=mario@home.example`
  await send(await mailWith('Subject: x\r\n\r\ncitt\u00e0\r\n', 'Subject: citt\u00e0\r\n\r\n'), url)
  await send(await mailWith(simple), `smtp://127.0.0.1:${port}/?to=m%C3%A0rio@home.example`)
  assert.deepEqual(
    taken.map(({ mail }) => [mail['BODY'], mail['SMTPUTF8']]),
    [
      ['8BITMIME', undefined],
      ['8BITMIME', true],
      [undefined, true],
    ],
  )
})

for (const [octets, hidden, says] of [
  ['Subject: x\n\nbare\n', {}, /LF that is not part of a line end/],
  ['Subject: x\r\n\r\nbare\rCR\r\n', {}, /CR or an LF/],
  ['Subject: x\r\n\r\nno end', {}, /last line has no end/],
  ['Subject: x\r\n\r\n\0\r\n', {}, /NUL/],
  ['Subject: x\r\n\r\n\u00e0\r\n', { hide8BITMIME: true }, /8BITMIME/],
] as const) {
  test(`what SMTP cannot carry unchanged is refused, visibly, and the rest goes on: ${says.source}`, async (t) => {
    const { port, taken } = await post(t, hidden)
    const { handed, refused, problems, error } = await send(
      await mailWith(simple, octets, simple),
      `smtp://127.0.0.1:${port}/?to=mario@home.example`,
    )
    assert.deepEqual([handed, refused, error, taken.length], [2, 1, undefined, 2])
    assert.match(problems[0] ?? '', /^message 2 was not taken: it cannot go by SMTP unchanged/)
    assert.match(problems[0] ?? '', says)
  })
}

test('one that is refused is told with the server’s words, stops no other, and is tried again', async (t) => {
  const no = new Set(['spam', 'grey'])
  const { port, taken } = await post(t, {
    answer: (text) => {
      if (text.includes('spam') && no.has('spam')) return '554 5.7.1 we do not like this'
      return text.includes('grey') && no.has('grey') ? '451 4.7.1 come again' : undefined
    },
  })
  const url = `smtp://127.0.0.1:${port}/?to=mario@home.example`
  const mail = await mailWith('Subject: spam\r\n\r\n', 'Subject: grey\r\n\r\n', simple)
  const first = await send(mail, url)
  assert.deepEqual([first.handed, first.refused, first.error, taken.length], [1, 2, undefined, 1])
  assert.match(first.problems.join('\n'), /554 5\.7\.1 we do not like this\n.*451 4\.7\.1 come again/)
  assert.deepEqual(await send(mail, url, { backOff: true }), { ...fine, handed: 0, refused: 2 })
  no.delete('grey')
  const later = Date.now() + 7 * 60_000
  const second = await send(mail, url, { backOff: true, now: () => later })
  assert.deepEqual([second.handed, second.refused], [1, 1])
  no.delete('spam')
  assert.deepEqual(await send(mail, url), fine)
  assert.equal(taken.length, 3)
})

test('a recipient that is refused is told, with PIPELINING and without', async (t) => {
  for (const hidePIPELINING of [false, true]) {
    const { port, taken } = await post(t, {
      hidePIPELINING,
      onRcptTo: ({ address }, _, done) =>
        done(address.startsWith('mario@') ? null : Object.assign(new Error('no such user'), { responseCode: 550 })),
    })
    const mail = await mailWith(simple)
    const { problems, refused } = await send(mail, `smtp://127.0.0.1:${port}/?to=luigi@home.example`)
    assert.deepEqual([refused, taken.length], [1, 0])
    assert.match(problems[0] ?? '', /refused it for luigi@home\.example: 550 no such user/)
    assert.equal((await send(mail, `smtp://127.0.0.1:${port}/?to=mario@home.example`)).handed, 1)
  }
})

test('a server that refuses everything is left in peace after some', async (t) => {
  const { port } = await post(t, { answer: () => '452 4.2.2 mailbox full' })
  const mail = await mailWith(...Array.from({ length: 40 }, (_, n) => `Subject: ${n}\r\n\r\n`))
  const url = `smtp://127.0.0.1:${port}/?to=mario@home.example`
  const { handed, refused, waiting, error } = await send(mail, url)
  assert.deepEqual([handed, refused, waiting], [0, 25, 15])
  assert.match(error?.message ?? '', /refused 25 messages one after the other; the last: .*mailbox full/)
  // Those that had no turn are first when its time comes.
  assert.deepEqual(await send(mail, url, { backOff: true }), { ...fine, handed: 0, refused: 25, waiting: 15 })
  assert.equal((await send(mail, url, { backOff: true, now: () => Date.now() + 7 * 60_000 })).refused, 40)
})

for (const [tls, login] of [
  ['implicit', 'password'],
  ['starttls', 'password'],
  ['starttls', 'token'],
] as const) {
  test(`TLS (${tls}) and a log-in by ${login}`, async (t) => {
    const { port, taken } = await post(t, {
      secure: tls === 'implicit',
      authMethods: login === 'token' ? ['XOAUTH2'] : ['PLAIN', 'LOGIN'],
    })
    const url = `smtp${tls === 'implicit' ? 's' : ''}://mario@127.0.0.1:${port}/?to=a@b.example${tls === 'starttls' ? '&tls=starttls' : ''}`
    const asked: (string | undefined)[] = []
    const token = (refused?: string): Promise<string> => {
      asked.push(refused)
      return Promise.resolve(refused === undefined ? 'stale' : 'fresh')
    }
    const secret = login === 'token' ? { token } : { password: 'opensesame' }
    const mail = await mailWith(simple)
    assert.deepEqual(await send(mail, url, { secret }), fine)
    assert.deepEqual([taken[0]?.tls, taken[0]?.login], [true, 'mario'])
    if (login === 'token') assert.deepEqual(asked, [undefined, 'stale'])
  })
}

test('LOGIN is spoken where the server has nothing better', async (t) => {
  const { port, taken } = await post(t, { authMethods: ['LOGIN'], allowInsecureAuth: true })
  const url = `smtp://mario@127.0.0.1:${port}/?to=a@b.example`
  assert.deepEqual(await send(await mailWith(simple), url, { secret: { password: 'opensesame' } }), fine)
  assert.equal(taken[0]?.login, 'mario')
})

test('a wrong password is told without it, nothing is sent, and the server is left in peace for a while', async (t) => {
  const { port, taken, sessions } = await post(t, { allowInsecureAuth: true })
  const url = `smtp://mario@127.0.0.1:${port}/?to=a@b.example`
  const mail = await mailWith(simple)
  const secret = { password: 'abracadabra' }
  const { error, waiting } = await send(mail, url, { secret, backOff: true })
  assert.equal(waiting, 1)
  assert.match(error?.message ?? '', /refused to log in mario: 535/)
  assert.ok(!error?.message.includes('abracadabra'))
  await send(mail, url, { secret, backOff: true })
  assert.deepEqual([taken.length, sessions()], [0, 1])
})

test('where a mechanism, and not the password, is refused, the next one is tried', async (t) => {
  const heard: string[] = []
  const port = await scripted(t, (line) => {
    heard.push(line.replace(/ .*/, ''))
    if (line.startsWith('EHLO')) return '250-here\r\n250 AUTH SCRAM-SHA-256 PLAIN'
    // It keeps no keys for SCRAM.
    if (line.startsWith('AUTH SCRAM')) return '535 5.7.8 no'
    return line.startsWith('AUTH') ? '235 in' : polite(line)
  })
  const secret = { password: 'opensesame' }
  assert.deepEqual(
    await send(await mailWith(simple), `smtp://mario@127.0.0.1:${port}/?to=a@b.example`, { secret }),
    fine,
  )
  assert.deepEqual(heard.slice(0, 4), ['EHLO', 'AUTH', 'AUTH', 'MAIL'])
})

test('a server that goes on asking is left, and one that cannot prove what it must is not told the password', async (t) => {
  const mail = await mailWith(simple)
  const secret = { password: 'opensesame' }
  const asking = await scripted(t, (line) => (line.startsWith('EHLO') ? '250-here\r\n250 AUTH LOGIN' : '334 more'))
  const url = (port: number): string => `smtp://mario@127.0.0.1:${port}/?to=a@b.example`
  assert.match((await send(mail, url(asking), { secret })).error?.message ?? '', /goes on asking, and never answers/)
  const heard: string[] = []
  const liar = await scripted(t, (line) => {
    heard.push(line)
    if (line.startsWith('EHLO')) return '250-here\r\n250 AUTH SCRAM-SHA-256 PLAIN'
    return line.startsWith('AUTH') ? `334 ${Buffer.from('r=x,s=eA==,i=1').toString('base64')}` : '535 no'
  })
  const { error } = await send(mail, url(liar), { secret })
  assert.match(error?.message ?? '', /asks in no proper way for the password of mario/)
  assert.ok(!heard.join('\n').includes('AUTH PLAIN'))
})

test('a server without STARTTLS, or with a certificate that nobody trusts, gets no password and no mail', async (t) => {
  const clear = await post(t, { disabledCommands: ['STARTTLS'], allowInsecureAuth: true })
  const mail = await mailWith(simple)
  const secret = { password: 'opensesame' }
  const asked = await send(mail, `smtp://mario@127.0.0.1:${clear.port}/?to=a@b.example&tls=starttls`, { secret })
  assert.match(asked.error?.message ?? '', /does not offer STARTTLS/)
  const other = await post(t)
  const foreign = await send(mail, `smtp://mario@127.0.0.1:${other.port}/?to=a@b.example&tls=starttls`, {
    secret,
    reach: {},
  })
  assert.match(foreign.error?.message ?? '', /certificate is not trusted/)
  assert.deepEqual([clear.taken.length, other.taken.length], [0, 0])
})

test('RFC 2033: LMTP at a port and at a socket', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'postino-lmtp-'))
  t.after(() => rm(folder, { recursive: true }))
  const path = join(folder, 'lmtp')
  const [atPort, atSocket] = [await post(t, { lmtp: true }), await post(t, { lmtp: true, path })]
  const mail = await mailWith(simple, 'Subject: two\r\n\r\n.\r\n')
  assert.equal((await send(mail, `lmtp://127.0.0.1:${atPort.port}/?to=mario@home.example`)).handed, 2)
  assert.equal((await send(mail, `lmtp:${path}?to=mario@home.example`)).handed, 2)
  for (const { taken } of [atPort, atSocket]) {
    assert.deepEqual(
      taken.map(({ octets }) => octets.toString()),
      [simple, 'Subject: two\r\n\r\n.\r\n'],
    )
  }
  const missing = await send(mail, `lmtp:${folder}/other?to=mario@home.example`)
  assert.match(missing.error?.message ?? '', /other: there is no such socket/)
})

/** A server that says what a test tells it to, for each line it hears; `drop`: it goes. */
async function scripted(t: TestContext, steps: (line: string, sessions: number) => string): Promise<number> {
  let sessions = 0
  const server = createServer((socket) => {
    const session = ++sessions
    let data = false
    let input = ''
    socket.on('error', () => undefined)
    socket.write('220 here\r\n')
    socket.on('data', (octets: Buffer) => {
      input += octets.toString('latin1')
      for (let end = input.indexOf('\r\n'); end >= 0; end = input.indexOf('\r\n')) {
        const line = input.slice(0, end)
        input = input.slice(end + 2)
        if (data && line !== '.') continue
        const answer = steps(line, session)
        data = answer.startsWith('354')
        if (answer === 'drop') return void socket.destroy()
        socket.write(`${answer}\r\n`)
      }
      return undefined
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  return (server.address() as AddressInfo).port
}

const polite = (line: string): string =>
  line === 'DATA' ? '354 go on' : line.startsWith('EHLO') ? '250-here\r\n250 8BITMIME' : '250 ok'

test('a connection that breaks before the end of the data costs nothing; one that breaks behind it is told, for the message may be there', async (t) => {
  const heard: string[] = []
  const early = await scripted(t, (line, session) => {
    heard.push(line)
    return line.startsWith('RCPT') && session === 1 ? 'drop' : polite(line)
  })
  const mail = await mailWith(simple)
  assert.deepEqual(await send(mail, `smtp://127.0.0.1:${early}/?to=a@b.example`), fine)
  assert.equal(heard.filter((line) => line === '.').length, 1)

  const late = await scripted(t, (line, session) => (line === '.' && session === 1 ? 'drop' : polite(line)))
  const first = await send(mail, `smtp://127.0.0.1:${late}/?to=a@b.example`)
  assert.deepEqual([first.handed, first.refused], [0, 1])
  assert.match(first.problems.join(), /under way when the connection broke/)
  const second = await send(mail, `smtp://127.0.0.1:${late}/?to=a@b.example`)
  assert.equal(second.handed, 1)
  assert.match(second.problems.join(), /sent again, and may arrive there twice/)
})

test('RFC 5321 §3.8: a server that goes after some messages gets the others over another connection', async (t) => {
  let taken = 0
  let here = 0
  let session = 0
  const port = await scripted(t, (line, number) => {
    if (number !== session) [session, here] = [number, 0]
    if (line.startsWith('MAIL') && here === 2) return '421 that was enough'
    if (line === '.') [taken, here] = [taken + 1, here + 1]
    return polite(line)
  })
  const mail = await mailWith(...Array.from({ length: 9 }, (_, n) => `Subject: ${n}\r\n\r\n`))
  assert.deepEqual(await send(mail, `smtp://127.0.0.1:${port}/?to=a@b.example`), { ...fine, handed: 9 })
  assert.deepEqual([taken, session], [9, 5])
})

test('what does not speak SMTP, or says nothing, is told', async (t) => {
  const mail = await mailWith(simple)
  const url = (port: number): string => `smtp://127.0.0.1:${port}/?to=a@b.example`
  const odd = await send(mail, url(await scripted(t, () => 'HTTP/1.1 400 Bad Request')))
  assert.match(odd.error?.message ?? '', /does not speak SMTP: HTTP/)
  const endless = await send(mail, url(await scripted(t, () => 'x'.repeat(100_000))))
  assert.match(endless.error?.message ?? '', /line of more than/)
  const silent = await send(mail, url(await scripted(t, () => '')), { patience: { connect: 30_000, silence: 50 } })
  assert.match(silent.error?.message ?? '', /does not speak SMTP|silent/)
  const hang = createServer(() => undefined).listen(0, '127.0.0.1')
  await once(hang, 'listening')
  t.after(() => hang.close())
  const quiet = await send(mail, url((hang.address() as AddressInfo).port), {
    patience: { connect: 30_000, silence: 50 },
  })
  assert.match(quiet.error?.message ?? '', /has been silent for 0\.05 s/)
})
