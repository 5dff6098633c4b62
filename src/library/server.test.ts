import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import { house, logIn, soon, talk } from '../../test/pop3-house.ts'
import { createPop3Server } from './server.ts'
import type { ServedMessage } from './served-maildrop.ts'

// The server is the door's, which has its own tests; these are of what a program hands to it.

const forms: readonly (readonly [string, ServedMessage['read']])[] = [
  ['octets', () => Buffer.from('one\r\ntwo\r\n')],
  ['a promise of octets', () => Promise.resolve(new Uint8Array(Buffer.from('one\r\ntwo\r\n')))],
  ['a stream', () => Readable.from([Buffer.from('one\r\nt'), Buffer.from('wo\r\n')])],
  ['octets without a last line end', () => Buffer.from('one\r\ntwo')],
  ['octets whose lines end in LF', () => Buffer.from('one\ntwo\n')],
]
for (const [name, read] of forms) {
  test(`a message may be ${name}; its size is counted`, async (t) => {
    const { at } = await house(t, [{ read }])
    const said = await talk(t, at, `${logIn}LIST 1\r\nRETR 1\r\nTOP 1 0\r\nQUIT\r\n`)
    assert.match(said, /\+OK 1 10\r\n\+OK 10 octets\r\none\r\ntwo\r\n\.\r\n/)
  })
}

test('where the size is given, the message is not read before it is asked for', async (t) => {
  let read = 0
  const { at } = await house(t, [{ octets: 5, lineEnds: 'lf', read: () => (read++, Buffer.from('one\n')) }])
  assert.match(await talk(t, at, `${logIn}STAT\r\nQUIT\r\n`), /\+OK 1 5\r\n/)
  assert.equal(read, 0)
  assert.match(await talk(t, at, `${logIn}RETR 1\r\nQUIT\r\n`), /\r\none\r\n\.\r\n/)
})

test('a large message goes out whole, in pieces that leave others their turn', async (t) => {
  const large = Buffer.from(`${'x'.repeat(998)}\r\n`.repeat(3000))
  const { at } = await house(t, [{ octets: large.length, read: () => large }])
  const said = await talk(t, at, `${logIn}RETR 1\r\nQUIT\r\n`)
  assert.ok(said.includes(`\r\n${large.toString()}.\r\n`))
})

for (const [what, message] of [
  ['a unique-id with a space', { uniqueId: 'a b' }],
  ['an empty unique-id', { uniqueId: '' }],
  ['a unique-id of 71 characters', { uniqueId: 'x'.repeat(71) }],
  ['a unique-id for the second time', { uniqueId: 'm1' }],
  ['a size of -1', { uniqueId: 'm2', octets: -1 }],
] as const) {
  test(`${what} is the program's fault: the maildrop is not opened, the log says why`, async (t) => {
    const read = (): Buffer => Buffer.from('a\r\n')
    let closed = 0
    const messages = [
      { uniqueId: 'm1', read },
      { ...message, read },
    ]
    const openMaildrop = () => ({ messages, remove: () => undefined, close: () => void closed++ })
    const { at, log } = await house(t, [], { openMaildrop })
    assert.match(await talk(t, at, logIn), /-ERR \[SYS\/TEMP\] cannot open the maildrop/)
    await soon(() => log.length === 1)
    assert.match(log[0]?.problem ?? '', /unique-id|octets/)
    assert.equal(closed, 1)
    assert.match(await talk(t, at, logIn), /cannot open/, 'not "in use"')
  })
}

test('messages that come during a session are there in the next', async (t) => {
  const messages: ServedMessage[] = []
  const { at } = await house(t, [], {
    openMaildrop: () => {
      // The program's own array grows while the session lasts.
      setImmediate(() =>
        messages.push({ uniqueId: `m${messages.length + 1}`, octets: 3, read: () => Buffer.from('a\r\n') }),
      )
      return { messages, remove: () => undefined }
    },
  })
  assert.match(await talk(t, at, `${logIn}STAT\r\nRETR 1\r\nQUIT\r\n`), /\+OK 0 0\r\n-ERR/)
  assert.match(await talk(t, at, `${logIn}STAT\r\nRETR 1\r\nQUIT\r\n`), /\+OK 1 3\r\n\+OK/)
})

test('what CAPA says of EXPIRE and LOGIN-DELAY is the policy, and after the log-in that of the maildrop', async (t) => {
  const { at } = await house(t, [], {
    policy: { expire: 30, expirePerUser: true, loginDelay: 60 },
    openMaildrop: () => ({ messages: [], remove: () => undefined, policy: { expire: 90, loginDelay: 60 } }),
  })
  const [before = '', after = ''] = (await talk(t, at, `CAPA\r\n${logIn}CAPA\r\nQUIT\r\n`)).split('maildrop has')
  assert.match(before, /\r\nEXPIRE 30 USER\r\n/)
  assert.match(before, /\r\nLOGIN-DELAY 60\r\n/)
  assert.match(after, /\r\nEXPIRE 90\r\n/)
})

test('a port that is taken is told', async (t) => {
  const { at } = await house(t)
  const other = createPop3Server({
    authenticate: () => undefined,
    openMaildrop: () => ({ messages: [], remove: () => undefined }),
  })
  await assert.rejects(other.listen(at), { name: 'MisuseError', code: 'configuration' })
  await assert.rejects(other.listen({ port: 0, tls: true }), /needs a certificate/)
})
