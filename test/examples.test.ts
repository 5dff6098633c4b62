import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { pathToFileURL } from 'node:url'

// What the documentation shows, and the examples, are run as they stand; only `postino/pop3` is this checkout, and a port a free one.

const checkout = join(import.meta.dirname, '..')
const library = pathToFileURL(join(checkout, 'src/library/index.ts')).href

/** Writes a program to where it can be run. */
function put(folder: string, name: string, text: string): string {
  const file = join(folder, name)
  writeFileSync(file, text.replaceAll("'postino/pop3'", `'${library}'`))
  return file
}

async function folderOf(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'postino-examples-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  // The programs have `await` at their top.
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
  return folder
}

function run(t: TestContext, ...words: string[]): ChildProcess & { readonly said: () => string } {
  const child = spawn(process.execPath, words, {
    env: { ...process.env, PASSWORD: 'secret' },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  t.after(() => child.kill('SIGKILL'))
  let said = ''
  child.stdout?.on('data', (octets: Buffer) => (said += String(octets)))
  child.stderr?.on('data', (octets: Buffer) => (said += String(octets)))
  return Object.assign(child, { said: () => said })
}

/** Waits until a program has said something like this. */
async function says(program: ReturnType<typeof run>, like: RegExp): Promise<RegExpExecArray> {
  for (let left = 3000; left > 0; left--) {
    const found = like.exec(program.said())
    if (found !== null) return found
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  throw new Error(`it does not say ${like}: ${program.said()}`)
}

async function listening(server: ReturnType<typeof run>): Promise<string> {
  return (await says(server, /listening on .*port (\d+)/))[1] ?? ''
}

/** Runs a program to its end, and gives what it said. */
async function finished(t: TestContext, ...words: string[]): Promise<string> {
  const child = run(t, ...words)
  const [code] = (await once(child, 'close')) as [number | null]
  assert.equal(code, 0, child.said())
  return child.said()
}

test('docs/library.md: the server and the client that it shows, each in ten lines, work together', async (t) => {
  const text = readFileSync(join(checkout, 'docs/library.md'), 'utf8')
  const [server = '', client = ''] = [...text.matchAll(/^```ts\n([^]*?)^```/gm)].map((match) => match[1])
  for (const program of [server, client]) {
    const lines = program.split('\n').filter((line) => line.trim() !== '' && !line.startsWith('import'))
    assert.ok(lines.length <= 10, `${lines.length} lines`)
  }
  const folder = await folderOf(t)
  const serving = run(t, put(folder, 'server.ts', server.replace('1110', '0')))
  const port = await listening(serving)
  const said = await finished(t, put(folder, 'client.ts', client.replace('1110', port)))
  assert.equal(said, 'message 1: 26 octets\n')
  await says(serving, /mario removes 1\n$/)
})

test('examples: a folder is served, and fetched into another, once', async (t) => {
  const folder = await folderOf(t)
  assert.deepEqual(readdirSync(join(checkout, 'examples')).toSorted(), ['fetch-new.ts', 'serve-folder.ts'])
  const example = (name: string): string => put(folder, name, readFileSync(join(checkout, 'examples', name), 'utf8'))
  const from = join(folder, 'from')
  const to = join(folder, 'to')
  await mkdir(from)
  writeFileSync(join(from, 'one.eml'), 'Subject: one\r\n\r\n.dots\r\n')
  writeFileSync(join(from, 'two.eml'), 'Subject: two\n\nbare line ends\n')
  const serving = run(t, example('serve-folder.ts'), from, '0')
  const words = ['mario', '127.0.0.1', await listening(serving), 'none', to]
  const fetch = example('fetch-new.ts')
  assert.equal(await finished(t, fetch, ...words), '2 new\n')
  const fetched = readdirSync(to).map((name) => readFileSync(join(to, name), 'latin1'))
  assert.deepEqual(fetched.toSorted(), ['Subject: one\r\n\r\n.dots\r\n', 'Subject: two\r\n\r\nbare line ends\r\n'])
  writeFileSync(join(from, 'three.eml'), 'Subject: three\r\n\r\n')
  assert.equal(await finished(t, fetch, ...words), '1 new\n')
  serving.kill('SIGTERM')
  assert.deepEqual(await once(serving, 'close'), [0, null], 'it ends in an orderly way')
  assert.match(serving.said(), /mario: 2 sent, 0 removed, quit\nmario: 1 sent, 0 removed, quit\n$/)
})
