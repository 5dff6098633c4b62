import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import { connect as secure } from 'node:tls'
import { promisify } from 'node:util'
import { StoreError } from '../errors.ts'
import { makeCertificate } from '../net/certificate.ts'
import { MemoryStore } from '../store/memory.ts'
import type { MessageId } from '../ids.ts'
import type { Taker, UserMail } from '../store/store.ts'
import { Pop3Door, type Pop3DoorOptions, type SessionLog } from './serve-pop3.ts'

const run = promisify(execFile)
const certificate = makeCertificate()

interface House {
  readonly door: Pop3Door
  readonly mail: UserMail
  readonly log: SessionLog[]
  readonly at: { host: string; port: number }
}

async function house(
  t: TestContext,
  messages: readonly string[],
  more: Partial<Pop3DoorOptions> = {},
  tls = false,
): Promise<House> {
  const store = new MemoryStore()
  const mail = await store.open('mario')
  for (const message of messages) {
    const staging = mail.stage('unknown')
    await staging.write(Buffer.from(message, 'latin1'))
    const staged = await staging.finish()
    await mail.change((draft) => draft.add(staged, { mailbox: draft.openMailbox('INBOX'), received: 1 }))
  }
  const log: SessionLog[] = []
  const door = new Pop3Door({
    open: () => Promise.resolve(mail),
    authenticate: (login, password) => Promise.resolve(password === 'secret' ? login : undefined),
    tls: () => certificate,
    log: (entry) => log.push(entry),
    ...more,
  })
  t.after(() => door.close())
  return { door, mail, log, at: await door.listen({ host: '127.0.0.1', port: 0, tls }) }
}

/** A client that sends all at once and hears all there is. */
async function talk(at: { host: string; port: number }, text: string): Promise<string> {
  const socket = connect(at)
  socket.end(text)
  let said = ''
  socket.on('data', (octets: Buffer) => (said += octets.toString('latin1')))
  await once(socket, 'close')
  return said
}

/** Waits until the server has said something like this. */
async function until(socket: Socket, like: RegExp): Promise<string> {
  let said = ''
  while (!like.test(said)) {
    const [octets] = (await once(socket, 'data', { signal: AbortSignal.timeout(10_000) })) as [Buffer]
    said += octets.toString('latin1')
  }
  return said
}

/** Waits until a connection is over, in whatever way. */
function ended(socket: Socket): Promise<void> {
  socket.on('error', () => undefined)
  socket.resume()
  return new Promise((resolve) => socket.on('close', () => resolve()))
}

const logIn = 'USER mario\r\nPASS secret\r\n'

test('a session is told in one log entry', async (t) => {
  const { at, log, door } = await house(t, ['Subject: a\r\n\r\none\r\n', 'Subject: b\r\n\r\ntwo\r\n'])
  const said = await talk(at, `${logIn}RETR 1\r\nTOP 2 0\r\nRETR 2\r\nDELE 2\r\nQUIT\r\n`)
  assert.match(said, /\r\n\+OK bye, 1 message removed\r\n$/)
  await door.close()
  const [entry] = log
  assert.ok(entry)
  const { user, address, tls, retrieved, retrievedOctets, tops, removed, octetsOut, end } = entry
  assert.deepEqual(
    { user, address, tls, retrieved, retrievedOctets, tops, removed, octetsOut, end },
    {
      user: 'mario',
      address: '127.0.0.1',
      tls: undefined,
      retrieved: 2,
      retrievedOctets: 38,
      tops: 1,
      removed: 1,
      octetsOut: said.length,
      end: 'quit',
    },
  )
})

test('a client that shuts its side after the last command still hears every answer', async (t) => {
  const { at } = await house(t, ['a\r\n'])
  assert.match(await talk(at, `${logIn}STAT\r\nLIST\r\n`), /\+OK 1 3\r\n\+OK .*\r\n1 3\r\n\.\r\n$/)
})

