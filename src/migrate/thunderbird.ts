import { join } from 'node:path'
import type { AccountOptions } from '../accounts/account-options.ts'
import type { Leave } from '../accounts/leave.ts'
import { usualPort } from '../accounts/provider.ts'
import type { Findings, Found, Remark } from './found.ts'
import { oauthRemark } from './oauth.ts'
import { parsePopState } from './popstate.ts'
import { parsePrefs, type Pref } from './prefs.ts'
import { readText } from './text-file.ts'

/** Kinds of accounts that are no mailbox of anybody. */
const noMail: ReadonlySet<unknown> = new Set(['none', 'rss', 'nntp', 'im', 'calendar'])

/** nsMsgAuthMethod: how to log in, where it is neither a password nor OAuth 2.0. */
const methods: Readonly<Record<number, string>> = { 5: 'Kerberos', 6: 'NTLM', 7: 'by certificate' }

/** Reads the accounts of a Thunderbird profile, and which messages it has. Its passwords are encrypted, and stay so. Writes nothing. */
export function readThunderbird(profile: string): Findings {
  const prefs = new Map<string, Pref>()
  const faults: Remark[] = []
  for (const name of ['prefs.js', 'user.js']) {
    const file = join(profile, name)
    faults.push(...parsePrefs(readText(file) ?? '', file, prefs))
  }
  const remarks: Remark[] = []
  const accounts: Found[] = []
  for (const { server, identity } of serversOf(prefs)) {
    const pref = (name: string): Pref | undefined => prefs.get(`mail.server.${server}.${name}`)
    const type = pref('type')
    if (type === undefined || noMail.has(type.value)) continue
    const { file, line } = type
    if (type.value !== 'pop3' && type.value !== 'imap')
      faults.push({
        file,
        line,
        text: `there is nothing here for an account of the type ${type.value}; it was not taken over`,
      })
    else {
      const found = accountOf(type.value, type, pref, identity, profile)
      if ('text' in found) faults.push(found)
      else accounts.push(found)
    }
  }
  return { accounts, faults, remarks }
}

/** The servers of the accounts there are: what was removed may have left settings behind. */
function serversOf(prefs: ReadonlyMap<string, Pref>): { server: string; identity: string | undefined }[] {
  const list = (name: string): string[] => {
    const value = prefs.get(name)?.value
    return typeof value === 'string' ? value.split(',').filter((one) => one !== '') : []
  }
  const listed = list('mail.accountmanager.accounts')
  const all = [...prefs.keys()].flatMap((name) => /^mail\.account\.(account\d+)\.server$/.exec(name)?.[1] ?? [])
  return [...new Set(listed.length > 0 ? listed : all)].flatMap((account) => {
    const [server] = list(`mail.account.${account}.server`)
    const [identity] = list(`mail.account.${account}.identities`)
    const [address] = identity === undefined ? [] : list(`mail.identity.${identity}.useremail`)
    return server === undefined ? [] : [{ server, identity: address }]
  })
}

function accountOf(
  protocol: 'pop3' | 'imap',
  { file, line }: Pref,
  pref: (name: string) => Pref | undefined,
  address: string | undefined,
  profile: string,
): Found | Remark {
  const remarks: Remark[] = []
  const text = (name: string): string => {
    const value = pref(name)?.value
    return typeof value === 'string' ? value : ''
  }
  const number = (name: string): number | undefined => {
    const value = pref(name)?.value
    return typeof value === 'number' ? value : undefined
  }
  const is = (name: string): boolean => pref(name)?.value === true
  const remark = (name: string, what: string): void => {
    const at = pref(name) ?? { file, line }
    remarks.push({ file: at.file, line: at.line, text: `${name} ${what}` })
  }
  // Where host or login were changed, the first ones stay as the names of its folders.
  const hosts = [text('realhostname'), text('hostname')].filter((one) => one !== '')
  const users = [text('realuserName'), text('userName')].filter((one) => one !== '')
  const [host] = hosts
  const [login] = users
  if (host === undefined || login === undefined)
    return {
      file,
      line,
      text: `there is no ${host === undefined ? 'hostname' : 'userName'}; the account was not taken over`,
    }
  const socket = number('socketType') ?? (is('isSecure') ? 3 : 0)
  if (socket === 1) remark('socketType', 'was TLS if there is any: it is TLS always now')
  const tls = socket === 3 ? 'implicit' : socket === 0 ? 'none' : 'starttls'
  const port = number('port') ?? -1

  const method = number('authMethod') ?? 3
  const oauth = method === 10 ? oauthRemark(host) : undefined
  if (oauth !== undefined) remark('authMethod', `is OAuth 2.0: ${oauth.remark}`)
  const unknown = methods[method]
  if (unknown !== undefined) remark('authMethod', `(${unknown}) is not taken over: the log-in is by password`)
  for (const [name, what] of Object.entries(notTaken)) if (is(name)) remark(name, `is not taken over: ${what}`)

  const minutes = number('check_time')
  const limited = is('limit_offline_message_size') && protocol === 'pop3'
  const options: AccountOptions = {
    ...oauth?.options,
    ...(method === 4 && { allow: ['CRAM-MD5'] }),
    ...(minutes !== undefined && minutes > 0 && pref('check_new_mail')?.value !== false && { every: minutes * 60_000 }),
    ...(limited && { largest: (number('max_size') ?? 50) * 1024, beyond: 'header' }),
  }
  return {
    program: 'thunderbird',
    file,
    line,
    settings: {
      protocol,
      server: host,
      port: port > 0 && port < 65_536 ? port : usualPort(protocol, tls),
      tls,
      login,
      leave: protocol === 'imap' ? 'forever' : leaveOf(is, number),
      options,
    },
    address,
    password: undefined,
    owner: undefined,
    split: undefined,
    had: protocol === 'imap' ? [] : parsePopState(popState(profile, text, hosts), hosts, users),
    remarks,
  }
}

const notTaken: Readonly<Record<string, string>> = {
  headers_only: 'messages are fetched whole',
  delete_mail_left_on_server: 'what is deleted here stays at the server as long as all else',
}

function leaveOf(is: (name: string) => boolean, number: (name: string) => number | undefined): Leave {
  if (!is('leave_on_server')) return 'delete'
  const days = number('num_days_to_leave_on_server') ?? 7
  return is('delete_by_age_from_server') && days > 0 ? Math.min(days, 99_999) : 'forever'
}

/** The state stands in the folder of the server; of a profile that was copied, the absolute path may be another's. */
function popState(profile: string, text: (name: string) => string, hosts: readonly string[]): string {
  const relative = /^\[ProfD\](.+)$/.exec(text('directory-rel'))?.[1]
  const folders = [
    ...(relative === undefined ? [] : [join(profile, relative)]),
    ...(text('directory') === '' ? [] : [text('directory')]),
    ...hosts.map((host) => join(profile, 'Mail', host)),
  ]
  for (const folder of folders) {
    const state = readText(join(folder, 'popstate.dat'))
    if (state !== undefined) return state
  }
  return ''
}
