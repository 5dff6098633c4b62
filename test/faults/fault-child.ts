import { spawn } from 'node:child_process'
import { join } from 'node:path'
import assert from 'node:assert/strict'
import { compiled } from './compiled.ts'
import type { FetchEnd, FetchOrder } from './fault-fetch.ts'
import type { Fault } from './fault.ts'
import { meeting } from './fault-run.ts'
import type { HostileBench } from './hostile-bench.ts'
import type { Hostility } from './hostility.ts'

const program = join(import.meta.dirname, 'fault-fetch.ts')

/** How a fetch in a process of its own ended. */
export interface Ended {
  /** Undefined: it was killed. */
  readonly end: FetchEnd | undefined
  /** From when it was ready to fetch (milliseconds). */
  readonly took: number
}

/** Fetches, in a process of its own, into the bench's folder, from its server that behaves so; kills it so long (milliseconds) after it is ready. */
export async function fetchApart(
  bench: HostileBench,
  fault: Fault,
  way: Hostility,
  killAfter?: number,
): Promise<Ended> {
  let ended: Ended | undefined
  await bench.restart(async () => {
    bench.server.hostility = { ...fault.manners, ...way }
    const { data, remote, ahead } = bench
    assert.ok(data !== undefined)
    ended = await run({ data, remote, options: meeting(fault, true), ahead }, killAfter)
    bench.server.hangUp()
    await bench.server.idle()
  })
  return ended ?? assert.fail('it never ran')
}

function run(order: FetchOrder, killAfter: number | undefined): Promise<Ended> {
  const child = spawn(process.execPath, [program, JSON.stringify(order)], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: compiled,
  })
  let text = ''
  let ready = 0
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk
    if (ready > 0 || !text.startsWith('ready\n')) return
    ready = performance.now()
    if (killAfter !== undefined) setTimeout(() => child.kill('SIGKILL'), killAfter)
  })
  return new Promise((resolve, reject) => {
    child.once('error', reject).once('close', (code, signal) => {
      const took = performance.now() - ready
      if (signal === 'SIGKILL') return resolve({ end: undefined, took })
      if (code !== 0) return reject(new Error(`the fetch ended with ${code ?? signal}`))
      resolve({ end: JSON.parse(text.slice('ready\n'.length)) as FetchEnd, took })
    })
  })
}
