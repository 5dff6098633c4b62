import { dirname, join, resolve } from 'node:path'
import type { AccountOptions } from '../accounts/account-options.ts'
import { usualPort } from '../accounts/provider.ts'
import { parseFetchmailRc, type LocalName, type ServerEntry, type Setting, type UserEntry } from './fetchmail-rc.ts'
import { fetchIdsKey, parseFetchIds } from './fetchmail-ids.ts'
import { remarkOn } from './fetchmail-remarks.ts'
import type { Findings, Found, Had, Remark, Surroundings } from './found.ts'
import { netrcPassword } from './netrc.ts'
import { notTaken } from './not-taken.ts'
import { oauthRemark } from './oauth.ts'
import { readText } from './text-file.ts'

const services: Readonly<Record<string, number>> = {
  pop3: 110,
  pop3s: 995,
  spop3: 995,
  imap: 143,
  imap2: 143,
  imaps: 993,
}

/** An entry for one user: its own settings stand behind those of `defaults`; of two of a name, the last counts. */
interface Entry {
  readonly server: ServerEntry
  readonly user: UserEntry
  readonly settings: readonly Setting[]
  readonly names: readonly LocalName[]
}

/** Reads the accounts of a fetchmail run control file, and what fetchmail remembers of them. Writes nothing. */
export function readFetchmail(file: string, around: Surroundings): Findings {
  const { globals, servers, faults: misread } = parseFetchmailRc(readText(file) ?? '', file)
  const faults: Remark[] = [...misread]
  const remarks: Remark[] = []
  const global = (name: string): Setting | undefined => globals.findLast((setting) => setting.name === name)
  const ids = idsOf(file, global('idfile'), around, remarks)
  const accounts: Found[] = []
  let defaults: ServerEntry | undefined
  for (const server of servers) {
    if (server.kind === 'defaults') defaults = server
    else
      for (const user of server.users) {
        const usual = defaults?.users[0]
        const entry: Entry = {
          server,
          user,
          settings: [...(defaults?.settings ?? []), ...(usual?.settings ?? []), ...server.settings, ...user.settings],
          names: user.names.length > 0 ? user.names : (usual?.names ?? []),
        }
        const login = user.remote ?? usual?.remote ?? around.person
        const found = accountOf(entry, login, { file, around, global, ids })
        if ('text' in found) faults.push(found)
        else accounts.push(found)
      }
  }
  return { accounts, faults, remarks }
}

interface Whole {
  readonly file: string
  readonly around: Surroundings
  readonly global: (name: string) => Setting | undefined
  readonly ids: (login: string, host: string) => readonly Had[]
}

