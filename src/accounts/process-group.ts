import type { ChildProcess } from 'node:child_process'

/** How to start a command so that what it starts can be ended with it; Windows has no process groups. */
export const ownGroup: { readonly detached: boolean } = { detached: process.platform !== 'win32' }

/** Ends a command that was started so, at once, with all that it has started. */
export function endGroup(child: ChildProcess): void {
  try {
    if (!ownGroup.detached) child.kill('SIGKILL')
    else if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
  } catch {
    // It has ended.
  }
}
