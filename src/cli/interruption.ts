import { PeerError } from '../errors.ts'

/** What comes so soon after the first is the same Ctrl-C, milliseconds: the terminal, npx and bin/postino.js each pass it on. */
const same = 1000

/**
 * Aborts at the first SIGINT or SIGTERM, so that what is under way can be ended in order; at one that comes later the process ends at once.
 */
export function interruption(): AbortSignal {
  const stop = new AbortController()
  let first: number | undefined
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.on(signal, () => {
      first ??= performance.now()
      // As a shell tells of a process that a signal ended: 128 and its number.
      if (performance.now() - first > same) process.exit(signal === 'SIGINT' ? 130 : 143)
      stop.abort(new PeerError('connection-lost', 'stopped'))
    })
  return stop.signal
}
