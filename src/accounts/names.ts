/** What users and remote accounts may be called. */

import { prepared } from '../sasl/prepare.ts'

/** Why `name` cannot be the name of a user, or undefined when it can. `+` is kept back: `mario+phone` is mario's phone. */
export function userNameFault(name: string): string | undefined {
  if (name === '') return 'it is empty'
  if (name.length > 64) return `it has ${name.length} characters, and 64 are the most`
  if (!/^[a-z0-9]/.test(name)) return 'it must begin with a lower-case letter or a digit'
  const odd = /[^a-z0-9._@-]/u.exec(name)?.[0]
  if (odd !== undefined) return `${JSON.stringify(odd)} is not one of: lower-case letters, digits, . _ - @`
  return undefined
}

/** The nearest valid user name to the name that the operating system knows this person by. */
export function userNameFrom(login: string): string {
  const name = login
    .normalize('NFKD')
    .toLowerCase()
    .replace(/[^a-z0-9._@-]/gu, '')
    .replace(/^[^a-z0-9]+/, '')
    .slice(0, 64)
  return name === '' ? 'me' : name
}

/** Why `address` cannot name a remote account, or undefined when it can. */
export function addressFault(address: string): string | undefined {
  if (address === '') return 'it is empty'
  if (Buffer.byteLength(address) > 254) return 'it is longer than 254 octets' // RFC 5321 §4.5.3.1.3, less the brackets
  // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
  if (/[\s\u0000-\u001f\u007f-\u009f]/u.test(address)) return 'it has a space or a control character in it'
  if (address.startsWith('-')) return 'it begins with -'
  if (address.startsWith('@')) return 'there is no name before the @'
  if (address.endsWith('@')) return 'there is no domain behind the @'
  return undefined
}

/**
 * The one spelling of an address, by which its account and its ledger are known. Providers do not tell upper from lower case;
 * an account that is removed and added again in another case must find its ledger, or all its mail would come twice.
 */
export function canonicalAddress(address: string): string {
  return address.trim().normalize('NFC').toLowerCase()
}

/** The part after the last @, or undefined. */
export function domainOf(address: string): string | undefined {
  const at = address.lastIndexOf('@')
  return at === -1 || at === address.length - 1 ? undefined : address.slice(at + 1)
}

/** The name that somebody meant who typed this at a log-in (RFC 6856 §2.2: SASLprep). */
export function loginName(typed: string): string {
  return prepared(typed).toLowerCase()
}

/**
 * What a login name says of a device: `mario+phone` is user `mario`, device `phone`; where user names are addresses, it may stand
 * before or behind the domain. Undefined where it says nothing of one.
 */
export function deviceIn(login: string): { readonly user: string; readonly device: string } | undefined {
  const [, name = '', device, domain = ''] = /^([^+]+)\+([a-z0-9][a-z0-9._+-]{0,31})(@[^+]*)?$/.exec(login) ?? []
  return device === undefined ? undefined : { user: name + domain, device }
}
