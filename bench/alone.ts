import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'

/** Does `work` while no other benchmark of this checkout runs: two at once would measure each other. */
export async function alone<T>(folder: string, note: (text: string) => void, work: () => Promise<T>): Promise<T> {
  const lock = join(folder, 'lock')
  for (let told = false; !take(lock); told = true) {
    if (!told) note(`waiting for another benchmark to end (process ${holder(lock)}) …`)
    await wait(1000)
  }
  try {
    return await work()
  } finally {
    rmSync(lock, { force: true })
  }
}

function take(lock: string): boolean {
  try {
    writeFileSync(lock, String(process.pid), { flag: 'wx' })
    return true
  } catch {
    const pid = holder(lock)
    if (pid === 0 || runs(pid)) return false
    rmSync(lock, { force: true })
    return false
  }
}

/** The process that wrote the lock; 0 while it is being written or taken away. */
function holder(lock: string): number {
  try {
    return Number(readFileSync(lock, 'utf8'))
  } catch {
    return 0
  }
}

function runs(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
