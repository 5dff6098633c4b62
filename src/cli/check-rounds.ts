import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { diskError } from '../disk-errors.ts'
import type { Hash } from '../ids.ts'
import type { Place } from '../store/check-bodies.ts'

/** A check of one user's mail that was done to its end. Times are milliseconds since 1970. */
export interface Round {
  readonly ended: number
  readonly messages: number
  readonly octets: number
  /** How many faults there were that need something to be done. */
  readonly faults: number
  /** All there were, in words; the first of them where they are many. */
  readonly told: readonly string[]
}

/** What is remembered of the checks of one user's mail. */
export interface Rounds {
  readonly last?: Round
  /** The round of `serve` that has not ended. */
  readonly now?: UnderWay
}

/** How far a round is. */
export interface UnderWay {
  readonly began: number
  /** What lies before this place was read, so many octets. */
  readonly at: Place
  readonly octets: number
  /** The hashes of what seemed wrong. */
  readonly suspects: readonly Hash[]
}

/** So many faults are remembered in words. */
const mostTold = 50

export function roundOf(
  { messages, octets }: { readonly messages: number; readonly octets: number },
  faults: number,
  told: readonly string[],
  ended: number,
): Round {
  return { ended, messages, octets, faults, told: told.slice(0, mostTold) }
}

/** What is remembered; nothing where that cannot be read: the next round writes it anew. */
export function readRounds(folder: string): Rounds {
  try {
    const { last, now } = JSON.parse(readFileSync(fileOf(folder), 'utf8')) as Rounds
    const isRound = typeof last?.ended === 'number' && typeof last.faults === 'number' && Array.isArray(last.told)
    const isPlace =
      typeof now?.at?.segment === 'number' && typeof now.at.start === 'number' && Array.isArray(now.suspects)
    return { ...(isRound && { last }), ...(isPlace && { now }) }
  } catch {
    return {}
  }
}

/** Throws StoreError where it cannot be written. */
export function keepRounds(folder: string, rounds: Rounds): void {
  const path = fileOf(folder)
  try {
    writeFileSync(`${path}.new`, JSON.stringify(rounds), { mode: 0o600 })
    renameSync(`${path}.new`, path)
  } catch (error) {
    throw diskError(error, path)
  }
}

function fileOf(folder: string): string {
  return join(folder, 'check.json')
}
