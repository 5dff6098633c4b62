import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createPop3Server } from '../../src/library/server.ts'
import { house } from './postino.ts'

const letter = (name: string): string => `From: anna@example.it\r\nSubject: ${name}\r\n\r\n`.padEnd(998, 'x') + '\r\n'

test('a user who has no room left gets what fits; the rest waits at the provider until there is room, and both are told', async (t) => {
  const there = new Map(['one', 'two', 'three'].map((name) => [name, letter(name)]))
  let sessions = 0
  const server = createPop3Server({
    authenticate: (login) => login,
    openMaildrop: () => {
      const ids = [...there.keys()]
      return {
        messages: ids.map((uniqueId) => ({ uniqueId, read: () => Buffer.from(there.get(uniqueId) ?? '') })),
        remove: (numbers) => numbers.forEach((number) => there.delete(ids[number - 1] ?? '')),
      }
    },
    log: () => void sessions++,
  })
  const { port } = await server.listen({ port: 0 })
  t.after(() => server.close())
  const { run, json } = await house(t)
  const words = [
    '--server',
    `127.0.0.1:${port}`,
    '--tls',
    'none',
    '--leave',
    'delete',
    '--no-check',
    '--password-stdin',
  ]
  await run(['account', 'add', 'mario@example.it', ...words], { input: 'secret\n' })
  const [{ octets } = {}] = await json(['quota'])
  const most = Number(octets) + 2500
  await run(['quota', 'mario', `${most}B`])

  const [plan] = await json(['fetch', '--dry-run'])
  const steps = (plan?.['plan'] ?? []) as { uniqueId: string; what: string; why: string }[]
  assert.deepEqual(
    steps.filter(({ what }) => what === 'wait').map(({ uniqueId }) => uniqueId),
    ['three'],
  )
  const ended = async (count: number): Promise<void> => {
    while (sessions < count) await new Promise((resolve) => setTimeout(resolve, 5))
  }
  await ended(1)

  const { stderr, stdout } = await run(['fetch'])
  const kept = `${Number(octets)} octets are kept, and ${most} may be`
  assert.ok(
    stderr.includes(`mario@example.it: one message waits at the server: there is no room here: ${kept}`),
    stderr,
  )
  assert.match(stdout, /^mario@example.it: 2 new, 0 already here, 1 waits at the server, 2 deleted at the server;/)
  await ended(2)
  assert.deepEqual([...there.keys()], ['three'])
  const [account] = await json(['account', 'list'])
  assert.match(String(account?.['lastError']), /one message waits at the server: there is no room here/)

  await run(['quota', 'mario', 'none'])
  const [again] = await json(['fetch'])
  assert.deepEqual([again?.['new'], again?.['waiting'], again?.['problems']], [1, undefined, undefined])
  await ended(3)
  assert.equal(there.size, 0)
  assert.equal((await json(['account', 'list']))[0]?.['lastError'], undefined)
})
