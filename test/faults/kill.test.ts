import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import {
  assertNoDoubles,
  inFolder,
  keptIn,
  killTime,
  makeMail,
  mustRun,
  run,
  trials,
  type Undisturbed,
} from './kill-bench.ts'
import { hashOf, HostilePop3, type RemoteMessage } from './hostile-pop3.ts'

for (const leave of ['delete', 'forever']) {
  test(`fetch, killed at any moment (--leave ${leave}): what was deleted there is here, nothing twice, the next ends well`, async () => {
    await inFolder(async (folder) => {
      const messages = makeMail(200, 1).map((octets, n): RemoteMessage => ({ uniqueId: `uid-${n}`, octets }))
      const there = messages.map(({ octets }) => hashOf(octets))
      const lanes = await Promise.all([0, 1].map((number) => makeLane(folder, number, leave)))
      try {
        // A slow server makes many small writes, a fast one a few large ones.
        const undisturbed = [await measure(lanes, folder, messages, 0), await measure(lanes, folder, messages, 1)]
        await trials(40, leave.length, async (moment, number, place) => {
          const { server, template } = lanes[place] as Lane
          const data = join(folder, `data-${place}`)
          const slowness = number % 2
          const killAfter = killTime(undisturbed[slowness] as Undisturbed, moment, number)
          await cp(template, data, { recursive: true })
          reset(server, messages, slowness)
          // Once, or three times in a row.
          for (let times = number % 3 === 0 ? 3 : 1; times > 0; times--) {
            await run(['--data', data, 'fetch', '--quiet'], { killAfter })
            await server.idle()
            judge(server, await keptIn(data), there)
          }
          await mustRun(['--data', data, 'fetch', '--quiet'])
          await server.idle()
          const kept = await keptIn(data)
          judge(server, kept, there)
          assert.deepEqual(kept.toSorted(), there.toSorted())
          assert.equal(server.messages.length, leave === 'delete' ? 0 : messages.length)
          await rm(data, { recursive: true })
        })
      } finally {
        for (const { server } of lanes) await server.close()
      }
    })
  })
}

/** Both lanes at once, as the trials will run; the work begins with the first RETR. */
async function measure(
  lanes: readonly Lane[],
  folder: string,
  messages: readonly RemoteMessage[],
  slowness: number,
): Promise<Undisturbed> {
  const times = await Promise.all(
    lanes.map(async ({ server, template }, place) => {
      const data = join(folder, `whole-${place}`)
      await cp(template, data, { recursive: true })
      reset(server, messages, slowness)
      const started = performance.now()
      let began = Infinity
      server.hostility = {
        ...server.hostility,
        onStep: ({ text }) =>
          (began = Math.min(began, text.startsWith('RETR') ? performance.now() - started : Infinity)),
      }
      const { took } = await mustRun(['--data', data, 'fetch', '--quiet'])
      assert.equal((await keptIn(data)).length, messages.length)
      await rm(data, { recursive: true })
      return { began, ended: took }
    }),
  )
  return times.reduce((a, b) => ({ began: Math.min(a.began, b.began), ended: Math.max(a.ended, b.ended) }))
}

interface Lane {
  readonly server: HostilePop3
  /** A folder of data whose account fetches from the server. */
  readonly template: string
}

async function makeLane(folder: string, number: number, leave: string): Promise<Lane> {
  const server = await HostilePop3.start([])
  const template = join(folder, `template-${number}`)
  await mustRun(['--data', template, 'user', 'add', 'mario', '--password-stdin'], 'a password\n')
  const place = ['--server', `127.0.0.1:${server.port}`, '--tls', 'none']
  const account = ['account', 'add', 'mario@example.it', '--user', 'mario', '--leave', leave, ...place, '--no-check']
  await mustRun(['--data', template, ...account, '--password-stdin'], 'another\n')
  return { server, template }
}

function reset(server: HostilePop3, messages: readonly RemoteMessage[], slowness: number): void {
  server.messages = [...messages]
  server.steps.length = 0
  server.hostility = slowness === 0 ? {} : { slowness }
}

/** Law 1: what the server deleted is here; so is all that came in a session that the client meant to end well. */
function judge(server: HostilePop3, kept: readonly string[], there: readonly string[]): void {
  assertNoDoubles(kept, there)
  assertNoDoubles(
    server.committed().map(({ hash = '' }) => hash),
    kept,
  )
  const quit = new Set(
    server.steps.filter(({ what, text }) => what === 'command' && text === 'QUIT').map((step) => step.session),
  )
  for (const { what, session, hash = '' } of server.steps) {
    if (what === 'sent' && quit.has(session)) assert.ok(kept.includes(hash), 'a message of an ended session is missing')
  }
}

