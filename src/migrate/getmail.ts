import { existsSync, readdirSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import type { AccountOptions } from '../accounts/account-options.ts'
import { usualPort } from '../accounts/provider.ts'
import type { Findings, Found, Had, Remark, Surroundings } from './found.ts'
import { type IniValue, parseIni, pythonStrings } from './ini.ts'
import { netrcPassword } from './netrc.ts'
import { notTaken } from './not-taken.ts'
import { oauthRemark } from './oauth.ts'
import { oldmailFile, parseImapOldmail, parseOldmail } from './oldmail.ts'
import { fingerprint, homePath, shellWords } from './values.ts'
import { readText } from './text-file.ts'

/** What there is no place for in an account, and what to do instead. What is not here is taken over, or makes no difference. */
const retrieverRemarks: Readonly<Record<string, string>> = {
  timeout: notTaken.timeOut,
  delete_dup_msgids: 'messages with the same unique-id are all fetched, and none is deleted unread',
  ssl_version: notTaken.tlsVersion,
  ssl_ciphers: 'what Node.js offers is used',
  ssl_cert_hostname: notTaken.nameOfCertificate,
  use_kerberos: 'there is no Kerberos: the log-in is by password',
  move_on_delete: notTaken.move,
  imap_search: 'all messages of a mailbox are fetched',
  imap_on_delete: 'no flag is set at the server',
}
const optionRemarks: Readonly<Record<string, string>> = {
  delete_bigger_than: 'large messages stay as long as others',
  max_messages_per_session: notTaken.amount,
  max_bytes_per_session: notTaken.amount,
}

/** Reads the account of a getmail rc file, and what getmail remembers of it. Writes nothing. */
export function readGetmail(file: string, around: Surroundings): Findings {
  const { ini, faults } = parseIni(readText(file) ?? '', file)
  const retriever = ini.get('retriever') ?? new Map<string, IniValue>()
  const options = ini.get('options') ?? new Map<string, IniValue>()
  const remarks: Remark[] = []
  const fault = (line: number, text: string): Findings => ({
    accounts: [],
    faults: [...faults, { file, line, text }],
    remarks: [],
  })
  const remark = (line: number, text: string): void => void remarks.push({ file, line, text })
  const text = (name: string): string | undefined => retriever.get(name)?.text
  const line = (name: string): number => (retriever.get(name) ?? options.get(name))?.line ?? 0
  if (faults.length > 0) return { accounts: [], faults, remarks }

  const type = text('type')
  if (type === undefined)
    return fault(0, 'there is no [retriever] with a type here, so that it is no account of getmail')
  const [, form, kind = '', ssl] = /^(Simple|Multidrop|BrokenUIDL)(POP3|IMAP|SDPS)(SSL)?Retriever$/.exec(type) ?? []
  if (form === undefined) return fault(line('type'), `there is nothing here for a retriever of the type ${type}`)
  const protocol = kind === 'IMAP' ? 'imap' : 'pop3'
  const server = text('server') ?? ''
  if (server === '') return fault(line('type'), 'the retriever names no server')
  const tls = ssl === undefined ? 'none' : 'implicit'
  const port = Number(text('port') ?? usualPort(protocol, tls))
  if (!Number.isInteger(port) || port < 1 || port > 65_535) return fault(line('port'), `${text('port')} is no port`)
  const netrc = yes(options.get('use_netrc')?.text)
  const login = text('username') ?? (netrc ? around.person : '')
  if (login === '') return fault(line('type'), 'the retriever names no username')

  for (const [section, values] of ini)
    if (section === 'destination' || section.toLowerCase().startsWith('filter')) {
      const first = [...values.values()][0]?.line ?? 0
      remark(
        first,
        `[${section}] is not taken over: ${section === 'destination' ? notTaken.delivery : notTaken.filters}`,
      )
    }
  for (const [table, values] of [
    [retrieverRemarks, retriever],
    [optionRemarks, options],
  ] as const)
    for (const [name, { text: value, line: at }] of values) {
      const saying = Object.hasOwn(table, name) ? table[name] : undefined
      const off =
        value === '' ||
        value === '0' ||
        (name !== 'timeout' && ['false', 'no', 'off', 'none'].includes(value.toLowerCase()))
      if (saying !== undefined && !off) remark(at, `${name} is not taken over: ${saying}`)
    }
  if (form === 'Multidrop')
    remark(line('type'), 'the mail of several people goes to one user so far: say who gets what with --split')
  if (form === 'BrokenUIDL')
    remark(line('type'), 'getmail keeps no list of what it fetched there: all that is at the server will be fetched')
  if (yes(options.get('read_all')?.text) && !yes(options.get('delete')?.text))
    remark(line('read_all'), `read_all is not taken over: ${notTaken.again}`)

  const mailboxes = protocol === 'imap' ? (text('mailboxes') ?? '("INBOX",)') : undefined
  const only = mailboxes === undefined || mailboxes.trim() === 'ALL' ? undefined : pythonStrings(mailboxes)
  const account = { server, port, login }
  const had =
    form === 'BrokenUIDL'
      ? []
      : protocol === 'pop3'
        ? hadOf(account, file, around)
        : hadByImap(account, only, file, around)
  const secret = secretOf(retriever, netrc ? () => netrcPassword(around.home, [server], login) : () => undefined)
  const auth = yes(text('use_xoauth2')) ? oauthRemark(server) : undefined
  if (auth !== undefined) remark(line('use_xoauth2'), auth.remark)
  const certificate = homePath(text('certfile'), around.home)
  const key = homePath(text('keyfile'), around.home)
  const trust = homePath(text('ca_certs'), around.home)
  const pins = (pythonStrings(text('ssl_fingerprints') ?? '()') ?? []).flatMap((print) => fingerprint(print) ?? [])
  const largest = Number(options.get('max_message_size')?.text ?? 0)
  const allow = yes(text('use_apop'))
    ? (['APOP'] as const)
    : yes(text('use_cram_md5'))
      ? (['CRAM-MD5'] as const)
      : undefined
  const days = Number(options.get('delete_after')?.text ?? 0)
  const accountOptions: AccountOptions = {
    ...auth?.options,
    ...(allow !== undefined && { allow }),
    ...(secret.command !== undefined && auth === undefined && { secretFrom: { command: secret.command } }),
    ...(pins.length > 0 && { pins }),
    ...(trust !== undefined && { trust }),
    ...(certificate !== undefined && key !== undefined && { clientCertificate: { certificate, key } }),
    ...(largest > 0 && { largest }),
    ...(only !== undefined && { only }),
  }
  const found: Found = {
    program: 'getmail',
    file,
    line: line('type'),
    settings: {
      protocol,
      server,
      port,
      tls,
      login,
      leave: yes(options.get('delete')?.text) ? 'delete' : days > 0 ? days : 'forever',
      options: accountOptions,
    },
    address: undefined,
    password: auth === undefined ? secret.password : undefined,
    owner: undefined,
    split: undefined,
    had,
    remarks,
  }
  return { accounts: [found], faults, remarks: [] }
}

function yes(text: string | undefined): boolean {
  return ['true', 'yes', 'on', '1'].includes(text?.trim().toLowerCase() ?? '')
}

/** getmail takes a password before a command; then it looks elsewhere. */
function secretOf(
  retriever: ReadonlyMap<string, IniValue>,
  elsewhere: () => string | undefined,
): { password: string | undefined; command: string | undefined } {
  const password = retriever.get('password')?.text
  const command = pythonStrings(retriever.get('password_command')?.text ?? '()') ?? []
  if (password !== undefined || command.length === 0) return { password: password ?? elsewhere(), command: undefined }
  return { password: undefined, command: shellWords(command) }
}

interface Mailbox {
  readonly server: string
  readonly port: number
  readonly login: string
}

/** Where getmail may keep what it remembers: the folder of the rc file, and the usual ones. */
function foldersOf(file: string, { home, lists }: Surroundings): string[] {
  return [...new Set([dirname(file), ...lists, join(home, '.config', 'getmail'), join(home, '.getmail')])]
}

function hadOf(account: Mailbox, file: string, around: Surroundings): Had[] {
  for (const folder of foldersOf(file, around)) {
    const text = readText(oldmailFile(folder, account))
    if (text !== undefined) return parseOldmail(text)
  }
  return []
}

/** By IMAP there is a list for each mailbox; where all are fetched, the names of the lists tell which there are. */
function hadByImap(account: Mailbox, only: readonly string[] | undefined, file: string, around: Surroundings): Had[] {
  if (only !== undefined)
    return only.flatMap((mailbox) => {
      const texts = foldersOf(file, around).map((folder) => readText(oldmailFile(folder, account, mailbox)))
      return parseImapOldmail(texts.find((text) => text !== undefined) ?? '', mailbox)
    })
  for (const folder of foldersOf(file, around).filter((one) => existsSync(one))) {
    const before = basename(oldmailFile(folder, account, ''))
    const lists = readdirSync(folder).filter((name) => name.startsWith(before))
    if (lists.length === 0) continue
    return lists.flatMap((name) => {
      const mailbox = name.slice(before.length)
      // In the name of the list, "." stands for "/" too.
      const or = mailbox.includes('.') ? mailbox.replaceAll('.', '/') : undefined
      return parseImapOldmail(readText(join(folder, name)) ?? '', mailbox, or)
    })
  }
  return []
}
