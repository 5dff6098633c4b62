import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Directory } from '../../src/accounts/directory.ts'
import { DiskStore } from '../../src/store/disk.ts'
import { bring, day, mailboxes } from './bring.ts'
import { house, pop3, postino } from './postino.ts'

test('delete, trash list, restore, empty: what was deleted comes back to its mailbox, until it is emptied', async (t) => {
  const made = await house(t)
  const { run, json } = made
  const list = await bring(made, 1, { mailbox: 'Lists/dev', subject: 'news' })
  const deleted = await run(['delete', '1', String(list), '99'])
  assert.deepEqual(
    [deleted.code, deleted.stdout],
    [1, 'put 2 messages into the trash; they stay there for 30 days; `postino trash restore` brings them back\n'],
  )
  assert.match(deleted.stderr, /message 99: there is no such message/)
  const all = await json(['trash', 'list'])
  assert.deepEqual(
    all.map(({ id, mailbox, subject, held }) => [id, mailbox, subject, held]),
    [
      [1, 'INBOX', 'Message 1', false],
      [list, 'Lists/dev', 'news', false],
    ],
  )
  const [{ trashed, goes } = {}] = all
  assert.equal(Date.parse(String(goes)) - Date.parse(String(trashed)), 30 * day)
  assert.match((await run(['trash', 'list'])).stdout, /\tMessage 1\tINBOX, goes \d{4}-/)
  assert.equal((await run(['trash', 'restore', String(list)])).stdout, 'brought back 1 message, to Lists/dev\n')
  assert.deepEqual(await mailboxes(made), { 1: 'Trash', 2: 'INBOX', [list]: 'Lists/dev' })
  const again = await run(['trash', 'restore', String(list)])
  assert.equal(again.code, 1)
  assert.match(again.stderr, /it is not in the trash/)
  const unasked = await run(['trash', 'empty'])
  assert.deepEqual([unasked.code, Object.keys(await mailboxes(made)).length], [2, 3])
  assert.deepEqual(await json(['trash', 'empty', '--yes']), [{ user: 'mario', removed: 1, held: 0 }])
  assert.deepEqual(await mailboxes(made), { 2: 'INBOX', [list]: 'Lists/dev' })
})

test('what POP3 deleted is in the same trash, for the days that are set as ever', async (t) => {
  const made = await house(t)
  const { run, json, serve } = made
  await run(['user', 'maildrop', 'set', 'mario', '--dele', 'trash', '--trash-days', '7'])
  const serving = await serve()
  await pop3(serving.ports['pop3'] ?? 0, ['USER mario', 'PASS secret', 'DELE 2', 'QUIT'])
  assert.equal((await serving.stop()).code, 0)
  const [one] = await json(['trash', 'list'])
  assert.deepEqual([one?.['id'], one?.['mailbox']], [2, 'INBOX'])
  assert.equal(Date.parse(String(one?.['goes'])) - Date.parse(String(one?.['trashed'])), 7 * day)
  assert.equal((await run(['trash', 'restore', '2'])).code, 0)
  assert.deepEqual(await mailboxes(made), { 1: 'INBOX', 2: 'INBOX' })
})

test('quota: shown, set, kept to by an import, and taken away', async (t) => {
  const { run, json } = await house(t)
  const [use] = await json(['quota'])
  const octets = Number(use?.['octets'])
  assert.deepEqual(use, { user: 'mario', messages: 2, octets, quota: null })
  assert.equal((await run(['quota'])).stdout, `mario: 2 messages, ${octets} B, no quota\n`)
  assert.match((await run(['quota', 'mario', `${octets + 10}B`])).stdout, /2 messages, \d+ B, of \d+ B \(9\d %\)\n$/)
  const refused = await run(['import', '-'], { input: 'Subject: too large\n\n' })
  assert.equal(refused.code, 1)
  assert.match(
    refused.stderr,
    /- was not imported: there is no room for 22 octets more: mario has \d+ of \d+ octets .* `postino quota mario AMOUNT`/,
  )
  assert.equal((await run(['import', '-'], { input: 'a: b\n\n' })).code, 0)
  assert.match((await run(['quota', 'mario', '10B'])).stdout, /; no new mail comes in until there is room\n$/)
  assert.deepEqual(await json(['quota', 'mario', 'none']), [
    { user: 'mario', messages: 3, octets: octets + 8, quota: null },
  ])
  assert.equal((await run(['import', '-'], { input: 'Subject: too large\n\n' })).code, 0)
  assert.equal((await run(['check'])).code, 0)
})

