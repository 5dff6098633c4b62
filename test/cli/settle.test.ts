import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { generateMessages } from '../corpus/generate.ts'
import { PlainPop3 } from '../faults/plain-pop3.ts'
import { type Postino, postino } from './postino.ts'

/** What was put into mario's mail: some realistic, some odd, some of them with the same attachment. */
function someMail(): Buffer[] {
  const realistic = [...generateMessages({ seed: 11, count: 40, profile: 'realistic' })]
  const odd = [...generateMessages({ seed: 12, count: 60, profile: 'odd' })]
  const attachment = Buffer.alloc(90_000, 'not much in it, but long ').toString('base64')
  const twice = [76, 60].map((columns) => {
    const lines = attachment.match(new RegExp(`.{1,${columns}}`, 'g')) ?? []
    const head = ['Subject: the plan', 'MIME-Version: 1.0', 'Content-Type: application/pdf']
    return `${[...head, 'Content-Transfer-Encoding: base64', '', ...lines].join('\r\n')}\r\n`
  })
  return [...realistic, ...odd, ...twice].map((message) => Buffer.from(message))
}

interface House extends Postino {
  readonly mail: readonly Buffer[]
  /** The files of mario's segments. */
  readonly segments: () => Promise<string[]>
  /** The exported messages, by their ids. */
  readonly exported: () => Promise<Map<number, Buffer>>
}

async function house(t: TestContext): Promise<House> {
  const made = await postino(t)
  const mail = someMail()
  const source = join(made.data, '..', 'in')
  await mkdir(source)
  for (const [number, octets] of mail.entries())
    await writeFile(join(source, `${String(number).padStart(4, '0')}.eml`), octets)
  await made.run(['user', 'add', 'mario', '--password-stdin'], { input: 'secret\n' })
  assert.equal((await made.run(['import', source])).code, 0)
  let exports = 0
  return {
    ...made,
    mail,
    segments: async () => (await readdir(join(made.data, 'users/mario/segments'))).toSorted(),
    exported: async () => {
      const out = join(made.data, '..', `out-${exports++}`)
      const { code, stderr } = await made.run(['export', out, '--format', 'eml'])
      assert.equal(code, 0, stderr)
      const found = new Map<number, Buffer>()
      for (const name of await readdir(out)) found.set(parseInt(name, 10), await readFile(join(out, name)))
      return found
    },
  }
}

/** The messages of these ids and no others, octet for octet. */
function assertMail(found: ReadonlyMap<number, Buffer>, mail: readonly Buffer[], ids: readonly number[]): void {
  assert.deepEqual(
    [...found.keys()].toSorted((a, b) => a - b),
    ids,
  )
  for (const id of ids) assert.ok(found.get(id)?.equals(mail[id - 1] ?? Buffer.alloc(0)), `message ${id}`)
}

test('imported, some removed, settled: the export is what came in, octet for octet, and the disk has less', async (t) => {
  const { run, json, serve, mail, segments, exported } = await house(t)
  await run(['user', 'maildrop', 'set', 'mario', '--dele', 'expunge'])
  const serving = await serve()
  const client = await PlainPop3.open(serving.ports['pop3'] ?? 0)
  await client.ask('USER mario')
  await client.ask('PASS secret')
  for (const number of [1, 2, 30]) await client.ask(`DELE ${number}`)
  await client.ask('QUIT')
  assert.equal((await serving.stop()).code, 0)

  const left = mail.map((_, place) => place + 1).filter((id) => ![1, 2, 30].includes(id))
  const [report = {}] = await json(['settle'])
  const { user, segments: files, messages, dropped, raw, before, after, parts } = report
  assert.deepEqual([user, files, messages, dropped], ['mario', 1, mail.length, 3])
  assert.ok(Number(after) < Number(before) * 0.9, `${String(before)}, then ${String(after)} octets`)
  assert.ok(Number(parts) >= 1, 'the attachment that came twice is kept once')
  assert.equal(raw, 0)
  assert.ok((await segments()).includes('0000000001-1.zst'), String(await segments()))
  assert.ok(!(await segments()).includes('0000000001.zst'), 'the old file has gone')
  assertMail(await exported(), mail, left)
  assert.equal((await run(['check'])).code, 0)
})

