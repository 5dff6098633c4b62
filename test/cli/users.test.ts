import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pop3, postino } from './postino.ts'

test('users: add, list, change the password, remove', async (t) => {
  const { run, json } = await postino(t)
  const added = await run(['user', 'add', 'mario', '--password-stdin'], { input: 'secret\n' })
  assert.deepEqual([added.code, added.stdout], [0, 'added the user mario\n'])
  const again = await run(['user', 'add', 'mario', '--password-stdin'], { input: 'other\n' })
  assert.equal(again.code, 1)
  assert.match(again.stderr, /there is a user mario already/)
  assert.equal((await run(['user', 'add', 'anna', '--password-stdin'], { input: '\n' })).code, 2)
  assert.deepEqual(
    (await json(['user', 'list'])).map(({ name, password, accounts }) => ({ name, password, accounts })),
    [{ name: 'mario', password: true, accounts: [] }],
  )
  assert.equal((await run(['user', 'password', 'anna', '--password-stdin'], { input: 'x\n' })).code, 2)
  const unasked = await run(['user', 'remove', 'mario'])
  assert.equal(unasked.code, 2)
  assert.match(unasked.stderr, /--yes/)
  assert.equal((await run(['user', 'remove', 'mario', '--yes'])).code, 0)
  assert.deepEqual(await json(['user', 'list']), [])
})

test('a password that changed, a user who was removed, and one added counts at once in a serve that runs', async (t) => {
  const { run, serve } = await postino(t)
  await run(['user', 'add', 'mario', '--password-stdin'], { input: 'first\n' })
  const { ports } = await serve()
  const logIn = async (password: string): Promise<string> => {
    const replies = await pop3(ports['pop3'] ?? 0, ['USER mario', `PASS ${password}`, 'STAT', 'QUIT'])
    return replies.slice(2, 4).join(' ')
  }
  assert.match(await logIn('first'), /^\+OK.*\+OK 0 0/)
  assert.match(await logIn('first'), /^\+OK/)
  await run(['user', 'password', 'mario', '--password-stdin'], { input: 'second\n' })
  assert.match(await logIn('first'), /^-ERR \[AUTH\]/)
  assert.match(await logIn('second'), /^\+OK/)
  await run(['import', '-', '--user', 'mario'], { input: 'Subject: x\n\nx\n' })
  assert.match(await logIn('second'), /^\+OK.*\+OK 1 /)
  await run(['user', 'remove', 'mario', '--yes'])
  assert.match(await logIn('second'), /^-ERR \[AUTH\]/)
  // Of the same name, but not the same: what comes for the new one must not go to the files of the old one.
  await run(['user', 'add', 'mario', '--password-stdin'], { input: 'third\n' })
  assert.match(await logIn('third'), /^\+OK.*\+OK 0 0/)
  await run(['import', '-', '--user', 'mario'], { input: 'Subject: y\n\nyy\n' })
  assert.match(await logIn('third'), /^\+OK.*\+OK 1 /)
})
