import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A small file system of its own, which can be filled up and made read-only. */
export interface SmallDisk extends AsyncDisposable {
  readonly folder: string
  setReadOnly(readOnly: boolean): void
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

export async function mountSmallDisk(megabytes: number): Promise<SmallDisk> {
  const folder = await mkdtemp(join(tmpdir(), 'postino-small-disk-'))
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', folder])
  return {
    folder,
    setReadOnly: (readOnly) => void execFileSync('mount', ['-o', `remount,${readOnly ? 'ro' : 'rw'}`, folder]),
    async [Symbol.asyncDispose]() {
      execFileSync('umount', [folder])
      await rm(folder, { recursive: true })
    },
  }
}
