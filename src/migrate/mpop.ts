import { join } from 'node:path'
import type { AccountOptions } from '../accounts/account-options.ts'
import { usualPort } from '../accounts/provider.ts'
import type { Findings, Found, Had, Remark, Surroundings } from './found.ts'
import { type MpopAccount, parseMpopRc } from './mpop-rc.ts'
import { netrcPassword } from './netrc.ts'
import { notTaken } from './not-taken.ts'
import { oauthRemark } from './oauth.ts'
import { readText } from './text-file.ts'
import { parseUidls } from './uidls.ts'
import { fingerprint, homePath } from './values.ts'

type Saying = (value: string) => string | undefined

const always =
  (text: string): Saying =>
  (value) =>
    value === '' ? undefined : text
const where =
  (when: string, text: string): Saying =>
  (value) =>
    value === when ? text : undefined

/** What there is no place for in an account, and what to do instead. What is not here is taken over, or makes no difference. */
const sayings: Readonly<Record<string, Saying>> = {
  delivery: always(notTaken.delivery),
  timeout: always(notTaken.timeOut),
  source_ip: always('the system chooses from which address to connect'),
  socket: always('there are no sockets of the file system: give the account a host'),
  filter: always(notTaken.filters),
  killsize: (value) =>
    ['', 'off'].includes(value) ? undefined : 'nothing is deleted unread; what is too large can be left there',
  only_new: where('off', notTaken.again),
  ntlmdomain: always('there is no NTLM'),
  tls_crl_file: always('revoked certificates are not looked up'),
  tls_priorities: always(notTaken.tlsVersion),
  tls_min_dh_prime_bits: always(notTaken.tlsVersion),
  tls_host_override: always(notTaken.nameOfCertificate),
  tls_certcheck: where('off', notTaken.unverified),
  tls_fingerprint: (value) =>
    value === '' || fingerprint(value) !== undefined ? undefined : 'only SHA-256 is good for a pin',
}

/** Reads the accounts of mpop's configuration, and what mpop remembers of them. Writes nothing. */
export function readMpop(file: string, around: Surroundings): Findings {
  const { accounts, faults, remarks } = parseMpopRc(readText(file) ?? '', file)
  const lists = new Lists(around, faults)
  const found: Found[] = []
  for (const account of accounts) {
    const one = accountOf(account, file, around, lists)
    if ('text' in one) faults.push(one)
    else found.push(one)
  }
  return { accounts: found, faults, remarks }
}