function accountOf(entry: Entry, login: string, whole: Whole): Found | Remark {
  const { server, user, settings } = entry
  const { file, around, global } = whole
  const remarks: Remark[] = []
  const last = (name: string): Setting | undefined => settings.findLast((setting) => setting.name === name)
  const text = (name: string): string | undefined => last(name)?.values.at(-1)
  const is = (name: string): boolean | undefined => last(name)?.on
  // Of lists, those of `defaults` count only where there is none of its own.
  const listIn = (some: readonly Setting[], name: string): string[] =>
    some.filter((one) => one.name === name).flatMap(({ values }) => values)
  const list = (name: string): string[] => {
    const own = listIn([...server.settings, ...user.settings], name)
    return own.length > 0 ? own : listIn(settings, name)
  }
  const remark = (line: number, what: string): void => void remarks.push({ file, line, text: what })

  const host = text('via') ?? server.name
  const service = last('service') ?? last('port')
  const given = service?.values[0]
  const port = given === undefined ? undefined : /^\d{1,5}$/.test(given) ? Number(given) : services[given.toLowerCase()]
  if (given !== undefined && (port === undefined || port < 1 || port > 65_535))
    return {
      file,
      line: service?.line ?? 0,
      text: `${JSON.stringify(given)} is no port that is known here; ${left(login, host)}`,
    }
  const proto = (text('proto') ?? 'auto').toLowerCase()
  const protocol = protocolOf(proto, port)
  if (protocol === undefined)
    return {
      file,
      line: last('proto')?.line ?? server.line,
      text: `there is no protocol ${proto} here; ${left(login, host)}`,
    }
  if (proto === 'auto') remark(server.line, `no protocol is named: it is taken as ${protocol}`)

  for (const setting of settings) {
    const saying = remarkOn(setting)
    if (saying !== undefined) remark(setting.line, saying)
  }
  const tls = tlsOf(is('ssl'), text('sslproto'))
  if (tls !== 'none' && is('sslcertck') === false)
    remark(last('sslcertck')?.line ?? 0, `no sslcertck is not taken over: ${notTaken.unverified}`)
  if (server.kind === 'skip') remark(server.line, 'skip: `postino serve` does not fetch it by itself')
  if (is('fetchall') === true && is('keep') === true)
    remark(last('fetchall')?.line ?? 0, `fetchall is not taken over: ${notTaken.again}`)
  const auth = authOf(text('auth')?.toLowerCase(), proto, host)
  if (auth.remark !== undefined) remark(last('auth')?.line ?? server.line, auth.remark)

  const path = (name: string): string | undefined => {
    const value = text(name)
    return value === undefined ? undefined : resolve(dirname(file), value)
  }
  const certificate = path('sslcert')
  const key = path('sslkey') ?? certificate
  const trust = path('sslcertfile')
  const limit = Number(text('limit') ?? 0)
  const rhythm = Number(global('daemon')?.values[0] ?? 0) * Number(text('interval') ?? 1) * 1000
  const folders = list('folder').length > 0 ? list('folder') : ['INBOX']
  const options: AccountOptions = {
    ...auth.options,
    ...(trust !== undefined && { trust }),
    ...(certificate !== undefined && key !== undefined && { clientCertificate: { certificate, key } }),
    ...(server.kind === 'skip' ? { every: 0 } : rhythm > 0 && { every: rhythm }),
    ...(limit > 0 && { largest: limit }),
    ...(protocol === 'imap' && { only: folders }),
  }
  const had = protocol === 'pop3' ? whole.ids(login, host) : []
  if (is('keep') === true && had.length === 0)
    remark(
      user.line,
      protocol === 'imap'
        ? 'fetchmail keeps no list of what it fetched by IMAP: all that is at the server will be fetched'
        : 'fetchmail has no list of what it fetched: all that is at the server will be fetched',
    )
  if (protocol === 'imap' && is('keep') !== true && is('fetchall') !== true)
    remark(user.line, 'fetchmail left at the server what had been read: it is fetched too, and deleted once home')
  const password =
    text('password') ?? passwordFile(path('passwordfile')) ?? netrcPassword(around.home, [server.name, host], login)
  return {
    program: 'fetchmail',
    file,
    line: user.line,
    settings: {
      protocol,
      server: host,
      port: port ?? usualPort(protocol, tls),
      tls,
      login,
      leave: is('keep') === true ? 'forever' : 'delete',
      options,
    },
    address: undefined,
    password,
    ...ownersOf(entry, list, last, global, remark),
    had,
    remarks,
  }
}

const left = (login: string, host: string): string => `${login} at ${host} was not taken over`

function protocolOf(proto: string, port: number | undefined): 'pop3' | 'imap' | undefined {
  if (proto === 'auto') return port === 143 || port === 993 ? 'imap' : 'pop3'
  return proto === 'imap' ? 'imap' : ['pop3', 'apop', 'sdps'].includes(proto) ? 'pop3' : undefined
}

/** Without `ssl`, fetchmail 6.4 begins TLS in the connection, unless an empty `sslproto` forbids it. */
function tlsOf(ssl: boolean | undefined, sslproto: string | undefined): 'implicit' | 'starttls' | 'none' {
  return ssl === true ? 'implicit' : sslproto === '' ? 'none' : 'starttls'
}

