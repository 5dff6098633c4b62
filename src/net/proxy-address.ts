import { MisuseError } from '../errors.ts'
import { spelt, type Destination } from './destination.ts'

/** A proxy that connections go through. */
export interface ProxyAddress extends Destination {
  readonly kind: 'socks5' | 'http'
  /** Who we are for it; undefined: nobody. */
  readonly login: { readonly name: string; readonly password: string } | undefined
}

const forms = 'socks5://HOST[:PORT] or http://HOST:PORT, with USER@ before HOST where it wants a log-in'
/** By IANA; for HTTP proxies there is none that everybody uses. */
const socksPort = 1080

/** The environment's password for a proxy whose address names only the user: an address is shown and stored in the clear. */
export const passwordVariable = 'POSTINO_PROXY_PASSWORD'

/** Whether a password stands in the address itself. */
export function hasPassword(text: string): boolean {
  return /^[^/]*\/\/[^@:]*:.*@/.test(text.trim())
}

/** Reads `socks5://[USER[:PASSWORD]@]HOST[:PORT]` or `http://[USER[:PASSWORD]@]HOST:PORT`. Throws MisuseError `usage`, without the password. */
export function parseProxy(text: string): ProxyAddress {
  const wrong = (what: string): MisuseError =>
    new MisuseError('usage', `"${withoutPassword(text)}" is no proxy: ${what}; give ${forms}`)
  const [, scheme = '', rest = ''] = /^([a-z][a-z0-9+.-]*):\/\/(.*)$/i.exec(text.trim()) ?? []
  if (scheme === '') throw wrong('it does not begin with socks5:// or http://')
  const kind = kindOf(scheme.toLowerCase())
  if (kind === undefined) throw wrong(`${scheme}:// is not known here`)
  const authority = rest.replace(/\/$/, '')
  // What is before the last @ is the log-in: an @ in a password need not be spelt %40.
  const at = authority.lastIndexOf('@')
  const place = authority.slice(at + 1)
  const [, bracketed, name, digits] = /^(?:\[([0-9a-f:.]+)\]|([^\s:/?#@[\]]+))(?::(\d{1,5}))?$/i.exec(place) ?? []
  const host = bracketed ?? name
  if (host === undefined) throw wrong('host and port make no sense')
  if (digits === undefined && kind === 'http') throw wrong('it has no port')
  const port = digits === undefined ? socksPort : Number(digits)
  if (port < 1 || port > 65_535) throw wrong(`there is no port ${port}`)
  return { kind, host, port, login: at === -1 ? undefined : readLogin(authority.slice(0, at), wrong) }
}

/** How a proxy is named to people, so without its log-in. */
export function spellProxy(proxy: ProxyAddress): string {
  return `${proxy.kind}://${spelt(proxy)}`
}

function kindOf(scheme: string): ProxyAddress['kind'] | undefined {
  // curl's `socks5h` says that the proxy looks up names: it always does here.
  if (scheme === 'socks5' || scheme === 'socks5h') return 'socks5'
  return scheme === 'http' ? 'http' : undefined
}

function readLogin(text: string, wrong: (what: string) => MisuseError): { name: string; password: string } {
  const colon = text.indexOf(':')
  const [name, password] = colon === -1 ? [text, undefined] : [text.slice(0, colon), text.slice(colon + 1)]
  if (name === '') throw wrong('there is no user name before the @')
  try {
    const given = password === undefined ? (process.env[passwordVariable] ?? '') : decodeURIComponent(password)
    return { name: decodeURIComponent(name), password: given }
  } catch {
    throw wrong('a % in user name or password is to be spelt %25')
  }
}

function withoutPassword(text: string): string {
  return text.replace(/^([^/]*\/\/)?.*@/, '$1…@')
}
