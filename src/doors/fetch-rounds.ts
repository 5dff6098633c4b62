import { PeerError } from '../errors.ts'
import type { FetchReport } from './fetching.ts'

/** More sessions than this one after the other are a server that plays with us. */
const mostRounds = 1000

/**
 * Fetches, and fetches again at once where there is more to be had: where the line broke in the middle, as long as each session brings
 * something; and, with `partial`, from a provider whose listings show only a part, until one brings nothing. Gives the sum.
 */
export async function fetchInRounds(
  once: () => Promise<FetchReport>,
  options: { readonly partial?: boolean | undefined; readonly signal?: AbortSignal | undefined } = {},
): Promise<FetchReport> {
  let sum = await once()
  for (let round = 1, last = sum; round < mostRounds && goesOn(last, options); round++) {
    last = await once()
    sum = joined(sum, last)
  }
  return sum
}

function goesOn(
  { new: fetched, error, plan, leastWait = 0 }: FetchReport,
  options: { partial?: boolean | undefined; signal?: AbortSignal | undefined },
): boolean {
  if (fetched === 0 || plan !== undefined || options.signal?.aborted === true) return false
  // Gmail lists a part, announces five minutes, and lets in at once.
  if (options.partial === true && error === undefined) return true
  // RFC 2449 §6.5: it would be refused.
  if (error === undefined || leastWait > 0) return false
  return error instanceof PeerError && (error.code === 'connection-lost' || error.code === 'timed-out')
}

/** What was home already in the second session came home in the first, or was home before both. */
function joined(before: FetchReport, after: FetchReport): FetchReport {
  return {
    ...after,
    new: before.new + after.new,
    skipped: before.skipped + Math.max(0, after.skipped - before.new - before.skipped),
    deleted: before.deleted + after.deleted,
    octets: before.octets + after.octets,
    seconds: before.seconds + after.seconds,
    // The last session says what is still wrong, and why the one before it ended was overcome.
    problems: [...new Set([...before.problems, ...after.problems])],
    ...((before.oneByOne === true || after.oneByOne === true) && { oneByOne: true }),
  }
}
