import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { encodeBatch, encodeRecord } from './record-frame.ts'
import { endsWhole } from './segment-end.ts'
import type { SegmentRecord } from './segment.ts'

const seal = 0x1234_5678
const header: SegmentRecord = { t: 'segment', version: 2, number: 1, user: 'mario', after: 0, generation: 1 }
const end: SegmentRecord = { t: 'end', raw: 1000 }
/** The step by which the end is looked for. */
const step = 256 << 10

test('the end of a settled segment is found, however long the run behind its last record is; whatever is missing there is missed', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'postino-end-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const path = join(folder, '0000000001-1.zst')
  const head = encodeRecord(header, seal)
  const isWhole = (octets: Buffer): boolean => {
    writeFileSync(path, octets)
    return endsWhole(path)
  }
  const file = (length: number, records: readonly SegmentRecord[], sealed = seal): Buffer => {
    const run: SegmentRecord = { t: 'run', size: length, lengths: [length - 10, 10] }
    const all = length === 0 ? records : [run, ...records]
    const batch = encodeBatch(
      all.map((record) => JSON.stringify(record)),
      sealed,
      1,
    )
    // Within the run stands what another wrote who does not know the seal.
    const frames = randomBytes(length)
    if (length > 500) encodeBatch([JSON.stringify(end)], 7, 1).copy(frames, 100)
    return Buffer.concat([head, batch, frames])
  }
  // Also where a signature lies across two steps.
  const lengths = [0, 20, 600, 5 * step + 1, ...Array.from({ length: 160 }, (_, n) => step - 140 + n)]
  for (const length of lengths) {
    const whole = file(length, [end])
    assert.ok(isWhole(whole), `a run of ${length}`)
    for (const without of [1, Math.floor(length / 2), length + 1].filter((octets) => octets > 0))
      assert.ok(!isWhole(whole.subarray(0, -without)), `a run of ${length}, without ${without} octets`)
    assert.ok(!isWhole(Buffer.concat([whole, Buffer.alloc(1)])), `a run of ${length}, and an octet more`)
  }
  assert.ok(!isWhole(file(600, [{ t: 'commit', modseq: 5 }])))
  assert.ok(!isWhole(file(600, [end], 7)))
  assert.ok(!isWhole(head))
  assert.ok(!isWhole(Buffer.alloc(0)))
  rmSync(path)
  assert.equal(endsWhole(path), false)
})
