import assert from 'node:assert/strict'
import { test } from 'node:test'
import { add } from '../../src/store/contract-mail.ts'
import { DiskStore } from '../../src/store/disk.ts'
import { pop3, postino } from './postino.ts'

test('maildrops: what clients deleted is shown and brought back, devices are listed and removed, settings hold at once', async (t) => {
  const { run, json, serve } = await postino(t)
  await run(['user', 'add', 'mario', '--password-stdin'], { input: 'secret\n' })
  await run(['import', '-', '--user', 'mario'], { input: 'Subject: one\n\none\n' })
  await run(['import', '-', '--user', 'mario'], { input: 'Subject: two\n\ntwo\n' })
  const serving = await serve()
  const session = async (login: string, ...commands: string[]): Promise<string> =>
    (await pop3(serving.ports['pop3'] ?? 0, [`USER ${login}`, 'PASS secret', ...commands, 'QUIT'])).slice(2).join(' | ')
  assert.match(await session('mario', 'DELE 1'), /\+OK bye, 1 message removed/)
  assert.match(await session('mario+phone', 'STAT'), /\+OK 2 /)
  assert.match(await session('mario+phone', 'DELE 1', 'DELE 2'), /2 messages removed/)

  const [shown] = await json(['user', 'maildrop', 'show', 'mario'])
  assert.deepEqual(
    { ...shown, octets: 0 },
    {
      user: 'mario',
      messages: 1,
      octets: 0,
      hidden: 1,
      trash: 0,
      dele: 'hide',
      trashDays: 30,
      expireDays: null,
      loginDelay: 0,
      newDevices: 'all',
    },
  )
  assert.match(
    (await run(['user', 'maildrop', 'show', 'mario+phone'])).stdout,
    /messages +0 messages.*\ndeleted +2 mess/,
  )
  const back = await run(['user', 'maildrop', 'reset', 'mario+phone'])
  assert.equal(back.stdout, 'brought back 2 messages of mario+phone\n')
  assert.match(await session('mario+phone', 'STAT'), /\+OK 2 /)
  assert.match(await session('mario', 'STAT'), /\+OK 1 /)

  const set = await run(['user', 'maildrop', 'set', 'mario', '--dele', 'trash', '--trash-days', '7', '--expire', '90'])
  assert.deepEqual([set.code, set.stdout], [0, 'changed the maildrop of mario\n'])
  assert.match(await session('mario', 'CAPA'), /\+OK/)
  assert.match(await session('mario', 'DELE 1'), /1 message removed/)
  assert.deepEqual(await json(['user', 'maildrop', 'reset', 'mario']), [{ user: 'mario', shown: 1, fromTrash: 1 }])
  assert.match(await session('mario', 'STAT'), /\+OK 2 /)
  const [changed] = await json(['user', 'maildrop', 'set', 'mario', '--expire', 'never', '--login-delay', '60'])
  assert.deepEqual([changed?.['expireDays'], changed?.['loginDelay'], changed?.['trashDays']], [null, 60, 7])
  assert.match(await session('mario'), /-ERR \[LOGIN-DELAY\]/)

  const [device] = await json(['user', 'device', 'list', 'mario'])
  assert.deepEqual({ ...device, created: '' }, { user: 'mario', device: 'phone', created: '', messages: 2, hidden: 0 })
  assert.equal(
    (await run(['user', 'device', 'remove', 'mario+phone'])).stdout,
    'removed the device mario+phone; its mail stays\n',
  )
  assert.deepEqual(await json(['user', 'device', 'list', 'mario']), [])
  assert.equal((await serving.stop()).code, 0)
})

test('maildrops: what has expired is shown as gone, as POP3 has it', async (t) => {
  const { run, json, data } = await postino(t)
  await run(['user', 'add', 'mario', '--password-stdin'], { input: 'secret\n' })
  const old = new DiskStore(data, { now: () => Date.now() - 10 * 86_400_000 })
  const mail = await old.open('mario')
  await add(mail, 'Subject: old\r\n\r\n')
  await mail.change((draft) => draft.openDevice('phone', 'all'))
  await old.close()
  await run(['import', '-', '--user', 'mario'], { input: 'Subject: new\n\n' })
  const messages = async (...words: string[]): Promise<unknown> => (await json(['user', ...words]))[0]?.['messages']
  assert.equal(await messages('maildrop', 'show', 'mario'), 2)
  await run(['user', 'maildrop', 'set', 'mario', '--expire', '9'])
  assert.equal(await messages('maildrop', 'show', 'mario'), 1)
  assert.equal(await messages('device', 'list', 'mario'), 1)
})

test('maildrops: a wrong word is named, with those that are right', async (t) => {
  const { run } = await postino(t)
  await run(['user', 'add', 'mario', '--password-stdin'], { input: 'secret\n' })
  const wrong: [string[], RegExp][] = [
    [['maildrop', 'show', 'luigi'], /there is no user "luigi"/],
    [['maildrop', 'show', 'mario+phone'], /there is no device "phone"; mario has no devices/],
    [['maildrop', 'set', 'mario'], /say what to set/],
    [['maildrop', 'set', 'mario', '--dele', 'burn'], /--dele burn: give hide, trash or expunge/],
    [['maildrop', 'set', 'mario', '--expire', 'soon'], /--expire soon: give a whole number, or never/],
    [['maildrop', 'set', 'mario', '--expire', '0'], /expire after 0 days/],
    [['maildrop', 'set', 'mario+phone', '--dele', 'hide'], /name mario, not mario\+phone/],
    [['device', 'remove', 'mario'], /say which device/],
  ]
  for (const [words, said] of wrong) {
    const { code, stderr } = await run(['user', ...words])
    assert.equal(code, 2, words.join(' '))
    assert.match(stderr, said)
  }
})

test('a password can be kept such that it can be recovered, for APOP, and no more', async (t) => {
  const { run, json, serve } = await postino(t)
  await run(['user', 'add', 'mario', '--password-stdin'], { input: 'secret\n' })
  const greeting = async (): Promise<string> => {
    const serving = await serve()
    const [said = ''] = await pop3(serving.ports['pop3'] ?? 0, ['QUIT'])
    await serving.stop()
    return said
  }
  assert.doesNotMatch(await greeting(), /</)
  const changed = await run(['user', 'password', 'mario', '--password-stdin', '--apop'], { input: 'secret\n' })
  assert.match(changed.stdout, /can be recovered, for APOP/)
  // RFC 1939 §7: a timestamp says that APOP is there.
  assert.match(await greeting(), /<[^<>]+@[^<>]+>/)
  assert.deepEqual(await json(['user', 'password', 'mario', '--password-stdin'], { input: 'other\n' }), [
    { user: 'mario', apop: true },
  ])
  assert.deepEqual(await json(['user', 'password', 'mario', '--password-stdin', '--no-apop'], { input: 'other\n' }), [
    { user: 'mario', apop: false },
  ])
  assert.doesNotMatch(await greeting(), /</)
})