test('hold: what is held is only hidden by POP3, is not purged, and the user is not removed; a release says why', async (t) => {
  const made = await house(t)
  const { run, json, serve } = made
  await run(['user', 'maildrop', 'set', 'mario', '--dele', 'expunge'])
  const [placed] = await json(['hold', 'add', '--why', 'case 17', '--by', 'anna', '--message', '1'])
  assert.deepEqual(
    { ...placed, placed: '' },
    { user: 'mario', hold: 1, message: 1, why: 'case 17', by: 'anna', placed: '', released: null },
  )
  const serving = await serve()
  const replies = await pop3(serving.ports['pop3'] ?? 0, ['USER mario', 'PASS secret', 'DELE 1', 'DELE 2', 'QUIT'])
  assert.match(replies.at(-1) ?? '', /\+OK .*2 messages removed/)
  assert.equal((await serving.stop()).code, 0)
  assert.deepEqual(await mailboxes(made), { 1: 'INBOX' })
  const deleted = await run(['delete', '1'])
  assert.equal(deleted.code, 1)
  assert.match(deleted.stderr, /message 1: a legal hold is on it: it stays where it is/)
  const removed = await run(['user', 'remove', 'mario', '--yes'])
  assert.equal(removed.code, 1)
  assert.match(removed.stderr, /the mail of mario cannot be removed: the hold 1 is on it \(case 17; by anna\)/)
  assert.equal((await json(['user', 'list'])).length, 1)
  assert.equal((await run(['check', '--rebuild'])).code, 0)
  assert.equal((await json(['hold', 'list'])).length, 1)

  const [released] = await json(['hold', 'release', '1', '--why', 'settled', '--by', 'luigi'])
  assert.deepEqual({ ...(released?.['released'] as object), at: '' }, { note: 'settled', by: 'luigi', at: '' })
  assert.deepEqual(await json(['hold', 'list']), [])
  assert.deepEqual(await json(['hold', 'list', '--all']), [released])
  assert.match(
    (await run(['hold', 'list', '--all'])).stdout,
    /^mario: hold 1 on message 1, since .* by anna: case 17; released .* by luigi: settled\n$/,
  )
  assert.equal((await run(['user', 'remove', 'mario', '--yes'])).code, 0)
})

test('trash that was put there before the hold stays in it, and emptying says so', async (t) => {
  const made = await house(t)
  await made.run(['delete', '1', '2'])
  await made.run(['hold', 'add', '--why', 'case 17', '--message', '1'])
  assert.match((await made.run(['trash', 'list'])).stdout, /Message 1\tINBOX, held\n/)
  const { code, stdout, stderr } = await made.run(['trash', 'empty', '--yes'])
  assert.deepEqual([code, stdout], [1, 'removed 1 message of mario for good\n'])
  assert.match(stderr, /1 message stayed in the trash: held, see `postino hold list`/)
  assert.deepEqual(await mailboxes(made), { 1: 'Trash' })
})

test('holds are on accounts and on all the mail, too', async (t) => {
  const made = await house(t)
  const came = await bring(made, 1, { account: 'mario@example.it' })
  await made.run(['hold', 'add', '--why', 'case 17', '--account', 'mario@example.it'])
  assert.equal((await made.run(['delete', String(came)])).code, 1)
  assert.equal((await made.run(['delete', '1'])).code, 0)
  assert.match((await made.run(['hold', 'list'])).stdout, /hold 1 on what mario@example.it brings in, since/)
  await made.run(['hold', 'add', '--why', 'all of it'])
  assert.match((await made.run(['hold', 'list'])).stdout, /hold 2 on all the mail, since/)
  assert.equal((await made.run(['delete', '2'])).code, 1)
})

test('wrong words are named, and nothing is done', async (t) => {
  const { run, data } = await postino(t)
  await run(['user', 'add', 'mario', '--password-stdin'], { input: 'secret\n' })
  const wrong: [string[], RegExp][] = [
    [['retention', 'add', '--mailbox', 'Lists'], /a rule needs an age or a size/],
    [['retention', 'add', '--older-than', 'soon'], /soon is not a number of days, for --older-than/],
    [['retention', 'add', '--older-than', '0'], /0 is not a number of days/],
    [['retention', 'add', '--larger-than', 'huge'], /--larger-than huge: give an amount/],
    [['retention', 'add', '--older-than', '1', '--below'], /below which mailbox/],
    [['retention', 'add', '--older-than', '1', '--user', 'nobody'], /there is no user "nobody"/],
    [['retention', 'remove', '9'], /there is no rule 9/],
    [['delete', 'x'], /x is not the id of a message/],
    [['trash', 'restore', '0'], /0 is not the id of a message/],
    [['quota', 'nobody'], /there is no user "nobody"/],
    [['quota', 'mario', 'much'], /a quota of much: give an amount, such as 500MB or 20GB, or none/],
    [['hold', 'add', '--why', ' '], /say why it is to be held/],
    [['hold', 'add', '--why', 'w', '--mailbox', 'a', '--message', '1'], /name one of them/],
    [['hold', 'add', '--why', 'w', '--message', '7'], /there is no message 7/],
    [['hold', 'add'], /--why/],
    [['hold', 'release', '7', '--why', 'w'], /there is no hold 7/],
  ]
  const check = async ([words, said]: (typeof wrong)[number]): Promise<void> => {
    const { code, stderr } = await run(words)
    assert.equal(code, 2, `${words.join(' ')}: ${stderr}`)
    assert.match(stderr, said)
  }
  await Promise.all(
    [0, 1].map(async (half) => {
      for (const one of wrong.filter((_, place) => place % 2 === half)) await check(one)
    }),
  )
  const directory = await Directory.open(data)
  assert.deepEqual(directory.rules.list(), [])
  directory.close()
  const store = new DiskStore(data)
  assert.deepEqual((await (await store.open('mario')).read((view) => view.holds())).length, 0)
  await store.close()
})
