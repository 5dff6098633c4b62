import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { lookAt, type SegmentFile, triedNow, whatToSettle } from './serve-settling-turn.ts'

const [hour, day, mebibyte] = [3_600_000, 86_400_000, 1 << 20]
const now = 1_800_000_000_000

/** A segment that was begun long ago, as it was written, and not written to for a week. */
function file(number: number, more: Partial<SegmentFile> = {}): SegmentFile {
  return { number, generation: 0, size: 100_000, written: now - 7 * day, begun: now - 8 * day, ...more }
}

const seen = (...segments: SegmentFile[]) => ({ segments, indexWritten: now - 7 * day })

test('what is closed is settled, what is being written is not', () => {
  assert.equal(whatToSettle(seen(file(1)), undefined, now), undefined)
  assert.equal(whatToSettle(seen(file(1), file(2)), undefined, now), 'closed')
  assert.equal(whatToSettle(seen(file(1, { generation: 1 }), file(2)), undefined, now), undefined)
  // A crash came before the old file was deleted.
  assert.equal(whatToSettle(seen(file(1), file(1, { generation: 1 }), file(2)), undefined, now), undefined)
  assert.equal(whatToSettle(seen(), undefined, now), undefined)
})

test('the open one is settled too where it is large and rests, or is old and not quite small', () => {
  const large = { size: 32 * mebibyte }
  assert.equal(whatToSettle(seen(file(1, { ...large, written: now - hour })), undefined, now), 'all')
  assert.equal(whatToSettle(seen(file(1, { ...large, written: now - hour + 1 })), undefined, now), undefined)
  assert.equal(whatToSettle(seen(file(1, { size: 32 * mebibyte - 1 })), undefined, now), undefined)
  const old = { begun: now - 30 * day }
  assert.equal(whatToSettle(seen(file(1, { ...old, size: mebibyte })), undefined, now), 'all')
  assert.equal(whatToSettle(seen(file(1, { ...old, size: mebibyte - 1 })), undefined, now), undefined)
  assert.equal(whatToSettle(seen(file(1, { begun: 0, size: mebibyte })), undefined, now), undefined)
})

test('what was left as it was is not tried again for a day, what was closed since is', () => {
  const before = seen(file(1), file(2, { size: 40 * mebibyte }))
  const tried = triedNow(before, 'closed', now)
  const resting = seen(file(1), file(2, { size: 40 * mebibyte, written: now }))
  assert.equal(whatToSettle(resting, tried, now + 1), undefined)
  assert.equal(whatToSettle(resting, tried, now + day), 'all')
  assert.equal(whatToSettle(seen(...resting.segments, file(3)), tried, now + 1), 'closed')
  assert.equal(whatToSettle(before, triedNow(before, 'all', now), now + 1), undefined)
  assert.equal(whatToSettle(before, triedNow(before, 'all', now), now + day), 'all')
})

test('settled mail is looked at again when a day later something has changed, once a day', () => {
  const settled = [file(1, { generation: 2, written: now - 3 * day }), file(2)]
  assert.equal(whatToSettle({ segments: settled, indexWritten: now - 2.5 * day }, undefined, now), undefined)
  const changed = { segments: settled, indexWritten: now - day }
  assert.equal(whatToSettle(changed, undefined, now), 'closed')
  assert.equal(whatToSettle(changed, triedNow(changed, 'closed', now), now + day - 1), undefined)
  assert.equal(whatToSettle(changed, triedNow(changed, 'closed', now), now + day), 'closed')
})

test('a folder is read by the names of its files, and what is no segment passed over', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'postino-turn-'))
  t.after(() => rm(folder, { recursive: true }))
  assert.equal(lookAt(folder), undefined)
  await mkdir(join(folder, 'segments'))
  const names = ['0000000001-2.zst', '0000000002.zst', '0000000002-1.zst.new', 'notes.txt']
  for (const name of names) await writeFile(join(folder, 'segments', name), name)
  await writeFile(join(folder, 'index.sqlite'), '')
  await utimes(join(folder, 'index.sqlite'), 1000, 1000)
  await writeFile(join(folder, 'index.sqlite-wal'), '')
  await utimes(join(folder, 'index.sqlite-wal'), 2000, 2000)
  const found = lookAt(folder)
  assert.equal(found?.indexWritten, 2_000_000)
  const inOrder = found?.segments.toSorted((a, b) => a.number - b.number)
  assert.deepEqual(
    inOrder?.map(({ number, generation, size }) => [number, generation, size]),
    [
      [1, 2, 16],
      [2, 0, 14],
    ],
  )
})
