import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { setImmediate as nextTurn, setTimeout as wait } from 'node:timers/promises'
import { DiskStore } from '../../src/store/disk.ts'
import { PlainPop3 } from './plain-pop3.ts'
import { closed, importThese, intoIt, served, talk } from './served.ts'

const three = ['Subject: a\r\n\r\n.one\r\n..\r\n', 'Subject: b\r\n\r\ntwo', 'Subject: c\n\nthree\n']

test('a session that comes in one-octet pieces is answered as one that comes at once', async (t) => {
  const { port } = await served(t, three)
  const lines = 'CAPA\r\nSTAT\r\nLIST\r\nUIDL 2\r\nRETR 1\r\nTOP 3 1\r\nDELE 2\r\nRSET\r\nNOOP\r\n \r\nLAST\r\nQUIT\r\n'
  const whole = await talk(port, [intoIt + lines])
  assert.match(whole.toString(), /\+OK bye\r\n$/)
  assert.deepEqual(await talk(port, drip(intoIt + lines)), whole)
  // LF alone ends a line as well; CR alone does not.
  assert.deepEqual(await talk(port, drip((intoIt + lines).replaceAll('\r\n', '\n'))), whole)
  assert.match((await talk(port, ['NOOP\rNOOP\r\nQUIT\r\n'])).toString(), /^\+OK.*\r\n-ERR.*\r\n\+OK bye\r\n$/)
})

/** Octet by octet, as a rule each in a packet of its own. */
async function* drip(text: string): AsyncGenerator<string> {
  for (const octet of text) {
    yield octet
    await nextTurn()
  }
}

test('what is no command, and what is no message-number, is told so, once, and the session goes on', async (t) => {
  const { port } = await served(t, three)
  const wrong = [
    ...'\0|STAT\0|\xff\xfe|RETR\xa01|%s%s%n|%n|../..|XTND XMIT|+OK|.|| |LAST|USER mario|PASS secret|STLS|AUTH PLAIN|UTF8'.split(
      '|',
    ),
    ...'RETR|RETR |RETR 0|RETR -1|RETR 1.5|RETR 1e3|RETR 1x|RETR +1|RETR 4|RETR \xb9|RETR 1 2|RETR %d|RETR \0|RETR 1\0'.split(
      '|',
    ),
    ...'RETR 4294967296|RETR 4294967297|RETR 18446744073709551616|RETR 18446744073709551617'.split('|'),
    ...'DELE 0|DELE *|TOP 1|TOP 1 -1|TOP 1 1.5|TOP 1 x|TOP 0 1|LIST 0|UIDL 99|STAT 1|NOOP x|RSET 1|CAPA 1|QUIT now'.split(
      '|',
    ),
    `RETR ${'9'.repeat(200)}`,
    `RETR ${'1'.repeat(300)}`,
  ]
  const said = wrong.map((line) => `${line}\r\nNOOP\r\n`).join('')
  const heard = (await talk(port, [intoIt, Buffer.from(said, 'latin1'), 'STAT\r\nQUIT\r\n'])).toString('latin1')
  const replies = heard.split('\r\n').slice(3, -1)
  for (const line of wrong) {
    assert.match(replies.shift() ?? '', /^-ERR [\x20-\x7e]{1,505}$/, JSON.stringify(line))
    assert.equal(replies.shift(), '+OK')
  }
  assert.match(replies.shift() ?? '', /^\+OK 3 \d+$/)
  assert.match(replies.shift() ?? '', /^\+OK bye$/)
  assert.deepEqual(replies, [])
})

test('a connection that is cut at any octet of DELE and QUIT has removed all or nothing', async (t) => {
  const { port } = await served(t, three)
  const end = 'DELE 1\r\nDELE 3\r\nQUIT\r\n'
  const left = async (): Promise<number> => {
    const client = await loggedIn(port)
    const count = Number(/^\+OK (\d+)/.exec(await client.ask('STAT'))?.[1])
    await client.ask('QUIT')
    return count
  }
  for (let cut = 0; cut < end.length; cut++) {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true })
    const over = closed(socket)
    socket.write(intoIt + end.slice(0, cut))
    await heardLogIn(socket)
    // Half of them with a reset.
    if (cut % 2 === 0) socket.resetAndDestroy()
    else socket.destroy()
    await over
    assert.equal(await left(), 3, `cut after ${JSON.stringify(end.slice(0, cut))}`)
  }
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  const over = closed(socket)
  socket.write(intoIt + end)
  await heardLogIn(socket)
  socket.destroy()
  await over
  assert.ok([1, 3].includes(await left()))
})

