import assert from 'node:assert/strict'
import type { ChildProcess } from 'node:child_process'
import { cp, mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { DiskStore } from '../../src/store/disk.ts'
import { inFolder, keptIn, makeMail, mustRun, soon, start, trials } from './kill-bench.ts'
import { PlainPop3 } from './plain-pop3.ts'

const count = 60
const turns = 6
/** About so many are asked for in all of them. */
const commands = 35

/** What one session asked for, and how far it came. */
interface Asked {
  readonly uniqueIds: string[]
  quit: 'not asked' | 'asked' | 'answered'
}

test('serve, killed at any moment: what QUIT was answered for has happened, what was not asked for has not, and it starts again', async () => {
  await inFolder(async (folder) => {
    const template = join(folder, 'template')
    const source = join(folder, 'source')
    await mkdir(source)
    for (const [n, octets] of makeMail(count, 1).entries())
      await writeFile(join(source, `${String(n).padStart(3, '0')}.eml`), octets)
    await mustRun(['--data', template, 'user', 'add', 'mario', '--password-stdin'], 'a password\n')
    await mustRun(['--data', template, 'import', source, '--user', 'mario', '--quiet'])
    const there = await keptIn(template)

    let underWay = 0
    await trials(
      12,
      5,
      async (moment, number, place) => {
        const data = join(folder, `data-${place}`)
        await cp(template, data, { recursive: true })
        const sessions: Asked[] = []
        // Mostly at one of the commands or a moment later, now and then at any time: before it is ready, or when all is done.
        const served = serve(data, number % 4 === 3 ? moment * 1500 : undefined)
        let left = number % 4 === 3 ? Infinity : Math.ceil(moment * commands)
        const talk = served.then(({ child, port }) =>
          readAndDelete(port, sessions, () => {
            if (--left === 0) soon(() => child.kill('SIGKILL'), number % 3)
          }),
        )
        // The server goes away in the middle of it, or before it has begun, or when all is done.
        await talk.catch(() => undefined)
        if (sessions.some(({ quit }) => quit !== 'not asked') && sessions.length < turns) underWay++
        await served.then(
          ({ child }) => stop(child),
          () => undefined,
        )

        assert.deepEqual(await keptIn(data), there)
        const hidden = await hiddenIn(data)
        for (const { uniqueIds, quit } of sessions) {
          if (quit === 'not asked') continue
          const gone = uniqueIds.filter((uniqueId) => hidden.delete(uniqueId)).length
          if (quit === 'answered') assert.equal(gone, uniqueIds.length, 'QUIT was answered, but not all is deleted')
          else assert.ok(gone === 0 || gone === uniqueIds.length, 'half of an update was done')
        }
        assert.equal(hidden.size, 0, 'something is deleted that no session with QUIT marked')

        const again = await serve(data)
        const client = await logIn(again.port)
        const listed = (await client.askLines('UIDL')).length
        assert.equal(listed, count - (await hiddenIn(data)).size)
        await client.ask('DELE 1')
        await client.ask('QUIT')
        assert.equal(await stop(again.child), 0)
        assert.equal((await hiddenIn(data)).size, count - listed + 1)
        await rm(data, { recursive: true })
      },
      () => underWay > 0,
    )
  })
})

/** Starts the real program; `killAfter`: milliseconds until SIGKILL. Rejects when it ends before it is ready. */
function serve(data: string, killAfter?: number): Promise<{ child: ChildProcess; port: number }> {
  const child = start(['--data', data, 'serve', '--listen', 'pop3=127.0.0.1:0'])
  if (killAfter !== undefined) {
    const timer = setTimeout(() => child.kill('SIGKILL'), killAfter)
    child.on('close', () => clearTimeout(timer))
  }
  let errors = ''
  child.stderr?.on('data', (octets: Buffer) => (errors += octets.toString()))
  return new Promise((resolve, reject) => {
    child.on('close', () => reject(new Error(`serve ended: ${errors}`)))
    if (child.stdout === null) return
    let port = 0
    createInterface(child.stdout).on('line', (line) => {
      port = Number(/^listening pop3 \S+:(\d+)$/.exec(line)?.[1] ?? port)
      if (line === 'ready') resolve({ child, port })
    })
  })
}

/** Ends it as a system does; gives its exit code. */
function stop(child: ChildProcess): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve(child.exitCode)
  child.kill('SIGTERM')
  return new Promise((resolve) => child.on('close', resolve))
}

/** Logs in, also where the server has not yet noticed that the session before is over. */
async function logIn(port: number): Promise<PlainPop3> {
  for (let tries = 0; ; tries++) {
    const client = await PlainPop3.open(port)
    try {
      await client.ask('USER mario')
      await client.ask('PASS a password')
      return client
    } catch (error) {
      client.drop()
      if (tries > 1000 || !String(error).includes('[IN-USE]')) throw error
      await sleep(20)
    }
  }
}

/** Six sessions, one after the other: each reads and marks some messages; most end with QUIT, some do not. Tells of each before it asks. */
async function readAndDelete(port: number, sessions: Asked[], onCommand: () => void): Promise<void> {
  for (let turn = 0; turn < turns; turn++) {
    onCommand()
    const client = await logIn(port)
    const ask = async (command: string): Promise<void> => {
      onCommand()
      await client.ask(command)
    }
    const uniqueIds = (await client.askLines('UIDL')).map((line) => line.split(' ')[1] ?? '')
    const asked: Asked = { uniqueIds: [], quit: 'not asked' }
    sessions.push(asked)
    await client.askLines('RETR 2')
    for (const number of [1, 3, 4, 7, 8].slice(turn % 2)) {
      await ask(`DELE ${number}`)
      asked.uniqueIds.push(uniqueIds[number - 1] ?? '')
    }
    if (turn === 2) client.drop()
    else if (turn === 4) {
      await ask('RSET')
      asked.uniqueIds.length = 0
      await ask('QUIT')
    } else {
      asked.quit = 'asked'
      await ask('QUIT')
      asked.quit = 'answered'
    }
  }
}

async function hiddenIn(data: string): Promise<Set<string>> {
  const store = new DiskStore(data)
  try {
    const mail = await store.open('mario')
    const messages = await mail.read((view) => view.messages())
    return new Set(messages.filter(({ hidden }) => hidden).map(({ uniqueId }) => uniqueId))
  } finally {
    await store.close()
  }
}
