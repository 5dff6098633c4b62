import type { Directory } from '../accounts/directory.ts'
import { readClock, witness } from '../accounts/witness.ts'

/**
 * Whether the clock of this machine can be believed, held against what it said when that was last asked for this data folder; what it says
 * now is written down. `now`: milliseconds since 1970.
 */
export async function believeClock(directory: Directory, now: number): Promise<boolean> {
  const { state, steady } = witness(directory.rules.clock(), { ...readClock(), wall: now })
  await directory.rules.keepClock(state)
  return steady
}