async function heardLogIn(socket: ReturnType<typeof connect>): Promise<void> {
  let heard = ''
  await new Promise<void>((resolve) => {
    socket.on('close', () => resolve())
    socket.on('data', (octets: Buffer) => {
      heard += octets.toString('latin1')
      if (/maildrop has/.test(heard)) resolve()
    })
  })
}

/** Logs in, also where the server has not yet noticed that the session before is over. */
async function loggedIn(port: number): Promise<PlainPop3> {
  for (let tries = 0; ; tries++) {
    const client = await PlainPop3.open(port)
    try {
      await client.ask('USER mario')
      await client.ask('PASS secret')
      return client
    } catch (error) {
      client.drop()
      if (tries > 2000) throw error
      await wait(20)
    }
  }
}

test('a message that is damaged on disk never ends with its dot', async (t) => {
  const line = `${'y'.repeat(70)}\r\n`
  const large = `Subject: large\r\n\r\n${line.repeat(40_000)}THE-MARK-OF-THE-LARGE\r\n${line.repeat(10)}`
  const small = `Subject: small\r\n\r\n${line.repeat(10)}THE-MARK-OF-THE-SMALL\r\n`
  const { port, data } = await served(t, [three[0] ?? '', small, large, three[1] ?? ''])
  await damage(data, 'THE-MARK-OF-THE-SMALL')
  await damage(data, 'THE-MARK-OF-THE-LARGE')
  const heard = (await talk(port, [intoIt, 'RETR 1\r\nRETR 2\r\nRETR 4\r\nRETR 3\r\nRETR 1\r\nQUIT\r\n'])).toString(
    'latin1',
  )
  // The small one is looked at before anything of it is said, so that it is refused and all goes on.
  assert.match(
    heard,
    /\.one\r\n\.\.\.\r\n\.\r\n-ERR \[SYS\/PERM\] [^\r\n]*damaged[^\r\n]*\r\n\+OK \d+ octets\r\nSubject: b\r\n/,
  )
  // Of the large one there is a part, and then nothing more.
  const part = heard.slice(heard.indexOf('Subject: large'))
  assert.ok(part.length > 1_000_000)
  assert.doesNotMatch(part, /\r\n\.\r\n/)
  assert.doesNotMatch(part, /\+OK|-ERR/)
})

/** Changes one octet of what is kept. */
async function damage(data: string, mark: string): Promise<void> {
  const folder = join(data, 'users/mario/segments')
  for (const name of readdirSync(folder)) {
    const path = join(folder, name)
    const at = readFileSync(path).indexOf(mark)
    if (at === -1) continue
    const file = await open(path, 'r+')
    await file.write('X', at)
    await file.close()
    return
  }
  throw new Error(`${mark} is in no segment`)
}

test('what other processes do in the middle of a session changes nothing in it, and is there in the next', async (t) => {
  const mine = await served(t, three)
  const client = await loggedIn(mine.port)
  const before = { list: await client.askLines('LIST'), uidl: await client.askLines('UIDL') }
  await importThese(mine, ['Subject: new\r\n\r\nnew\r\n'], 'second')
  const store = new DiskStore(mine.data)
  const mail = await store.open('mario')
  await mail.change((draft) => {
    const [first, second] = draft.view.messages()
    if (first !== undefined) draft.hide(first.id, true)
    if (second !== undefined) draft.remove(second.id)
  })
  await store.close()
  assert.deepEqual({ list: await client.askLines('LIST'), uidl: await client.askLines('UIDL') }, before)
  assert.match(await client.ask('STAT'), /^\+OK 3 /)
  // The hidden one is kept, so it can be read; the removed one is gone, which is told; the third is still the third.
  assert.ok((await client.askLines('RETR 1')).includes('..one'))
  await assert.rejects(client.askLines('RETR 2'), /RETR 2: -ERR/)
  assert.deepEqual(await client.askLines('RETR 3'), ['Subject: c', '', 'three'])
  for (const number of [1, 2, 3]) await client.ask(`DELE ${number}`)
  assert.match(await client.ask('QUIT'), /3 messages removed/)
  const next = await loggedIn(mine.port)
  assert.deepEqual((await next.askLines('RETR 1')).slice(0, 1), ['Subject: new'])
  assert.match(await next.ask('STAT'), /^\+OK 1 /)
  await next.ask('QUIT')
})
