import type { AccountState } from '../account-options.ts'

const day = 86_400_000
/** So long before the end it is told, milliseconds. */
const notice = 3 * day

/** What to tell of a log-in that ends soon, or has ended; undefined where there is nothing to tell. */
export function consentWarning(
  address: string,
  { consentEnds }: Pick<AccountState, 'consentEnds'>,
  now: number = Date.now(),
): string | undefined {
  if (consentEnds === undefined || consentEnds - now > notice) return undefined
  const when = new Date(consentEnds).toISOString().slice(0, 16).replace('T', ' ')
  const what = consentEnds > now ? `ends on ${when} UTC; before that` : `ended on ${when} UTC`
  return `the log-in of ${address} at its issuer ${what}${consentEnds > now ? ',' : ';'} run: postino account login ${address}`
}
