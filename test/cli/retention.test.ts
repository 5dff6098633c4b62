import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Directory } from '../../src/accounts/directory.ts'
import { readClock } from '../../src/accounts/witness.ts'
import { bring, day, mailboxes } from './bring.ts'
import { house } from './postino.ts'

test('retention: rules are added, listed and removed, for a user or for everybody', async (t) => {
  const { run, json } = await house(t)
  const added = await run(['retention', 'add', '--user', 'mario', '--older-than', '365', '--mailbox', 'inbox'])
  assert.equal(
    added.stdout,
    'added the rule 1 for mario: older than 365 days, in INBOX, unless flagged: to the trash\n',
  )
  assert.match(added.stderr, /retention run --dry-run/)
  const words = [
    '--larger-than',
    '2MB',
    '--mailbox',
    'Lists',
    '--below',
    '--account',
    'a@x.it',
    '--even-flagged',
    '--remove',
  ]
  const [second] = await json(['retention', 'add', ...words])
  assert.deepEqual(
    { ...second, created: '' },
    {
      id: 2,
      user: null,
      largerThan: 2_000_000,
      mailbox: 'Lists',
      below: true,
      account: 'a@x.it',
      evenFlagged: true,
      what: 'remove',
      created: '',
    },
  )
  const { stdout } = await run(['retention', 'list'])
  assert.deepEqual(stdout.trimEnd().split('\n'), [
    '1  mario  older than 365 days, in INBOX, unless flagged: to the trash',
    '2  everybody  larger than 2.0 MB, in Lists or below, from a@x.it, even flagged: removed at once',
  ])
  await run(['user', 'add', 'anna', '--password-stdin'], { input: 'secret\n' })
  assert.deepEqual(
    (await json(['retention', 'list', '--user', 'anna'])).map(({ id }) => id),
    [2],
  )
  assert.equal((await run(['retention', 'remove', '1'])).stdout, 'removed the rule 1\n')
  assert.deepEqual(
    (await json(['retention', 'list'])).map(({ id }) => id),
    [2],
  )
})

test('retention run: --dry-run says what would go and why, then it goes; what is flagged or held stays', async (t) => {
  const made = await house(t)
  const { run, json } = made
  const old = await bring(made, 400, { subject: 'old' })
  const held = await bring(made, 500, { mailbox: 'Case' })
  const large = await bring(made, 1, { octets: 3000, account: 'mario@example.it' })
  await run(['retention', 'add', '--older-than', '365'])
  await run(['retention', 'add', '--larger-than', '2kB', '--account', 'mario@example.it', '--remove'])
  await run(['hold', 'add', '--mailbox', 'Case', '--why', 'case 17', '--by', 'anna'])
  const before = await mailboxes(made)
  const dry = await run(['retention', 'run', '--dry-run'])
  assert.equal(dry.code, 0)
  const date = String.raw`\d{4}-\d\d-\d\d \d\d:\d\d`
  assert.match(
    dry.stdout,
    new RegExp(
      `^mario: message ${old} \\(INBOX, ${date}, 39 B\\) would go to the trash: rule 1: it was received 400 days ago\n` +
        `mario: message ${held} \\(Case, ${date}, 37 B\\) would stay: rule 1: it was received 500 days ago; but the hold 1 is on it \\(case 17\\)\n` +
        `mario: message ${large} \\(INBOX, ${date}, 3.0 kB\\) would be removed: rule 2: it has 303\\d octets\n` +
        'mario: 1 message to the trash, 1 removed, 1 held; nothing was done\n$',
    ),
  )
  const [plan] = await json(['retention', 'run', '--dry-run'])
  assert.deepEqual(
    ((plan?.['plan'] ?? []) as { id: number; what: string; rule: number }[]).map(({ id, what, rule }) => [
      id,
      what,
      rule,
    ]),
    [
      [old, 'trash', 1],
      [held, 'held', 1],
      [large, 'remove', 2],
    ],
  )
  assert.deepEqual(await mailboxes(made), before)
  assert.deepEqual(await json(['retention', 'run']), [{ user: 'mario', trashed: 1, removed: 1, held: 1 }])
  assert.deepEqual(await mailboxes(made), { 1: 'INBOX', 2: 'INBOX', [old]: 'Trash', [held]: 'Case' })
  assert.equal((await run(['check'])).code, 0)
})

test('retention run: a clock that jumped ahead takes nothing for its age, and says so', async (t) => {
  const made = await house(t)
  await bring(made, 400)
  await made.run(['retention', 'add', '--older-than', '365', '--remove'])
  const directory = await Directory.open(made.data)
  // The machine has been up all the time, and its clock said something else.
  const { wall, ...clock } = readClock()
  await directory.rules.keepClock({ ...clock, wall: wall - 100 * day })
  directory.close()
  const { code, stdout, stderr } = await made.run(['retention', 'run'])
  assert.deepEqual([code, stdout], [75, 'mario: 0 messages to the trash\n'])
  assert.match(stderr, /the clock of this machine jumped ahead: rules that go by age wait/)
  assert.equal(Object.keys(await mailboxes(made)).length, 3)
})
