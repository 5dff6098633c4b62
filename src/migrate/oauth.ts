import type { AccountOptions } from '../accounts/account-options.ts'

/** Whose tokens a server takes. */
const issuers: readonly (readonly [RegExp, string])[] = [
  [/(^|\.)(gmail|googlemail)\.com$/i, 'google'],
  [/(^|\.)(outlook|office365|hotmail|live)\.com$/i, 'microsoft'],
]

/** The options of an account that logs in by OAuth 2.0. The old program's token is its own: Postino must be given one. */
export function oauthRemark(host: string): { options: AccountOptions; remark: string } {
  const issuer = issuers.find(([pattern]) => pattern.test(host))?.[1]
  return {
    options: { auth: 'oauth', ...(issuer !== undefined && { issuer }) },
    remark: 'the log-in is by OAuth 2.0, and its token is not taken over: log in anew for Postino',
  }
}