test('a second session is told since when and from where the first has the maildrop, and gets in after it', async (t) => {
  const { at } = await house(t, [])
  const first = connect(at)
  t.after(() => first.destroy())
  first.write(logIn)
  await until(first, /maildrop has/)
  assert.match(
    await talk(at, logIn),
    /-ERR \[IN-USE\] .* from 127\.0\.0\.1 since 20\d\d-\d\d-\d\d \d\d:\d\d:\d\d UTC\r\n/,
  )
  first.write('QUIT\r\n')
  await until(first, /bye/)
  assert.match(await talk(at, `${logIn}QUIT\r\n`), /maildrop has 0 messages/, 'the lock is let go before the answer')
})

test('an update that the store refuses is told truthfully', async (t) => {
  const { at, mail, log } = await house(t, ['a\r\n'])
  t.mock.method(mail, 'change', () => Promise.reject(new StoreError('disk-full', 'no space left on /data')))
  const said = await talk(at, `${logIn}DELE 1\r\nQUIT\r\n`)
  assert.match(said, /-ERR \[SYS\/TEMP\] nothing was removed: the disk is full\r\n$/)
  assert.equal(log[0]?.problem, 'no space left on /data')
})

test('what is sent in the clear behind STLS is not carried out, even where the handshake then fails', async (t) => {
  const { at, log, door } = await house(t, [])
  const socket = connect(at)
  t.after(() => socket.destroy())
  socket.on('error', () => undefined)
  socket.write('STLS\r\n')
  await until(socket, /TLS handshake/)
  socket.write(logIn)
  let said = ''
  socket.on('data', (octets: Buffer) => (said += octets.toString('latin1')))
  await ended(socket)
  assert.doesNotMatch(said, /\+OK/)
  await door.close()
  assert.equal(log[0]?.end, 'tls failed')
  assert.equal(log[0]?.user, undefined)
})

test('implicit TLS serves a large message whole', async (t) => {
  const body = `${'x'.repeat(76)}\r\n..dots\r\n`.repeat(40_000)
  const { at } = await house(t, [`Subject: large\r\n\r\n${body}`], {}, true)
  const socket = secure({ ...at, rejectUnauthorized: false })
  socket.write(`${logIn}RETR 1\r\nQUIT\r\n`)
  let said = ''
  socket.on('data', (octets: Buffer) => (said += octets.toString('latin1')))
  await once(socket, 'close')
  const from = said.indexOf('Subject: large')
  const message = said.slice(from, said.indexOf('\r\n.\r\n', from) + 2)
  assert.ok(message.replaceAll('\r\n...', '\r\n..') === `Subject: large\r\n\r\n${body}`)
})

test('a silent client is hung up on, and its maildrop is free again', async (t) => {
  const { at, log } = await house(t, [], { patience: { before: 10_000, after: 20 } })
  const socket = connect(at)
  socket.write(logIn)
  await ended(socket)
  assert.match(await talk(at, `${logIn}QUIT\r\n`), /maildrop has/)
  assert.equal(log[0]?.end, 'idle too long')
})

test('a client that drips octets without a command is hung up on before it logs in', async (t) => {
  const { at, log, door } = await house(t, [], { patience: { before: 20 } })
  const socket = connect(at)
  const drip = setInterval(() => socket.write('x'), 5)
  t.after(() => clearInterval(drip))
  await ended(socket)
  await door.close()
  assert.equal(log[0]?.end, 'idle too long')
})

test('a client that never reads does not make the server hold its message, and is hung up on', async (t) => {
  const { at, mail, log, door } = await house(t, ['a\r\n'], { patience: { after: 20 } })
  let given = 0
  t.mock.method(mail, 'bytes', async function* endless() {
    for (;;) {
      given += 65_536
      yield await Promise.resolve(new Uint8Array(65_536).fill(0x61))
    }
  })
  const socket = connect(at)
  t.after(() => socket.destroy())
  socket.pause()
  socket.on('error', () => undefined)
  socket.write(`${logIn}RETR 1\r\n`)
  while (log.length === 0) await new Promise((resolve) => setTimeout(resolve, 20))
  assert.equal(log[0]?.end, 'idle too long')
  assert.ok(given < 64 << 20, `${given} octets were read for a client that takes none`)
  await door.close()
})

