import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { compareMaildrop } from '../scripts/demo-compare.ts'
import { openLine } from '../scripts/demo-line.ts'
import { createPop3Server } from '../src/library/index.ts'

const script = fileURLToPath(new URL('../scripts/demo.ts', import.meta.url))
const octets = (text: string): Buffer => Buffer.from(text, 'latin1')

interface Run {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
  /** What it left in the folder for temporary files. */
  readonly left: readonly string[]
}

async function demo(
  t: TestContext,
  words: readonly string[],
  onOutput?: (text: string, pid: number) => void,
): Promise<Run> {
  const folder = await mkdtemp(join(tmpdir(), 'postino-demo-test-'))
  t.after(() => rm(folder, { recursive: true, force: true, maxRetries: 3 }))
  const child = spawn(process.execPath, [script, ...words], {
    env: { ...process.env, TMPDIR: folder, TMP: folder, TEMP: folder, NODE_OPTIONS: '', NODE_COMPILE_CACHE: '' },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  t.after(() => child.kill('SIGTERM'))
  let [stdout, stderr] = ['', '']
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
    onOutput?.(stdout, child.pid ?? 0)
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve))
  const left = (await readdir(folder)).filter((name) => name.startsWith('postino'))
  return { code, stdout, stderr, left }
}

test('npm run demo -- --once fetches, fetches again, searches, lists, serves, compares, and cleans up', async (t) => {
  const { code, stdout, stderr, left } = await demo(t, ['--once'])
  assert.equal(code, 0, stderr)
  const commands = [...stdout.matchAll(/^\$ postino (.*)$/gm)].map(([, words = '']) => words.replace(/ .*/, ''))
  assert.deepEqual(commands, ['user', 'account', 'fetch', 'fetch', 'search', 'search', 'list', 'serve'])
  assert.match(stdout, /^mario@example\.it: 300 new, 0 already here.*MB/m)
  assert.match(stdout, /^mario@example\.it: 0 new, 300 already here/m)
  assert.match(stdout, /\[università\]/i)
  assert.match(stdout, /\[新幹線\]/)
  assert.match(stdout, /^300\t.*\n\n/m)
  assert.match(stdout, /^\$ curl pop3:\/\/mario:[0-9a-f]{12}@127\.0\.0\.1:\d+\/\d+$/m)
  assert.match(stdout, /^Read back by POP3: all 300 messages, \d+\.\d MB, are byte for byte/m)
  assert.match(stdout, /the temporary folder is removed\.\n$/)
  assert.ok(!/\r/.test(stdout + stderr) && !stdout.includes('\u001b'), 'no bar and no bold where there is no terminal')
  assert.deepEqual(left, [])
})

test('without --once the demo serves until it is stopped, and then cleans up too', async (t) => {
  let asked = false
  const { code, stdout, left } = await demo(t, [], (text, pid) => {
    if (asked || !/^Ctrl-C ends it\.$/m.test(text)) return
    asked = true
    process.kill(pid, 'SIGTERM')
  })
  assert.equal(code, 0)
  assert.match(stdout, /`postino serve` has ended/)
  assert.deepEqual(left, [])
})

test('the demo refuses an option that it does not have', async (t) => {
  const { code, stderr } = await demo(t, ['--twice'])
  assert.equal(code, 2)
  assert.match(stderr, /--twice/)
})

/** A POP3 server with these messages; gives its port. */
async function serve(t: TestContext, messages: readonly Uint8Array[]): Promise<number> {
  const served = messages.map((message, place) => ({ uniqueId: `m${place}`, read: () => message }))
  const server = createPop3Server({
    authenticate: (user) => user,
    openMaildrop: () => ({ messages: served, remove: () => undefined }),
  })
  t.after(() => server.close())
  return (await server.listen({ port: 0 })).port
}

test('the comparison sees a changed octet, a missing message and one too many', async (t) => {
  const messages = ['A: b\r\n\r\n.\r\n..\r\n.x\r\n', 'A: b\r\n\r\n\xff\x00\r\n', 'A: c\r\n\r\n\r\n'].map(octets)
  const at = { port: await serve(t, messages), user: 'u', password: 'p' }
  assert.deepEqual(await compareMaildrop(at, messages), { messages: 3, octets: 41, faults: [] })

  const changed = [...messages.slice(0, 1), octets('A: b\r\n\r\n\xfe\x00\r\n'), ...messages.slice(2)]
  assert.deepEqual((await compareMaildrop(at, changed)).faults, ['message 2 differs (12 octets, 12 sent)'])
  assert.deepEqual((await compareMaildrop(at, messages.slice(0, 2))).faults, ['there are 3 messages, and should be 2'])
  assert.deepEqual((await compareMaildrop(at, [...messages, octets('A: d\r\n\r\n')])).faults, [
    'there are 3 messages, and should be 4',
  ])
})

test('the slow line carries every octet unchanged', async (t) => {
  const messages = [octets(`A: b\r\n\r\n${'0123456789abcdef'.repeat(20_000)}\r\n`), octets('A: c\r\n\r\n')]
  const line = await openLine(await serve(t, messages), 10_000_000)
  t.after(() => line.close())
  const at = { port: line.port, user: 'u', password: 'p' }
  assert.deepEqual((await compareMaildrop(at, messages)).faults, [])
})
