import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { onBattery } from './power.ts'

/** What Linux tells of these supplies. */
async function supplies(t: TestContext, found: Readonly<Record<string, Readonly<Record<string, string>>>>) {
  const folder = await mkdtemp(join(tmpdir(), 'postino-power-'))
  t.after(() => rm(folder, { recursive: true }))
  for (const [name, files] of Object.entries(found)) {
    await mkdir(join(folder, name))
    for (const [file, word] of Object.entries(files)) await writeFile(join(folder, name, file), `${word}\n`)
  }
  return folder
}

const battery = { type: 'Battery', status: 'Discharging', present: '1' }

test('a battery that discharges, and no mains: the machine runs on it', async (t) => {
  assert.equal(onBattery(await supplies(t, { AC: { type: 'Mains', online: '0' }, BAT0: battery })), true)
  assert.equal(onBattery(await supplies(t, { BAT0: { type: 'Battery', status: 'Full' }, BAT1: battery })), true)
})

test('with mains, or USB that feeds it, it does not, whatever the battery does', async (t) => {
  assert.equal(onBattery(await supplies(t, { AC: { type: 'Mains', online: '1' }, BAT0: battery })), false)
  assert.equal(onBattery(await supplies(t, { BAT0: battery, 'ucsi-1': { type: 'USB', online: '1' } })), false)
  assert.equal(onBattery(await supplies(t, { BAT0: { type: 'Battery', status: 'Charging' } })), false)
})

test('the battery of a mouse is not that of the machine', async (t) => {
  assert.equal(onBattery(await supplies(t, { mouse: { ...battery, scope: 'Device' } })), false)
})

test('where the system tells nothing, the machine is not on battery', async (t) => {
  const empty = await supplies(t, {})
  assert.equal(onBattery(empty), false)
  assert.equal(onBattery(join(empty, 'nowhere')), false)
})
