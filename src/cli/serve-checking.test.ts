import assert from 'node:assert/strict'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { test, type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Directory } from '../accounts/directory.ts'
import { add } from '../store/contract-mail.ts'
import { DiskStore } from '../store/disk.ts'
import { readRounds, type Rounds } from './check-rounds.ts'
import { Notes } from './notes.ts'
import { Output } from './output.ts'
import { Checking, type CheckingOptions } from './serve-checking.ts'
import { Counters } from './serve-counters.ts'
import { LogLines } from './serve-log.ts'

const month = 30 * 86_400_000
const megabyte = 1_000_000

interface House {
  readonly folder: string
  readonly segment: () => Promise<string>
  readonly rounds: () => Rounds
  /** A `serve` that has just begun, `months` after the mail came. */
  readonly begin: (options?: Partial<CheckingOptions> & { months?: number; rate?: number }) => Checking
  readonly said: () => string
  /** Looks again and again until it is so. */
  readonly until: (holds: () => boolean) => Promise<void>
}

/** Mario has five messages of a megabyte each. */
async function house(t: TestContext): Promise<House> {
  const data = await mkdtemp(join(tmpdir(), 'postino-checking-'))
  const directory = await Directory.open(data)
  await directory.addUser('mario', undefined)
  const store = new DiskStore(data)
  const mail = await store.open('mario')
  for (let n = 0; n < 5; n++) await add(mail, `Subject: ${n}\r\n\r\n${`Line of ${n}.\r\n`.repeat(megabyte / 12)}`)
  await store.close()
  const folder = store.userFolder('mario')
  const stream = new PassThrough()
  let said = ''
  stream.on('data', (text) => (said += text))
  const output = { output: new Output(stream), notes: new Notes(stream as never, false) }
  const log = new LogLines({ data, json: false, quiet: false, ...output })
  const begun: Checking[] = []
  t.after(async () => {
    for (const checking of begun) await checking.stop()
    directory.close()
    log.flush()
    await rm(data, { recursive: true, force: true })
  })
  const segments = join(folder, 'segments')
  return {
    folder,
    segment: async () => join(segments, (await readdir(segments))[0] ?? ''),
    rounds: () => readRounds(folder),
    begin({ months = 1.1, rate = 1e9, ...options } = {}) {
      const checking = new Checking({
        data,
        directory,
        counters: new Counters(),
        log,
        settings: () => ({ every: month, rate }),
        others: () => 0,
        now: () => Date.now() + months * month,
        ...options,
      })
      begun.push(checking)
      return checking
    },
    said() {
      log.flush()
      return said
    },
    async until(holds) {
      while (!holds()) await sleep(20)
    },
  }
}

test('mail is checked when a month has passed, and not before; then again after a month', async (t) => {
  const { begin, rounds, until, said } = await house(t)
  begin({ months: 0.9 }).look()
  await sleep(100)
  assert.deepEqual(rounds(), {})
  const checking = begin()
  assert.deepEqual(checking.gauges(), [])
  checking.look()
  await until(() => rounds().last !== undefined)
  const { last, now } = rounds()
  assert.equal(now, undefined)
  assert.deepEqual([last?.messages, last?.faults, last?.told], [5, 0, []])
  assert.match(said(), /check mario: 5 messages, 5\.0 MB: all in order/)
  assert.deepEqual(checking.gauges()[0], ['postino_check_faults', {}, 0])
  await checking.stop()
  const ended = last?.ended ?? 0
  begin({ months: 1.9 }).look()
  await sleep(100)
  assert.equal(rounds().last?.ended, ended)
  begin({ months: 2.2 }).look()
  await until(() => (rounds().last?.ended ?? 0) > ended)
})

test('what a round finds is in the log, in the metrics, and remembered', async (t) => {
  const { begin, rounds, until, said, segment } = await house(t)
  const path = await segment()
  const octets = await readFile(path)
  const at = octets.indexOf('Line of 2.')
  octets[at] = 0x58
  await writeFile(path, octets)
  const checking = begin()
  checking.look()
  await until(() => rounds().last !== undefined)
  assert.equal(rounds().last?.faults, 1)
  assert.match(rounds().last?.told[0] ?? '', /octet [\d,]+ \(message 3\): .*; `postino check --repair --from BACKUP/)
  assert.match(said(), /mario: .*\(message 3\): the octets of this message do not match its hash/)
  assert.deepEqual(checking.gauges()[0], ['postino_check_faults', {}, 1])
})

test('a round that is stopped goes on from there, and forgets nothing that it had found', async (t) => {
  const { begin, rounds, until, segment } = await house(t)
  const path = await segment()
  const octets = await readFile(path)
  octets[octets.indexOf('Line of 0.')] = 0x58
  await writeFile(path, octets)
  const first = begin({ rate: megabyte })
  first.look()
  await until(() => (rounds().now?.suspects.length ?? 0) > 0)
  await first.stop()
  const { now, last } = rounds()
  assert.equal(last, undefined)
  assert.ok(now !== undefined)
  // It is not due, but it was begun.
  begin({ months: 0 }).look()
  await until(() => rounds().last !== undefined)
  assert.equal(rounds().last?.faults, 1)
})

test('while there is other work, it waits', async (t) => {
  const { begin, rounds, until } = await house(t)
  let others = 2
  let ended: number | undefined
  // It is told to wait long before it could have ended. Where this machine stood still meanwhile, it begins again a month later.
  for (let months = 1.1, told = Infinity; told > 500; months += 1.1) {
    ended = rounds().last?.ended
    const began = performance.now()
    told = Infinity
    const busy = (): number => {
      told = Math.min(told, performance.now() - began)
      return others
    }
    begin({ others: busy, glance: 1, rate: 4 * megabyte, months }).look()
    await until(() => told < Infinity || rounds().last?.ended !== ended)
    if (told > 500) await until(() => ((others = 0), rounds().last?.ended !== ended))
    others = 2
  }
  await sleep(2000)
  assert.equal(rounds().last?.ended, ended)
  others = 0
  await until(() => rounds().last?.ended !== ended)
})
