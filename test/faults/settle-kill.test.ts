import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { cp, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { StoreError } from '../../src/errors.ts'
import { stage } from '../../src/store/contract-mail.ts'
import { DiskStore } from '../../src/store/disk.ts'
import type { SettleStep } from '../../src/store/settle.ts'
import type { Staged, UserMail } from '../../src/store/store.ts'
import { compiled } from './compiled.ts'
import { hashOf } from './hostile-pop3.ts'
import { inFolder, keptIn, killTime, makeMail, mustRun, run, trials, type Undisturbed } from './kill-bench.ts'
import { mayMount, mountSmallDisk } from './small-disk.ts'
import { isStoreError, put } from './victim.ts'
import { allHashes } from './watched-mail.ts'

/** Before each of these the process may die, or the disk be full. */
const steps: readonly SettleStep[] = ['begun', 'written', 'proved', 'committed', 'named', 'deleted']

/** Mario's mail in a folder of data: never settled, or settled before and some of it removed since. Gives the hashes of what is there. */
async function fill(data: string, form: 'new' | 'settled'): Promise<string[]> {
  const store = new DiskStore(data)
  try {
    const mail = await store.open('mario')
    await putAll(mail, makeMail(60, 1))
    if (form === 'settled') {
      await store.settle('mario', { all: true })
      const ids = await mail.read((view) => view.messages().map(({ id }) => id))
      await mail.change((draft) => {
        for (const id of ids.filter((_, place) => place % 2 === 0)) draft.remove(id)
      })
      await putAll(mail, makeMail(70, 2).slice(60))
    }
    return await allHashes(mail)
  } finally {
    await store.close()
  }
}

/** As `put`, all in one change. */
async function putAll(mail: UserMail, messages: readonly Buffer[]): Promise<void> {
  const staged: Staged[] = []
  for (const octets of messages) staged.push(await stage(mail, octets, 'wire'))
  await mail.change((draft) => {
    for (const one of staged) draft.add(one, { mailbox: draft.openMailbox('INBOX'), received: 0 })
  })
  for (const one of staged) one.discard()
}

/** The folder has this mail, octet for octet; a second settling ends well, and leaves nothing half done; new mail comes in. */
async function assertWhole(data: string, there: readonly string[]): Promise<void> {
  assert.deepEqual(await keptIn(data), there)
  const late = Buffer.from('Subject: late\r\n\r\nLate.\r\n')
  const store = new DiskStore(data)
  try {
    await put(await store.open('mario'), late)
    await store.settle('mario', { all: true })
    assert.deepEqual(await allHashes(await store.open('mario')), [...there, hashOf(late)])
    const { segments } = await store.settle('mario', { all: true })
    assert.equal(segments, 0, 'after a settling that ended well there was more to do')
  } finally {
    await store.close()
  }
  assert.deepEqual(await keptIn(data), [...there, hashOf(late)])
  const names = readdirSync(join(data, 'users/mario/segments'))
  assert.deepEqual(
    names.filter((name) => !/^\d{10}(?:-\d+)?\.zst$/.test(name)),
    [],
  )
  const numbers = names.map((name) => name.slice(0, 10))
  assert.equal(new Set(numbers).size, numbers.length, `a segment is there twice: ${names.join(' ')}`)
}

function child(data: string, step: string, nth: number): Promise<{ killed: boolean; said: string }> {
  const words = [join(import.meta.dirname, 'settle-child.ts'), data, step, String(nth)]
  const process = spawn(globalThis.process.execPath, words, {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: compiled,
  })
  let said = ''
  process.stderr.setEncoding('utf8').on('data', (text: string) => (said += text))
  return new Promise((resolve) => process.on('close', (_, signal) => resolve({ killed: signal === 'SIGKILL', said })))
}

for (const form of ['new', 'settled'] as const) {
  test(`killed before each step of settling (mail that is ${form}): all is there, and the next settling ends it`, async () => {
    await inFolder(async (folder) => {
      const template = join(folder, 'template')
      const there = await fill(template, form)
      for (const step of steps) {
        const data = join(folder, step)
        await cp(template, data, { recursive: true })
        const { killed, said } = await child(data, step, 1)
        assert.ok(killed, `${step} did not come: ${said}`)
        const rebuilt = join(folder, `${step}-rebuilt`)
        await cp(data, rebuilt, { recursive: true })
        await rm(join(rebuilt, 'users/mario/index.sqlite'))
        const store = new DiskStore(rebuilt)
        assert.deepEqual((await store.rebuild('mario')).damage, [], step)
        await store.close()
        await assertWhole(rebuilt, there)
        await assertWhole(data, there)
        await rm(data, { recursive: true })
      }
    })
  })

  test(
    `a full disk at each step of settling (mail that is ${form}): the same`,
    { skip: !mayMount && 'this process may not mount a small disk' },
    async () => {
      for (const step of steps) {
        await using disk = await mountSmallDisk(1)
        await disk.free()
        const there = await fill(disk.folder, form)
        const stopper = join(disk.folder, 'stopper')
        const store = new DiskStore(disk.folder)
        const seen: string[] = []
        const settling = store.settle('mario', {
          all: true,
          onStep: async (at) => {
            seen.push(at)
            if (at === step) await assert.rejects(writeFile(stopper, Buffer.alloc(60 << 20)), { code: 'ENOSPC' })
          },
        })
        // Where nothing needs room any more, it ends well.
        await settling.then(
          () => undefined,
          (error: unknown) => isStoreError('disk-full', 'mario')(error),
        )
        assert.ok(seen.includes(step), `${step} did not come, only ${seen.join(' ')}`)
        assert.deepEqual(await allHashes(await store.open('mario')), there, step)
        await store.close()
        await rm(stopper)
        await assertWhole(disk.folder, there)
      }
    },
  )
}

test('settle, killed at any moment, again and again: all is there, and the next run ends it', async () => {
  await inFolder(async (folder) => {
    const template = join(folder, 'template')
    await mustRun(['--data', template, 'user', 'add', 'mario', '--password-stdin'], 'a password\n')
    const there = await fill(template, 'settled')
    const whole = join(folder, 'whole')
    await cp(template, whole, { recursive: true })
    const { took } = await mustRun(['--data', whole, 'settle', '--quiet'])
    const undisturbed: Undisturbed = { began: took / 3, ended: took }
    await trials(7, 9, async (moment, number, place) => {
      const data = join(folder, `data-${place}`)
      await cp(template, data, { recursive: true })
      for (let times = number % 3 === 0 ? 3 : 1; times > 0; times--)
        await run(['--data', data, 'settle', '--quiet'], { killAfter: killTime(undisturbed, moment, number) })
      await assertWhole(data, there)
      await rm(data, { recursive: true })
    })
  })
})

test('an index that is made anew while mail is settled: whoever has it open reads on, and nothing is missing', async () => {
  await inFolder(async (data) => {
    const there = await fill(data, 'settled')
    const [settling, rebuilding, reading] = [new DiskStore(data), new DiskStore(data), new DiskStore(data)]
    try {
      const mail = await reading.open('mario')
      for (const step of steps) {
        await putAll(await settling.open('mario'), makeMail(steps.indexOf(step) + 1, 3))
        let rebuilt: Promise<unknown> | undefined
        await settling.settle('mario', {
          all: true,
          onStep: async (at) => {
            if (at !== step || rebuilt !== undefined) return
            rebuilt = rebuilding.rebuild('mario')
            // It is done at once, or waits until the settling is.
            await Promise.race([rebuilt, sleep(200)])
          },
        })
        await rebuilt
        const hashes = await allHashes(mail)
        assert.deepEqual(hashes.slice(0, there.length), there, step)
        assert.deepEqual((await reading.check('mario')).problems, [], step)
      }
    } finally {
      for (const store of [settling, rebuilding, reading]) await store.close()
    }
  })
})

test('a user who is removed and added anew while mail is settled keeps the new mail, and gets none of the old', async () => {
  for (const step of ['begun', 'written', 'proved'] as const)
    await inFolder(async (data) => {
      await fill(data, 'settled')
      const [settling, other] = [new DiskStore(data), new DiskStore(data)]
      const fresh = makeMail(5, 4)
      try {
        const done = settling.settle('mario', {
          all: true,
          onStep: async (at) => {
            if (at !== step || (await other.open('mario').then(allHashes)).length === fresh.length) return
            await other.remove('mario')
            await putAll(await other.open('mario'), fresh)
          },
        })
        await done.catch((error: unknown) => assert.ok(error instanceof StoreError, String(error)))
        assert.deepEqual(await allHashes(await other.open('mario')), fresh.map(hashOf))
        assert.deepEqual((await other.check('mario')).problems, [])
      } finally {
        for (const store of [settling, other]) await store.close()
      }
      assert.deepEqual(await keptIn(data), fresh.map(hashOf))
    })
})
