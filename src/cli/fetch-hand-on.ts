import type { Account } from '../accounts/directory.ts'
import type { Fetching } from './fetch-account.ts'
import { type Outcome, withHandOn } from './fetch-outcome.ts'

/** Hands on what an account has brought in, now and before, and adds what became of that. */
export async function handedOn(
  parts: Fetching,
  { address }: Pick<Account, 'address'>,
  outcome: Outcome,
  signal: AbortSignal,
): Promise<Outcome> {
  const account = parts.directory.account(address)
  if (account?.options.handOn === undefined || signal.aborted) return outcome
  const { handOnAll } = await import('./hand-on.ts')
  return withHandOn(outcome, await handOnAll(parts, account, { signal }))
}
