import { isIP } from 'node:net'
import { addressFault, canonicalAddress } from '../accounts/names.ts'
import type { Found } from './found.ts'

/** First labels of the names of mail servers: what follows them is the domain of the addresses there. */
const service =
  /^(?:s?pop|pop3s?|pops|popmail|imaps?|imap4|imapmail|mail|mbox|mx|in|incoming|inbox|post|posta|webmail|secure)\d*$/i

/** Addresses that may name an account here, the best first; there is no end of them. */
export function* accountNames({ settings, address }: Pick<Found, 'settings' | 'address'>): Generator<string> {
  const { login, server } = settings
  const at = login.lastIndexOf('@')
  const local = (at < 0 ? login : login.slice(0, at)).replace(/\s+/g, '.')
  const names = [
    ...(at > 0 && at < login.length - 1 ? [login] : []),
    ...(address === undefined ? [] : [address]),
    ...(at < 0 ? [`${local}@${domainOfServer(server)}`] : []),
    `${local}@${server}`,
  ]
  const good = names.filter((name) => addressFault(name) === undefined).map(canonicalAddress)
  yield* good
  const last = good.at(-1) ?? canonicalAddress(`account@${server}`)
  const behind = last.indexOf('@')
  for (let number = 2; ; number++) yield `${last.slice(0, behind)}.${number}${last.slice(behind)}`
}

function domainOfServer(server: string): string {
  const [first = '', ...rest] = server.split('.')
  return isIP(server) === 0 && rest.length > 1 && service.test(first) ? rest.join('.') : server
}
