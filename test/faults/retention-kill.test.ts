import assert from 'node:assert/strict'
import { cp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { Directory } from '../../src/accounts/directory.ts'
import { hashOf } from '../../src/store/measure.ts'
import { DiskStore } from '../../src/store/disk.ts'
import { inFolder, keptIn, killTime, mustRun, run, start, trials, type Undisturbed } from './kill-bench.ts'

const day = 86_400_000
/** So many messages go; those are several transactions. */
const old = 4500
const young = 300
const held = 200

test('a retention run, killed at any moment: each message is where it was or where it goes, what must stay stays, and the next run does the rest', async () => {
  await inFolder(async (folder) => {
    const template = join(folder, 'template')
    await fill(template)
    const words = (data: string): string[] => ['--data', data, '--quiet', '--json', 'retention', 'run']
    const undisturbed = await measure(template, folder, words)
    await trials(8, 5, async (moment, number, place) => {
      const data = join(folder, `data-${place}`)
      await cp(template, data, { recursive: true })
      let left = old
      for (let times = number % 3 === 0 ? 2 : 1; times > 0; times--) {
        await run(words(data), { killAfter: killTime(undisturbed, moment, number) })
        const now = await judge(data)
        assert.ok(now <= left)
        left = now
      }
      const { stdout } = await mustRun(words(data))
      const [report] = stdout.trim().split('\n')
      const { trashed, removed } = JSON.parse(report ?? '') as { trashed: number; removed: number }
      // What a run that was killed did is not done again.
      assert.equal(trashed + removed, left)
      assert.equal(await judge(data), 0)
      await rm(data, { recursive: true })
    })
  })
})

test('a retention run, killed when it has told of the first messages: these have gone, and the next run does the rest', async () => {
  await inFolder(async (data) => {
    await fill(data)
    const child = start(['--data', data, 'retention', 'run'])
    const ended = new Promise((resolve) => void child.on('close', resolve))
    child.stdout?.once('data', () => child.kill('SIGKILL'))
    await ended
    const left = await judge(data)
    assert.ok(left < old, 'it told of what it had not done')
    await mustRun(['--data', data, '--quiet', 'retention', 'run'])
    assert.equal(await judge(data), 0)
  })
})

/** A folder of mario's: every second old message has a rule that trashes it, the others one that removes them. */
async function fill(data: string): Promise<void> {
  await mustRun(['--data', data, 'user', 'add', 'mario', '--password-stdin'], 'a password\n')
  const store = new DiskStore(data)
  const mail = await store.open('mario')
  const staging = mail.stage()
  void staging.write(Buffer.from('Subject: small\r\n\r\n'))
  const small = await staging.finish()
  const other = mail.stage()
  void other.write(Buffer.from(`Subject: large\r\n\r\n${'x'.repeat(500)}\r\n`))
  const large = await other.finish()
  await mail.change((draft) => {
    const [inbox, hold] = [draft.openMailbox('INBOX'), draft.openMailbox('Case')]
    const received = Date.now() - 100 * day
    for (let n = 0; n < old; n++) draft.add(n % 2 === 0 ? small : large, { mailbox: inbox, received })
    for (let n = 0; n < young; n++) draft.add(small, { mailbox: inbox, received: Date.now() })
    for (let n = 0; n < held; n++) draft.add(large, { mailbox: hold, received })
    draft.placeHold({ mailbox: 'Case' }, { why: 'case 17', by: 'anna' })
  })
  await store.close()
  const directory = await Directory.open(data)
  await directory.rules.add('mario', { olderThan: 30, largerThan: 100, what: 'remove' })
  await directory.rules.add('mario', { olderThan: 30, what: 'trash' })
  directory.close()
}

async function measure(template: string, folder: string, words: (data: string) => string[]): Promise<Undisturbed> {
  const data = join(folder, 'whole')
  await cp(template, data, { recursive: true })
  const { took } = await mustRun(words(data))
  await rm(data, { recursive: true })
  // Until it has been loaded, the program does nothing; how long that takes is all of a run without rules.
  const { took: began } = await mustRun(['--data', template, '--quiet', 'retention', 'list'])
  return { began: Math.min(began, took / 2), ended: took }
}

/** Nothing is half done: gives how many messages a rule is still to be applied to. */
async function judge(data: string): Promise<number> {
  // `check` finds nothing wrong, sums of octets included.
  const kept = await keptIn(data)
  const store = new DiskStore(data)
  try {
    const mail = await store.open('mario')
    return await mail.read((view) => {
      const [inbox, trash, hold] = ['INBOX', 'Trash', 'Case'].map((name) => view.mailbox(name))
      const largeHash = hashOf(Buffer.from(`Subject: large\r\n\r\n${'x'.repeat(500)}\r\n`))
      const all = view.messages()
      assert.equal(all.length, kept.length)
      assert.equal(
        view.octets(),
        all.reduce((sum, { octets }) => sum + octets, 0),
      )
      assert.equal(hold?.messages, held)
      const trashed = all.filter((message) => message.mailbox === trash?.id)
      for (const message of trashed)
        assert.ok(message.trashed !== undefined && message.trashedFrom === inbox?.id && message.hash !== largeHash)
      const left = (inbox?.messages ?? 0) - young
      const leftSmall = all.filter(({ mailbox, hash }) => mailbox === inbox?.id && hash !== largeHash).length - young
      assert.equal(trashed.length + leftSmall, old / 2, 'a message that was to go to the trash is gone')
      return left
    })
  } finally {
    await store.close()
  }
}