test('a second time nothing is done, and it is said so; what comes after is settled with the next', async (t) => {
  const { run, json, data, segments, mail, exported } = await house(t)
  const first = await run(['settle'])
  assert.equal(first.code, 0, first.stderr)
  assert.match(first.stdout, /^mario: 102 messages, [\d.]+ MB, now [\d.]+ [MkB]+; \d+ attachments? kept once\n$/)
  const files = await segments()
  const again = await run(['settle', '--user', 'mario'])
  assert.match(again.stdout, /^mario: nothing to settle, [\d.]+ [MkB]+\n$/)
  assert.deepEqual(await segments(), files)
  await writeFile(join(data, '..', 'late.eml'), 'Subject: late\r\n\r\nLate.\r\n')
  await run(['import', join(data, '..', 'late.eml')])
  assert.deepEqual(
    (await json(['settle'])).map(({ segments: number, messages }) => [number, messages]),
    [[1, 1]],
  )
  assertMail(
    await exported(),
    [...mail, Buffer.from('Subject: late\r\n\r\nLate.\r\n')],
    [...mail.keys(), mail.length].map((place) => place + 1),
  )
})

test('while serve runs and a session reads, mail is settled under it; the session reads on, and new mail comes in', async (t) => {
  const { run, json, serve, mail, data, segments } = await house(t)
  const serving = await serve()
  const port = serving.ports['pop3'] ?? 0
  const client = await PlainPop3.open(port)
  await client.ask('USER mario')
  await client.ask('PASS secret')
  const read = async (number: number): Promise<void> => {
    const lines = await client.askLines(`RETR ${number}`)
    const octets = lines.map((line) => `${line.startsWith('.') ? line.slice(1) : line}\r\n`).join('')
    const wanted = (mail[number - 1] ?? Buffer.alloc(0)).toString('latin1')
    // Some of the odd ones have bare line feeds, which POP3 cannot carry.
    if (!/(?<!\r)\n|\r(?!\n)/.test(wanted) && wanted.endsWith('\r\n')) assert.ok(octets === wanted, `message ${number}`)
  }
  for (let number = 1; number <= 20; number++) await read(number)
  const settled = json(['settle'])
  for (let number = 21; number <= 60; number++) await read(number)
  assert.equal((await settled)[0]?.['messages'], mail.length)
  assert.ok((await segments()).includes('0000000001-1.zst'))
  for (let number = mail.length; number > 0; number--) await read(number)
  await writeFile(join(data, '..', 'late.eml'), 'Subject: late\r\n\r\nLate.\r\n')
  assert.equal((await run(['import', join(data, '..', 'late.eml')])).code, 0)
  await client.ask('DELE 1')
  await client.ask('QUIT')
  const next = await PlainPop3.open(port)
  await next.ask('USER mario')
  await next.ask('PASS secret')
  assert.match(await next.ask('STAT'), new RegExp(`^\\+OK ${mail.length} `))
  assert.deepEqual(await next.askLines(`RETR ${mail.length}`), ['Subject: late', '', 'Late.'])
  await next.ask('QUIT')
  assert.equal((await serving.stop()).code, 0)
  assert.equal((await run(['check'])).code, 0)
})

/** Has a process press Ctrl-C itself when it first says something: from outside it might come too late. */
const atFirstWord = `data:text/javascript,${encodeURIComponent(`
  const { stderr } = process
  const { write } = stderr
  stderr.write = (...words) => {
    stderr.write = write
    process.kill(process.pid, 'SIGINT')
    return write.apply(stderr, words)
  }
`)}`

test('Ctrl-C leaves off in order, says how to go on, and the next time it does', async (t) => {
  const { run, data, mail, exported } = await house(t)
  const words = ['--import', atFirstWord, 'bin/postino.js', '--data', data, 'settle']
  const child = spawn(process.execPath, words, {
    cwd: new URL('../..', import.meta.url),
    env: { ...process.env, NODE_OPTIONS: '' },
  })
  let stderr = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  const code = await new Promise((resolve) => child.once('close', resolve))
  assert.equal(code, 1)
  assert.match(stderr, /^settling the mail of mario …\npostino: stopped; [^\n]*`postino settle` goes on from there\n$/)
  assert.equal((await run(['check'])).code, 0)
  assert.equal((await run(['settle'])).code, 0)
  assertMail(
    await exported(),
    mail,
    mail.map((_, place) => place + 1),
  )
})

test('where there is nothing, nothing is done; a user that is not there is named', async (t) => {
  const { run } = await postino(t)
  const none = await run(['settle'])
  assert.deepEqual([none.code, none.stdout], [0, ''])
  await run(['user', 'add', 'anna', '--password-stdin'], { input: 'secret\n' })
  assert.match((await run(['settle'])).stdout, /^anna: nothing to settle/)
  const { code, stderr } = await run(['settle', '--user', 'luigi'])
  assert.equal(code, 2)
  assert.match(stderr, /there is no user "luigi"; there are: anna/)
})
