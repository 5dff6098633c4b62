import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { italian } from '../pop3/texts-it.ts'
import { Caller, house, logIn, soon, talk } from '../../test/pop3-house.ts'

// A door is tested over a real socket, with mail in memory behind it. What is said of a log-in, of TLS, of sending and of QUIT stands in
// the other serve-pop3-*.test.ts.

const run = promisify(execFile)

test('a session is told in one log entry', async (t) => {
  const { at, log, server } = await house(t, ['Subject: a\r\n\r\none\r\n', 'Subject: b\r\n\r\ntwo\r\n'])
  const commands = `${logIn}RETR 1\r\nTOP 2 0\r\nRETR 2\r\nDELE 2\r\nQUIT\r\n`
  const said = await talk(t, at, commands)
  assert.match(said, /\r\n\+OK bye, 1 message removed\r\n$/)
  await server.close()
  const [entry] = log
  assert.ok(entry)
  const { milliseconds, ...rest } = entry
  assert.ok(Number.isInteger(milliseconds) && milliseconds >= 0)
  assert.deepEqual(rest, {
    user: 'mario',
    device: undefined,
    address: '127.0.0.1',
    tls: undefined,
    mechanism: 'USER',
    failedLogIns: 0,
    size: { messages: 2, octets: 38 },
    retrieved: 2,
    retrievedOctets: 38,
    tops: 1,
    removed: 1,
    octetsIn: commands.length,
    octetsOut: said.length,
    end: 'quit',
  })
})

test('the log says who did not get in, and nothing that was secret', async (t) => {
  const { at, log, server } = await house(t)
  await talk(t, at, 'USER mario\r\nPASS swordfish\r\nLANG it\r\nUTF8\r\nQUIT\r\n')
  await server.close()
  const [entry] = log
  assert.ok(entry)
  const { user, failedLogIns, size, language, utf8, end } = entry
  assert.deepEqual(
    { user, failedLogIns, size, language, utf8, end },
    {
      user: undefined,
      failedLogIns: 1,
      size: undefined,
      language: 'it',
      utf8: true,
      end: 'quit',
    },
  )
  assert.doesNotMatch(JSON.stringify(entry), /swordfish/)
})

test('a client that shuts its side after the last command still hears every answer', async (t) => {
  const { at } = await house(t, ['a\r\n'])
  assert.match(await talk(t, at, `${logIn}STAT\r\nLIST\r\n`), /\+OK 1 3\r\n\+OK .*\r\n1 3\r\n\.\r\n$/)
})

test('a silent client is hung up on, and its maildrop is free again', async (t) => {
  const { at, log } = await house(t, [], { patience: { before: 10_000, after: 20 } })
  const caller = await Caller.call(t, at)
  caller.say(logIn)
  await caller.rest()
  assert.match(await talk(t, at, `${logIn}QUIT\r\n`), /maildrop has/)
  await soon(() => log.length > 0)
  assert.equal(log[0]?.end, 'idle too long')
})

test('a client that drips octets without a command is hung up on before it logs in', async (t) => {
  const { at, log } = await house(t, [], { patience: { before: 20 } })
  const caller = await Caller.call(t, at)
  const drip = setInterval(() => caller.say('x'), 5)
  t.after(() => clearInterval(drip))
  await caller.rest()
  await soon(() => log.length === 1)
  assert.equal(log[0]?.end, 'idle too long')
})

test('connections from one address are limited, and a place that is left can be taken', async (t) => {
  const { at } = await house(t, [], { limits: { perAddress: 2 } })
  const first = await Caller.call(t, at)
  const second = await Caller.call(t, at)
  for (const caller of [first, second]) await caller.until(/ready/)
  assert.match(await talk(t, at, ''), /^-ERR \[SYS\/TEMP\] too many sessions/)
  first.say('QUIT\r\n')
  await first.rest()
  assert.match(await talk(t, at, 'QUIT\r\n'), /^\+OK/)
})

test('RFC 1939 §3: also who is turned away is told so in ASCII', async (t) => {
  const { at } = await house(t, [], { limits: { perAddress: 0 }, languages: [italian] })
  assert.equal(await talk(t, at, ''), '-ERR [SYS/TEMP] troppe sessioni: riprovare piu tardi\r\n')
})

test('where all places are taken, the oldest who has not logged in leaves for the new one', async (t) => {
  const { at, log } = await house(t, [], { limits: { sessions: 2 } })
  const inside = await Caller.call(t, at)
  inside.say(logIn)
  await inside.until(/maildrop has.*\r\n/)
  const stranger = await Caller.call(t, at)
  await stranger.until(/ready/)
  const third = await Caller.call(t, at)
  await third.until(/ready/)
  await stranger.rest()
  await soon(() => log.length > 0)
  assert.equal(log[0]?.end, 'made room')
  assert.equal(await inside.ask('NOOP'), '+OK')
})

test('closing ends sessions that wait, and lets a reply be finished', async (t) => {
  const gate = Promise.withResolvers<void>()
  async function* slowly(): AsyncIterable<Uint8Array> {
    yield Buffer.from('first\r\n')
    await gate.promise
    yield Buffer.from('last\r\n')
  }
  const { at, server, log } = await house(t, [{ octets: 13, read: slowly }])
  const idle = await Caller.call(t, at)
  const busy = await Caller.call(t, at)
  await idle.until(/ready/)
  busy.say(`${logIn}RETR 1\r\n`)
  await busy.until(/first\r\n$/)
  const closed = server.close()
  await idle.rest()
  gate.resolve()
  assert.equal(await busy.rest(), 'last\r\n.\r\n')
  await closed
  assert.deepEqual(
    log.map(({ end }) => end),
    ['closing', 'closing'],
  )
  await assert.rejects(talk(t, at, ''), { code: 'ECONNREFUSED' })
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
pop = poplib.POP3('${at.host}', ${at.port}, timeout=120)
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
