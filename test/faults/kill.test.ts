import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import {
  assertNoDoubles,
  inFolder,
  keptIn,
  makeMail,
  mustRun,
  run,
  soon,
  trials,
  type When,
  whenOctets,
} from './kill-bench.ts'
import { hashOf, HostilePop3, type RemoteMessage, type Step } from './hostile-pop3.ts'

for (const leave of ['delete', 'forever']) {
  test(`fetch, killed at any moment (--leave ${leave}): what was deleted there is here, nothing twice, the next ends well`, async () => {
    await inFolder(async (folder) => {
      const messages = makeMail(200, 1).map((octets, n): RemoteMessage => ({ uniqueId: `uid-${n}`, octets }))
      const there = messages.map(({ octets }) => hashOf(octets))
      const lanes = await Promise.all([0, 1].map((number) => makeLane(folder, number, leave)))
      let underWay = 0
      try {
        await trials(
          12,
          leave.length,
          async (moment, number, place) => {
            const { server, template } = lanes[place] as Lane
            const data = join(folder, `data-${place}`)
            await cp(template, data, { recursive: true })
            // A slow server makes many small writes, a fast one a few large ones.
            reset(server, messages, number % 2)
            // Once, or three times in a row.
            for (let times = number % 3 === 0 ? 3 : 1, home = 0; times > 0; times--) {
              const left = there.length - home
              const after = (number + times) % 4
              // Mostly while messages come, now and then when they are deleted, at QUIT, or before anything has begun.
              const event = number % 6 === 5 ? 'QUIT' : number % 6 === 4 && leave === 'delete' ? 'DELE' : 'sent'
              const count = event === 'QUIT' ? 1 : 1 + Math.floor(moment * (left - 1))
              const killAfter = number % 6 === 3 ? moment * 600 : whenSaid(server, event, count, after)
              const { killed } = await run(['--data', data, 'fetch', '--quiet'], { killAfter })
              await server.idle()
              const kept = await keptIn(data)
              judge(server, kept, there)
              home = kept.length
              if (killed && server.steps.some(({ what }) => what === 'sent')) underWay++
            }
            await mustRun(['--data', data, 'fetch', '--quiet'])
            await server.idle()
            const kept = await keptIn(data)
            judge(server, kept, there)
            assert.deepEqual(kept.toSorted(), there.toSorted())
            assert.equal(server.messages.length, leave === 'delete' ? 0 : messages.length)
            await rm(data, { recursive: true })
          },
          () => underWay > 0,
        )
      } finally {
        for (const { server } of lanes) await server.close()
      }
    })
  })
}

/** When so many messages more were sent, or so many DELEs or QUITs have come, and a moment later (milliseconds). */
function whenSaid(server: HostilePop3, event: 'sent' | 'DELE' | 'QUIT', count: number, after: number): When {
  return (kill) => {
    let left = count
    const onStep = ({ what, text }: Step): void => {
      if ((what === event || (what === 'command' && text.startsWith(event))) && --left === 0) soon(kill, after)
    }
    const { hostility } = server
    server.hostility = { ...hostility, onStep }
    return () => void (server.hostility = hostility)
  }
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
      const messages = makeMail(300, form === 'mbox' ? 2 : 1)
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
      const whole = messages.reduce((sum, { length }) => sum + length, 0)
      let underWay = 0
      await trials(
        10,
        form.length,
        async (moment, number, place) => {
          const data = join(folder, `data-${place}`)
          await cp(template, data, { recursive: true })
          let before = 0
          for (let times = number % 3 === 0 ? 2 : 1; times > 0; times--) {
            // Mostly when so much of it is in the segments, now and then at any moment.
            const killAfter =
              number % 4 === 3
                ? moment * 800
                : whenOctets(join(data, 'users/mario/segments'), 1 + whole * (times === 2 ? moment / 2 : moment))
            await run(args(data), { killAfter })
            const kept = await keptIn(data)
            if (kept.length > 0 && kept.length < there.length) underWay++
            assert.deepEqual(kept, there.slice(0, kept.length))
            before = kept.length
          }
          const { stdout } = await mustRun(args(data))
          const report = JSON.parse(stdout) as { new: number; known: number }
          assert.deepEqual([report.new, report.known], [messages.length - before, before])
          assert.deepEqual(await keptIn(data), there)
          await rm(data, { recursive: true })
        },
        () => underWay > 0,
      )
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
    const octets = messages.reduce((sum, { length }) => sum + length, 0)
    const mboxOut = join(folder, 'whole-mbox')
    await mustRun(['--data', data, 'export', mboxOut, '--format', 'mbox', '--quiet'])
    const mbox = hashOf(await readFile(join(mboxOut, 'INBOX.mbox')))
    let killed = 0
    await trials(
      9,
      7,
      async (moment, number) => {
        const format = formats[number % 3] ?? 'eml'
        const out = join(folder, `out-${number}`)
        const args = ['--data', data, 'export', out, '--format', format, '--quiet']
        const killAfter = number % 4 === 3 ? moment * 600 : whenOctets(out, 1 + moment * octets)
        if ((await run(args, { killAfter })).killed) killed++
        const isWhole = (hash: string): boolean => (format === 'mbox' ? hash === mbox : whole.has(hash))
        for (const path of await named(out)) assert.ok(isWhole(hashOf(await readFile(path))), path)
        await mustRun(args)
        const paths = await named(out)
        assert.equal(paths.length, format === 'mbox' ? 1 : messages.length)
        for (const path of paths) assert.ok(isWhole(hashOf(await readFile(path))), path)
        const all = await readdir(out, { recursive: true, withFileTypes: true })
        assert.equal(all.filter((entry) => entry.isFile()).length, paths.length, 'something half done was left')
        await rm(out, { recursive: true })
      },
      () => killed > 0,
    )
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
