import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A small file system of its own, which can be filled up and made read-only. */
export interface SmallDisk extends AsyncDisposable {
  readonly folder: string
  /** Makes room. */
  free(): Promise<void>
  /** Makes it read-only while the work is done. */
  readOnlyWhile(work: () => Promise<void>): Promise<void>
}

/** Whether this process may mount. */
export const mayMount: boolean = process.platform === 'linux' && process.getuid?.() === 0 && tryMount()

/** Whether this process may become one that may mount. */
export function mayUnshare(): boolean {
  return process.platform === 'linux' && spawnSync('unshare', ['-rm', 'true']).status === 0
}

function tryMount(): boolean {
  // What is mounted in a mount namespace of the trial's own is gone with it.
  return spawnSync('unshare', ['-m', 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt']).status === 0
}

/** How much `free` frees (octets). */
const held = 40 << 20

export async function mountSmallDisk(megabytes: number): Promise<SmallDisk> {
  const folder = await mkdtemp(join(tmpdir(), 'postino-small-disk-'))
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${(megabytes << 20) + held}`, 'tmpfs', folder])
  const filler = join(folder, 'filler')
  await writeFile(filler, Buffer.alloc(held))
  return {
    folder,
    free: () => rm(filler),
    async readOnlyWhile(work) {
      // With files open for writing a mount cannot be made read-only, but can be hidden under one that is.
      execFileSync('mount', ['--bind', folder, folder])
      try {
        execFileSync('mount', ['-o', 'remount,bind,ro', folder])
        await work()
      } finally {
        execFileSync('umount', ['-l', folder])
      }
    },
    async [Symbol.asyncDispose]() {
      execFileSync('umount', ['-l', folder])
      await rm(folder, { recursive: true })
    },
  }
}