test('connections from one address are limited, and a place that is left can be taken', async (t) => {
  const { at } = await house(t, [], { limits: { perAddress: 2 } })
  const two = [connect(at), connect(at)]
  t.after(() => two.forEach((socket) => socket.destroy()))
  for (const socket of two) await until(socket, /ready/)
  assert.match(await talk(at, ''), /^-ERR \[SYS\/TEMP\] too many connections/)
  const [first] = two
  assert.ok(first)
  first.write('QUIT\r\n')
  await ended(first)
  assert.match(await talk(at, 'QUIT\r\n'), /^\+OK/)
})

test('closing ends sessions that wait, and lets a reply be finished', async (t) => {
  const { at, door, mail } = await house(t, ['a\r\n'])
  const gate = Promise.withResolvers<void>()
  t.mock.method(mail, 'lend', async (_: MessageId, take: Taker) => {
    await take([Buffer.from('first\r\n')])
    await gate.promise
    await take([Buffer.from('last\r\n')])
  })
  const idle = connect(at)
  const busy = connect(at)
  await until(idle, /ready/)
  busy.write(`${logIn}RETR 1\r\n`)
  await until(busy, /first\r\n$/)
  const closed = door.close()
  await ended(idle)
  gate.resolve()
  assert.match(await until(busy, /\r\n\.\r\n/), /^last\r\n\.\r\n$/)
  await closed
  await assert.rejects(talk(at, ''), { code: 'ECONNREFUSED' })
})

test('a maildrop in which nothing has changed is not looked at again', async (t) => {
  const { at, mail } = await house(t, ['a\r\n'])
  let looked = 0
  const read = mail.read.bind(mail)
  t.mock.method(mail, 'read', (look: Parameters<UserMail['read']>[0]) =>
    read((view) => {
      const maildrop = view.maildrop.bind(view)
      return look(
        new Proxy(view, {
          get: (of, name) => {
            if (name === 'maildrop') return () => (looked++, maildrop())
            const value: unknown = Reflect.get(of, name)
            return typeof value === 'function' ? value.bind(of) : value
          },
        }),
      )
    }),
  )
  for (let i = 0; i < 3; i++) assert.match(await talk(at, `${logIn}STAT\r\nQUIT\r\n`), /\+OK 1 3\r\n/)
  assert.equal(looked, 1)
  assert.match(await talk(at, `${logIn}DELE 1\r\nQUIT\r\n`), /removed/)
  assert.match(await talk(at, `${logIn}STAT\r\nQUIT\r\n`), /\+OK 0 0\r\n/)
  assert.equal(looked, 2)
})

test('curl fetches a message byte for byte', async (t) => {
  const message = 'Subject: a\r\n\r\n.dot\r\n..\r\nlast\r\n'
  const { at } = await house(t, [message])
  let out: { stdout: string }
  try {
    out = await run('curl', ['-s', '-k', '--ssl-reqd', '-u', 'mario:secret', `pop3://${at.host}:${at.port}/1`])
  } catch (error) {
    if ((error as { code?: unknown }).code === 'ENOENT') return t.skip('curl is not installed')
    throw error
  }
  assert.equal(out.stdout, message)
})

test("Python's poplib works a maildrop over STLS", async (t) => {
  const { at } = await house(t, ['Subject: a\r\n\r\n.dot\r\n', 'Subject: b\r\n\r\nb\r\n'])
  const script = `
import poplib, ssl, sys
context = ssl.create_default_context(); context.check_hostname = False; context.verify_mode = ssl.CERT_NONE
pop = poplib.POP3('${at.host}', ${at.port}, timeout=20)
pop.stls(context); pop.user('mario'); pop.pass_('secret')
print(pop.stat(), len(pop.uidl()[1]), pop.retr(1)[1], pop.top(2, 0)[1], sorted(pop.capa())[:2])
pop.dele(1); pop.quit()
`
  let out: { stdout: string }
  try {
    out = await run('python3', ['-c', script])
  } catch (error) {
    if ((error as { code?: unknown }).code === 'ENOENT') return t.skip('python3 is not installed')
    throw error
  }
  const wanted = "(2, 37) 2 [b'Subject: a', b'', b'.dot'] [b'Subject: b', b''] ['AUTH-RESP-CODE', 'EXPIRE']\n"
  assert.equal(out.stdout, wanted)
})