for (const form of ['mbox', 'folder'] as const) {
  test(`import of a ${form}, killed at any moment: what is in is whole and in order, and the next run brings the rest, once`, async () => {
    await inFolder(async (folder) => {
      const messages = makeMail(form === 'mbox' ? 800 : 300, form === 'mbox' ? 5 : 1)
      const there = messages.map(hashOf)
      const source = join(folder, 'source')
      if (form === 'mbox') {
        await writeFile(
          source,
          Buffer.concat(messages.flatMap((each) => [Buffer.from('From a\n'), each, Buffer.from('\n')])),
        )
      } else {
        await mkdir(source)
        for (const [n, each] of messages.entries())
          await writeFile(join(source, `${String(n).padStart(5, '0')}.eml`), each)
      }
      const args = (data: string): string[] => [
        '--data',
        data,
        '--json',
        '--quiet',
        'import',
        source,
        '--user',
        'mario',
      ]
      const template = join(folder, 'template')
      await mustRun(['--data', template, 'user', 'add', 'mario', '--password-stdin'], 'a password\n')
      const undisturbed = await Promise.all(
        [0, 1].map(async (place): Promise<Undisturbed> => {
          const data = join(folder, `whole-${place}`)
          await cp(template, data, { recursive: true })
          const started = performance.now()
          let began = 0
          const watching = setInterval(() => {
            // The first segment is made with the first mail.
            if (began === 0 && existsSync(join(data, 'users/mario/segments'))) began = performance.now() - started
          }, 1)
          const { took } = await mustRun(args(data)).finally(() => clearInterval(watching))
          assert.deepEqual(await keptIn(data), there)
          await rm(data, { recursive: true })
          return { began, ended: took }
        }),
      )

      await trials(45, form.length, async (moment, number, place) => {
        const data = join(folder, `data-${place}`)
        await cp(template, data, { recursive: true })
        let before = 0
        for (let times = number % 3 === 0 ? 2 : 1; times > 0; times--) {
          await run(args(data), { killAfter: killTime(undisturbed[place] as Undisturbed, moment, number) })
          const kept = await keptIn(data)
          assert.deepEqual(kept, there.slice(0, kept.length))
          before = kept.length
        }
        const { stdout } = await mustRun(args(data))
        const report = JSON.parse(stdout) as { new: number; known: number }
        assert.deepEqual([report.new, report.known], [messages.length - before, before])
        assert.deepEqual(await keptIn(data), there)
        await rm(data, { recursive: true })
      })
    })
  })
}

test('export, killed at any moment: every file that has its name is whole, and the next run brings the rest', async () => {
  await inFolder(async (folder) => {
    const messages = makeMail(150, 1)
    const source = join(folder, 'source.mbox')
    await writeFile(
      source,
      Buffer.concat(messages.flatMap((each) => [Buffer.from('From a\n'), each, Buffer.from('\n')])),
    )
    const data = join(folder, 'data')
    await mustRun(['--data', data, 'user', 'add', 'mario', '--password-stdin'], 'a password\n')
    await mustRun(['--data', data, 'import', source, '--user', 'mario', '--quiet'])
    const whole = new Set(messages.map(hashOf))
    const formats = ['eml', 'maildir', 'mbox']
    const took: number[] = []
    let mbox = ''
    for (const format of formats) {
      const out = join(folder, `whole-${format}`)
      took.push((await mustRun(['--data', data, 'export', out, '--format', format, '--quiet'])).took)
      if (format === 'mbox') mbox = hashOf(await readFile(join(out, 'INBOX.mbox')))
    }
    await trials(30, 7, async (moment, number) => {
      const format = formats[number % 3] ?? 'eml'
      const out = join(folder, `out-${number}`)
      const args = ['--data', data, 'export', out, '--format', format, '--quiet']
      await run(args, { killAfter: moment * (took[number % 3] ?? 0) })
      const isWhole = (hash: string): boolean => (format === 'mbox' ? hash === mbox : whole.has(hash))
      for (const path of await named(out)) assert.ok(isWhole(hashOf(await readFile(path))), path)
      await mustRun(args)
      const paths = await named(out)
      assert.equal(paths.length, format === 'mbox' ? 1 : messages.length)
      for (const path of paths) assert.ok(isWhole(hashOf(await readFile(path))), path)
      const all = await readdir(out, { recursive: true, withFileTypes: true })
      assert.equal(all.filter((entry) => entry.isFile()).length, paths.length, 'something half done was left')
      await rm(out, { recursive: true })
    })
  })
})

/** The files of an export that have their final name. */
async function named(out: string): Promise<string[]> {
  if (!existsSync(out)) return []
  const entries = await readdir(out, { recursive: true, withFileTypes: true })
  return entries
    .filter((entry) => entry.isFile() && !entry.name.startsWith('.') && !entry.parentPath.endsWith('tmp'))
    .map((entry) => join(entry.parentPath, entry.name))
}