function authOf(auth: string | undefined, proto: string, host: string): { options: AccountOptions; remark?: string } {
  if (proto === 'apop') return { options: { allow: ['APOP'] } }
  if (auth === undefined || auth === 'any' || auth === 'password') return { options: {} }
  if (auth === 'cram' || auth === 'cram-md5') return { options: { allow: ['CRAM-MD5'] } }
  if (auth === 'oauthbearer' || auth === 'xoauth2') return oauthRemark(host)
  return { options: {}, remark: `auth ${auth} is not taken over: the log-in is by password` }
}

function passwordFile(path: string | undefined): string | undefined {
  return path === undefined ? undefined : readText(path)?.split(/\r?\n/, 1)[0]
}

/** To whom the mail goes: one local name, or several by what the envelope says (fetchmail(1), "multidrop"). */
function ownersOf(
  { server, names }: Entry,
  list: (name: string) => string[],
  last: (name: string) => Setting | undefined,
  global: (name: string) => Setting | undefined,
  remark: (line: number, text: string) => void,
): Pick<Found, 'owner' | 'split'> {
  const [first, ...more] = names
  const named = names.filter(({ there }) => there !== '*')
  if (named.length === names.length && more.length === 0) return { owner: first?.here, split: undefined }
  if (named.length < names.length)
    remark(
      server.line,
      '"*" is not taken over: a recipient who is not named has no user here; the mail goes to one for all',
    )
  const domains = [...list('localdomains'), ...list('aka')]
  if (domains.length === 0) domains.push(last('via')?.values[0] ?? server.name)
  const users: Record<string, string> = {}
  for (const { there, here } of named)
    if (there.includes('@')) users[there.toLowerCase()] = here
    else for (const domain of domains) users[`${there}@${domain}`.toLowerCase()] = here
  const envelope = last('envelope')
  const [skipped, field] = envelope?.values.length === 2 ? envelope.values : [undefined, envelope?.values[0]]
  if (skipped !== undefined && skipped !== '0')
    remark(
      envelope?.line ?? 0,
      `envelope ${skipped}: no field is passed over, the uppermost that names somebody known counts`,
    )
  if (envelope?.on === false)
    remark(envelope.line, 'no envelope: who gets a message is told by what servers wrote, never by To and Cc')
  const prefix = last('qvirtual')?.values[0]
  return {
    owner: undefined,
    split: {
      ...(field !== undefined && { fields: [field.replace(/:$/, '')] }),
      ...(prefix !== undefined && { prefix }),
      users,
      otherwise: global('postmaster')?.values[0],
    },
  }
}

/** What fetchmail remembers: the file that is named, else the first of the usual ones, and those given beside. */
function idsOf(file: string, idfile: Setting | undefined, around: Surroundings, remarks: Remark[]): Whole['ids'] {
  const named = idfile?.values[0]
  const folder = dirname(file)
  const usual =
    named === undefined
      ? [
          join(folder, '.fetchids'),
          join(around.home, '.fetchids'),
          join(folder, 'fetchids'),
          '/var/lib/fetchmail/.fetchids',
        ]
      : [resolve(folder, named)]
  // The last of the usual ones is Debian's, for the file of the whole system alone.
  const places = file === '/etc/fetchmailrc' || named !== undefined ? usual : usual.slice(0, -1)
  let text: string | undefined
  for (const place of places) text ??= readText(place)
  if (named !== undefined && text === undefined)
    remarks.push({ file, line: idfile?.line ?? 0, text: `there is no idfile ${named}: what was fetched is not known` })
  const lists = [text ?? '', ...around.lists.map((path) => readText(path) ?? '')].map(parseFetchIds)
  return (login, host) => lists.flatMap((ids) => ids.get(fetchIdsKey(login, host)) ?? [])
}