function accountOf(
  { name, line, values }: MpopAccount,
  file: string,
  around: Surroundings,
  lists: Lists,
): Found | Remark {
  const text = (command: string): string => values.get(command)?.text ?? ''
  const on = (command: string, usual: boolean): boolean => (values.has(command) ? text(command) !== 'off' : usual)
  const at = (command: string): number => values.get(command)?.line ?? line
  const fault = (command: string, what: string): Remark => ({
    file,
    line: at(command),
    text: `${what}; the account ${name} was not taken over`,
  })
  const remarks: Remark[] = []
  const host = text('host')
  if (host === '') return fault('account', text('socket') === '' ? 'there is no host' : 'a socket is no host')
  const login = text('user')
  if (login === '') return fault('account', 'there is no user, as whom to log in')
  const tls = on('tls', false) ? (on('tls_starttls', true) ? 'starttls' : 'implicit') : 'none'
  const port = Number(text('port') || usualPort('pop3', tls))
  if (!Number.isInteger(port) || port < 1 || port > 65_535) return fault('port', `${text('port')} is no port`)
  const largest = text('skipsize') === '' || text('skipsize') === 'off' ? 0 : sizeOf(text('skipsize'))
  if (largest === undefined) return fault('skipsize', `${text('skipsize')} is no size`)

  for (const [command, value] of values) {
    const saying = Object.hasOwn(sayings, command) ? sayings[command]?.(value.text) : undefined
    if (saying !== undefined) remarks.push({ file, line: value.line, text: `${command} is not taken over: ${saying}` })
  }
  const auth = authOf(text('auth').toLowerCase(), host)
  if (auth.remark !== undefined) remarks.push({ file, line: at('auth'), text: auth.remark })
  const command = text('passwordeval')
  const password = text('password') || (command === '' ? netrcPassword(around.home, [host], login) : undefined)
  const pin = fingerprint(text('tls_fingerprint'))
  const trust = text('tls_trust_file') === 'system' ? undefined : homePath(text('tls_trust_file'), around.home)
  const certificate = homePath(text('tls_cert_file'), around.home)
  const key = homePath(text('tls_key_file'), around.home)
  const proxy = text('proxy_host')
  const byPassword = auth.options.auth !== 'oauth'
  const options: AccountOptions = {
    ...auth.options,
    ...(byPassword && password === undefined && command !== '' && { secretFrom: { command } }),
    ...(proxy !== '' && {
      proxy: `socks5://${proxy.includes(':') ? `[${proxy}]` : proxy}:${text('proxy_port') || 1080}`,
    }),
    // mpop(1): where checks are off, neither counts.
    ...(on('tls_certcheck', true) && pin !== undefined && { pins: [pin] }),
    ...(on('tls_certcheck', true) && pin === undefined && trust !== undefined && { trust }),
    ...(certificate !== undefined && key !== undefined && { clientCertificate: { certificate, key } }),
    ...(largest > 0 && { largest }),
  }
  const had = lists.of(values.has('uidls_file') ? text('uidls_file') : '~/.mpop_uidls/%U_at_%H', host, login)
  if (on('keep', false) && had.length === 0)
    remarks.push({ file, line, text: 'mpop has no list of what it fetched: all that is at the server will be fetched' })
  return {
    program: 'mpop',
    file,
    line,
    settings: {
      protocol: 'pop3',
      server: host,
      port,
      tls,
      login,
      leave: on('keep', false) ? 'forever' : 'delete',
      options,
    },
    address: undefined,
    password: byPassword ? password : undefined,
    owner: undefined,
    split: undefined,
    had,
    remarks,
  }
}

function authOf(auth: string, host: string): { options: AccountOptions; remark?: string } {
  if (auth === 'apop') return { options: { allow: ['APOP'] } }
  if (auth === 'cram-md5') return { options: { allow: ['CRAM-MD5'] } }
  if (auth === 'oauthbearer' || auth === 'xoauth2') return oauthRemark(host)
  if (['', 'on', 'user', 'plain', 'login'].includes(auth) || auth.startsWith('scram-')) return { options: {} }
  return { options: {}, remark: `auth ${auth} is not taken over: the log-in is by password` }
}

/** `4m`, `300k` or octets; undefined where it is none of them. */
function sizeOf(text: string): number | undefined {
  const [, number, unit = ''] = /^(\d{1,12})([km]?)$/.exec(text) ?? []
  return number === undefined ? undefined : Number(number) * (unit === 'm' ? 1 << 20 : unit === 'k' ? 1 << 10 : 1)
}

/** The lists of what was fetched, each file read once. */
class Lists {
  readonly #around: Surroundings
  readonly #faults: Remark[]
  readonly #read = new Map<string, ReadonlyMap<string, readonly Had[]>>()

  constructor(around: Surroundings, faults: Remark[]) {
    this.#around = around
    this.#faults = faults
  }

  of(pattern: string, host: string, user: string): Had[] {
    const path = homePath(pattern, this.#around.home)
      ?.replaceAll('%U', () => user)
      .replaceAll('%H', () => host)
    const paths = [
      ...(path === undefined ? [] : [path.startsWith('/') ? path : join(this.#around.home, path)]),
      ...this.#around.lists,
    ]
    return paths.flatMap((one) => this.#list(one).get(`${host} ${user}`) ?? [])
  }

  #list(path: string): ReadonlyMap<string, readonly Had[]> {
    const before = this.#read.get(path)
    if (before !== undefined) return before
    const { uidls, faults } = parseUidls(readText(path) ?? '', path)
    this.#faults.push(...faults)
    this.#read.set(path, uidls)
    return uidls
  }
}
