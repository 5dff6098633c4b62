import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { cp, mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { FolderTarget } from '../../src/backup/folder-target.ts'
import { listBackups, readManifest } from '../../src/backup/manifest.ts'
import { verifyPieces } from '../../src/backup/restore-files.ts'
import { inFolder, keptIn, killTime, makeMail, mustRun, run, trials, type Undisturbed } from './kill-bench.ts'

/** A data folder that is bigger than at its only backup. */
async function prepare(folder: string): Promise<{ data: string; backups: string; there: string[] }> {
  const data = join(folder, 'data')
  const backups = join(folder, 'backups')
  const messages = makeMail(120, 3)
  const bring = async (some: readonly Buffer[]): Promise<void> => {
    const source = join(folder, 'in.mbox')
    await writeFile(source, Buffer.concat(some.flatMap((each) => [Buffer.from('From a\n'), each, Buffer.from('\n')])))
    await mustRun(['--data', data, 'import', source, '--user', 'mario', '--quiet'])
  }
  await mustRun(['--data', data, 'user', 'add', 'mario', '--password-stdin'], 'a password\n')
  await bring(messages.slice(0, 60))
  await mustRun(['--data', data, 'backup', backups, '--quiet'])
  await bring(messages.slice(60))
  return { data, backups, there: await keptIn(data) }
}

/** Runs it on two copies at once, as the trials will; `began`: when the program had found its place. */
async function measure(folder: string, backups: string, words: (place: number) => string[]): Promise<Undisturbed> {
  const times = await Promise.all(
    [0, 1].map(async (place) => {
      await cp(backups, join(folder, `target-${place}`), { recursive: true })
      return (await mustRun(words(place))).took
    }),
  )
  const ended = Math.max(...times)
  return { began: ended / 3, ended }
}

/** Every backup that is listed is whole; gives their numbers. */
async function wholeBackups(folder: string): Promise<{ numbers: number[]; files: number }> {
  const target = new FolderTarget(folder)
  const numbers: number[] = []
  const needed = new Set<string>()
  for (const name of await listBackups(target)) {
    const manifest = await readManifest(target, name)
    assert.deepEqual(await verifyPieces(target, manifest.files, needed, () => undefined), [])
    numbers.push(manifest.backup)
  }
  return { numbers, files: needed.size + numbers.length }
}

test('backup, killed at any moment: what is listed is whole, and the next one leaves nothing half done', async () => {
  await inFolder(async (folder) => {
    const { data, backups, there } = await prepare(folder)
    // Each lane has its own data folder, for one makes one backup at a time.
    await Promise.all([0, 1].map((place) => cp(data, join(folder, `data-${place}`), { recursive: true })))
    const words = (place: number): string[] => {
      const from = ['--data', join(folder, `data-${place}`), '--quiet']
      return [...from, 'backup', join(folder, `target-${place}`), '--keep', '1']
    }
    const undisturbed = await measure(folder, backups, words)
    await trials(7, 11, async (moment, number, place) => {
      const target = join(folder, `target-${place}`)
      await rm(target, { recursive: true })
      await cp(backups, target, { recursive: true })
      await run(words(place), { killAfter: killTime(undisturbed, moment, number) })
      const { numbers } = await wholeBackups(target)
      assert.ok(numbers.length > 0 && numbers.every((one) => one === 1 || one === 2), numbers.join(' '))

      await mustRun(words(place))
      const after = await wholeBackups(target)
      assert.equal(after.numbers.length, 1)
      const names = [...(await new FolderTarget(target).list('')).keys()]
      assert.equal(names.length, after.files, `something is left: ${names.join(' ')}`)
      const into = join(folder, `into-${number}`)
      await mustRun(['--quiet', 'restore', target, '--into', into])
      assert.deepEqual(await keptIn(into), there)
      await rm(into, { recursive: true })
    })
  })
})

test('restore, killed at any moment: there is no half of a data folder, and the next one ends it', async () => {
  await inFolder(async (folder) => {
    const { data, backups, there } = await prepare(folder)
    await mustRun(['--data', data, 'backup', backups, '--quiet'])
    const words = (into: string): string[] => ['--quiet', 'restore', backups, '--into', into]
    const undisturbed = await measure(folder, backups, (place) => words(join(folder, `whole-${place}`)))
    await trials(6, 12, async (moment, number) => {
      const into = join(folder, `into-${number}`)
      await mkdir(into)
      const { killed } = await run(words(into), { killAfter: killTime(undisturbed, moment, number) })
      const done = existsSync(join(into, 'postino.sqlite')) && !existsSync(join(into, '.restore-work'))
      if (killed && !done) await mustRun(words(into))
      assert.deepEqual(await keptIn(into), there)
      assert.ok(!existsSync(join(into, '.restore-work')))
      const { stdout } = await mustRun(['--data', into, 'user', 'list'])
      assert.equal(stdout, 'mario\n')
      await rm(into, { recursive: true })
    })
  })
})

test('a message that is brought back, killed at any moment: it is there once', async () => {
  await inFolder(async (folder) => {
    const { data, backups, there } = await prepare(folder)
    await mustRun(['--data', data, 'backup', backups, '--quiet'])
    const kept = there.length
    // The mail is older than the backup: half of it is not there.
    const older = join(folder, 'older')
    await mustRun(['--quiet', 'restore', backups, '--backup', '1', '--into', older])
    const words = (into: string): string[] => ['--data', into, '--quiet', 'restore', backups, '--user', 'mario']
    const undisturbed = await measure(folder, older, (place) => words(join(folder, `target-${place}`)))
    await trials(4, 13, async (moment, number) => {
      const into = join(folder, `into-${number}`)
      await cp(older, into, { recursive: true })
      await run(words(into), { killAfter: killTime(undisturbed, moment, number) })
      await mustRun(words(into))
      const now = await keptIn(into)
      assert.equal(now.length, kept)
      assert.deepEqual(now.toSorted(), there.toSorted())
      await rm(into, { recursive: true })
    })
  })
})
