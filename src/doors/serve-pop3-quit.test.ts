import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Caller, house, logIn, soon, talk } from '../../test/pop3-house.ts'
import { StoreError } from '../errors.ts'

const three = ['a\r\n', 'b\r\n', 'c\r\n']

/** A session that has marked message 2, and waits. */
async function marked(t: Parameters<typeof house>[0], at: { host: string; port: number }): Promise<Caller> {
  const caller = await Caller.call(t, at)
  caller.say(`${logIn}DELE 2\r\n`)
  await caller.until(/marked as deleted\r\n/)
  return caller
}

/** After this much of QUIT the connection is cut; and whether message 2 is then gone. */
const cuts: readonly (readonly [string, string, boolean])[] = [
  ['nothing', '', false],
  ['half a command', 'QUI', false],
  ['a command without its end', 'QUIT\r', false],
  ['a whole command', 'QUIT\r\n', true],
]
for (const [name, text, gone] of cuts) {
  test(`cut after ${name} of QUIT: ${gone ? 'what was marked is removed' : 'nothing is removed'}, and the maildrop is free`, async (t) => {
    const { at, left, log, counts, ends } = await house(t, three)
    const caller = await marked(t, at)
    caller.say(text)
    await soon(() => ends[0]?.bytesRead === caller.socket.bytesWritten)
    caller.socket.resetAndDestroy()
    await soon(() => log.length === 1)
    assert.deepEqual(left(), gone ? ['m1', 'm3'] : ['m1', 'm2', 'm3'])
    assert.equal(log[0]?.removed, gone ? 1 : 0)
    assert.equal(counts.closed, 1)
    assert.match(await talk(t, at, `${logIn}QUIT\r\n`), /maildrop has/)
  })
}

test('cut while the update goes on: it is done to its end, the lock is held until then, and let go once', async (t) => {
  const gate = Promise.withResolvers<void>()
  let removing = false
  const { at, log, counts, ends } = await house(t, three, {
    remove: async () => {
      removing = true
      await gate.promise
    },
  })
  const caller = await marked(t, at)
  caller.say('QUIT\r\n')
  await soon(() => removing)
  caller.socket.resetAndDestroy()
  await soon(() => ends[0]?.destroyed === true)
  assert.match(await talk(t, at, logIn), /-ERR \[IN-USE\]/)
  gate.resolve()
  await soon(() => counts.closed === 1)
  assert.match(await talk(t, at, `${logIn}QUIT\r\n`), /maildrop has/)
  const entry = log.find(({ removed }) => removed > 0)
  assert.equal(entry?.removed, 1)
  assert.equal(counts.closed, counts.opened)
})

test('QUIT is answered after the update, not before', async (t) => {
  const gate = Promise.withResolvers<void>()
  const { at } = await house(t, three, { remove: () => gate.promise })
  const caller = await marked(t, at)
  caller.say('QUIT\r\n')
  let answered = false
  const answer = caller.line().then((line) => {
    answered = true
    return line
  })
  await new Promise((resolve) => setTimeout(resolve, 50))
  assert.equal(answered, false)
  gate.resolve()
  assert.equal(await answer, '+OK bye, 1 message removed')
})

test('an update that fails says that nothing was removed and why, and the log has the whole reason', async (t) => {
  const { at, log, counts } = await house(t, three, {
    remove: () => {
      throw new StoreError('disk-full', 'no space left on /data')
    },
  })
  const said = await talk(t, at, `${logIn}DELE 1\r\nQUIT\r\n`)
  assert.match(said, /-ERR \[SYS\/TEMP\] nothing was removed: the disk is full\r\n$/)
  await soon(() => log.length === 1)
  assert.equal(log[0]?.problem, 'no space left on /data')
  assert.equal(log[0]?.removed, 0)
  assert.equal(counts.closed, 1)
})

test('an update that is done in part says how far it came', async (t) => {
  const { at, log } = await house(t, three, { remove: () => 2 })
  const said = await talk(t, at, `${logIn}DELE 1\r\nDELE 2\r\nDELE 3\r\nQUIT\r\n`)
  assert.match(said, /-ERR \[SYS\/TEMP\] only 2 of 3 messages removed: .*\r\n$/)
  await soon(() => log.length === 1)
  assert.equal(log[0]?.removed, 2)
})

test('an update that removes nothing does not ask the maildrop', async (t) => {
  let asked = 0
  const { at } = await house(t, three, { remove: () => void asked++ })
  assert.match(await talk(t, at, `${logIn}DELE 1\r\nRSET\r\nQUIT\r\n`), /\+OK bye\r\n$/)
  assert.equal(asked, 0)
})

test('a client that says QUIT and never closes its side does not keep the maildrop', async (t) => {
  const { at, log } = await house(t, three)
  const caller = await marked(t, at)
  caller.socket.removeAllListeners('end')
  caller.say('QUIT\r\n')
  await caller.until(/bye/)
  assert.match(await talk(t, at, `${logIn}QUIT\r\n`), /maildrop has 2 messages/)
  await soon(() => log.length === 2)
})
