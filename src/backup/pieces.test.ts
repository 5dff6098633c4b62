import assert from 'node:assert/strict'
import { appendFileSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { FolderTarget } from './folder-target.ts'
import type { FileEntry } from './manifest.ts'
import { isOurs, PieceWriter } from './pieces.ts'

test('a file that grew in very many steps is one piece again, and what is written stays in proportion', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'postino-pieces-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const target = new FolderTarget(join(folder, 'target'))
  await target.make()
  const from = join(folder, 'grows')
  const there = new Map<string, number>()
  let before: FileEntry | undefined
  const steps: number[] = []
  let written = 0
  for (let step = 0; step < 140; step++) {
    appendFileSync(from, `step ${step}\n`)
    const writer = new PieceWriter(target, there, () => undefined)
    before = await writer.keep({ path: 'users/mario/x', from, size: statSync(from).size, growing: true }, before)
    steps.push(before.pieces.length)
    written += writer.octets
  }
  assert.equal(Math.max(...steps), 65)
  assert.deepEqual(steps.slice(63, 67), [64, 65, 1, 2])
  assert.ok(written < 4 * statSync(from).size, `${written} octets were written`)
  assert.equal(
    before?.pieces.reduce((sum, { size }) => sum + size, 0),
    statSync(from).size,
  )
  for (const name of (await target.list('files/')).keys()) assert.ok(isOurs(name), name)
})
