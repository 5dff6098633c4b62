import { readFileSync } from 'node:fs'
import { uptime } from 'node:os'
import type { ClockState } from './account-options.ts'

const day = 86_400_000
/** A clock that is ahead by no more does no harm: mail leaves a provider that much too soon, and is home. */
const harmless = 2 * day
/** A machine may be off for so long before its clock is asked for more. */
const vacation = 35 * day
/** A clock that was put is believed again when it has run for so long as a clock should. */
const probation = 7 * day

/** What the machine says of the time. */
export type Reading = Pick<ClockState, 'wall' | 'uptime' | 'boot'>

/**
 * Whether the clock can be believed, held against what it said at the last fetch. A clock that is suddenly far ahead (a dead battery,
 * a wrong hand) would make all mail at a provider seem old enough to be deleted there.
 */
export function witness(
  before: ClockState | undefined,
  now: Reading,
): { readonly state: ClockState; readonly steady: boolean } {
  const began = before !== undefined && jumped(before, now) ? now.wall : before?.steadySince
  // Put back since then: it begins anew, or a year that was wrong would have to come first.
  const since = began === undefined ? undefined : Math.min(began, now.wall)
  const steady = since === undefined || now.wall - since >= probation
  return { state: { ...now, ...(since !== undefined && !steady && { steadySince: since }) }, steady }
}

function jumped(before: ClockState, now: Reading): boolean {
  // The uptime cannot be put: as long as the machine is up it tells how much time has passed.
  const passed = now.boot === before.boot && now.uptime >= before.uptime ? now.uptime - before.uptime : undefined
  const ahead = now.wall - before.wall - (passed ?? 0)
  return ahead > (passed === undefined ? vacation : harmless)
}

/** Reads the clock of this machine. */
export function readClock(): Reading {
  return { wall: Date.now(), uptime: Math.round(uptime() * 1000), boot: bootId() }
}

function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
  } catch {
    // Elsewhere an uptime that has grown is that of the same start.
    return ''
  }
}
