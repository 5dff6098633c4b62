import assert from 'node:assert/strict'
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, unlinkSync, writeFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { exportMail } from '../../src/doors/export.ts'
import { StoreError } from '../../src/errors.ts'
import { SearchIndex } from '../../src/search/index-file.ts'
import { searchFaults } from '../../src/search/check-search.ts'
import { DiskStore } from '../../src/store/disk.ts'
import { Random } from '../corpus/generate-random.ts'
import { type KnownMail, live, openIfItCan, quickFolder, readAll } from './random-history.ts'

/** How many bits are flipped, each in a copy of its own; more by POSTINO_FLIPS. */
const flips = Number(process.env['POSTINO_FLIPS'] ?? 500)
const firstSeed = Number(process.env['POSTINO_SEED'] ?? 1939)

/** A user's folder, and what is in it. */
interface Base {
  readonly folder: string
  readonly known: KnownMail
  readonly settled: boolean
}

async function makeBase(folder: string, seed: number, settled: boolean): Promise<Base> {
  const store = new DiskStore(folder)
  const random = new Random(seed)
  try {
    const mail = await store.open('mario')
    await live(mail, random, 40)
    if (settled) {
      await store.settle('mario', { all: true })
      await live(mail, random, 15)
    }
    const search = SearchIndex.open(store.userFolder('mario'), mail)
    await search.catchUp()
    search.close()
    const { known, unread } = await readAll(mail)
    assert.equal(unread.size, 0)
    return { folder, known, settled }
  } finally {
    await store.close()
  }
}

test('a flipped bit in any file: what is read is right, what is whole is served, check names it, --rebuild brings back the rest', async () => {
  const work = await quickFolder('flips')
  try {
    const bases: Base[] = []
    for (let n = 0; n < 6; n++) bases.push(await makeBase(join(work, `base-${n}`), bases.length, n % 2 === 1))
    for (let seed = firstSeed; seed < firstSeed + flips; seed++) {
      const base = bases[seed % bases.length]
      const data = join(work, 'data')
      assert.ok(base !== undefined)
      mkdirSync(join(data, 'users'), { recursive: true })
      cpSync(join(base.folder, 'users'), join(data, 'users'), { recursive: true })
      const flipped = flip(join(data, 'users/mario'), new Random(seed))
      try {
        await judge(data, base, flipped, seed)
      } catch (error) {
        throw new Error(`POSTINO_SEED=${seed} POSTINO_FLIPS=1: ${flipped.path}, octet ${flipped.at}`, { cause: error })
      }
      rmSync(data, { recursive: true })
    }
  } finally {
    await rm(work, { recursive: true, force: true })
  }
})

interface Flipped {
  readonly path: string
  readonly at: number
  readonly in: 'segment' | 'index' | 'search'
}

/** Any bit of any file is as likely as another, but for the index, which would be most of it. */
function flip(folder: string, random: Random): Flipped {
  const segments = readdirSync(join(folder, 'segments')).map((name) => join(folder, 'segments', name))
  const where = random.between(0, 9)
  const path = where < 6 ? random.pick(segments) : join(folder, where < 9 ? 'index.sqlite' : 'search.sqlite')
  const octets = readFileSync(path)
  const at = random.between(0, octets.length - 1)
  octets[at] = (octets[at] ?? 0) ^ (1 << random.between(0, 7))
  writeFileSync(path, octets)
  return { path, at, in: where < 6 ? 'segment' : where < 9 ? 'index' : 'search' }
}

async function judge(data: string, base: Base, flipped: Flipped, seed: number): Promise<void> {
  const store = new DiskStore(data)
  try {
    const mail = await openIfItCan(store)
    let unread: ReadonlySet<string> = new Set()
    if (mail !== undefined) {
      const found = await readAll(mail).catch(onlyDamage)
      // An index that is damaged says so, and is made again.
      if (found === undefined) assert.equal(flipped.in, 'index')
      else {
        assertRight(found.known, base.known)
        unread = found.unread
        if (flipped.in !== 'index') assert.equal(found.known.size + unread.size, base.known.size)
      }
      if (seed % 8 === 0 && found !== undefined && flipped.in !== 'index') {
        const out = join(data, 'out')
        const report = await exportMail(mail, out, { format: 'eml' })
        assert.deepEqual([report.messages, report.damaged.length], [base.known.size - unread.size, unread.size])
      }
    }
    const checked = await store.check('mario').catch(onlyDamage)
    if (flipped.in === 'segment') {
      assert.ok(checked !== undefined && checked.problems.length > 0, 'check does not find it')
      assert.ok(checked.problems.some(({ path }) => path === flipped.path))
      const named = new Set(checked.problems.flatMap(({ message, remedy }) => (remedy === 'octets' ? [message] : [])))
      assert.equal(named.size, unread.size)
      if (!base.settled) assert.ok(named.size <= sharers(base.known))
    }
    if (flipped.in === 'search') {
      assert.deepEqual(checked?.problems, [])
      searchFaults(store.userFolder('mario'), 'mario')
    }

    // Making it again is what takes longest; every second will do.
    if (seed % 2 === 1) return
    const lost = await rebuilt(store, flipped, seed)
    const after = await readAll(await store.open('mario'))
    assertRight(after.known, base.known)
    for (const [uniqueId, before] of base.known) {
      const { id: _, ...now } = after.known.get(uniqueId) ?? { id: 0 }
      if (!lost && !unread.has(uniqueId)) assert.deepEqual({ id: before.id, ...now }, before)
    }
    if (lost && !base.settled) {
      // One record is lost, and with a record of a message at most those that have the same octets.
      const gone = [...base.known.keys()].filter((uniqueId) => !after.known.has(uniqueId))
      assert.ok(gone.length <= sharers(base.known), `${gone.length} messages are gone`)
    }
  } finally {
    await store.close()
  }
}

/** Makes the index again; now and then without the old one, and then tells that one record may be lost. */
async function rebuilt(store: DiskStore, flipped: Flipped, seed: number): Promise<boolean> {
  const folder = store.userFolder('mario')
  const without = seed % 3 === 0
  if (without) await removeIndex(store, folder)
  try {
    await store.rebuild('mario')
  } catch (error) {
    // The bit was of the version of the index.
    if (!(error instanceof StoreError) || error.code !== 'newer-schema') throw error
    await removeIndex(store, folder)
    await store.rebuild('mario')
  }
  return without && flipped.in === 'segment'
}

async function removeIndex(store: DiskStore, folder: string): Promise<void> {
  await store.close()
  for (const name of readdirSync(folder)) if (/^index\.sqlite(-|$)/.test(name)) unlinkSync(join(folder, name))
}

/** Nobody ever gets other octets than a message's own. */
function assertRight(known: KnownMail, before: KnownMail): void {
  const all = new Set([...before.values()].map(({ octets }) => octets))
  for (const [uniqueId, { octets }] of known) {
    const expected = before.get(uniqueId)
    // A unique-id that nobody knows is a name of which a bit has flipped.
    if (expected !== undefined) assert.equal(octets, expected.octets)
    else assert.ok(all.has(octets))
  }
}

/** How many messages at the most have the same octets. */
function sharers(known: KnownMail): number {
  const counts = Map.groupBy(known.values(), ({ octets }) => octets)
  return Math.max(...[...counts.values()].map(({ length }) => length))
}

function onlyDamage(error: unknown): undefined {
  if (error instanceof StoreError && ['damaged', 'missing', 'newer-schema'].includes(error.code)) return undefined
  throw error
}
