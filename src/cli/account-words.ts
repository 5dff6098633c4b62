import { resolve } from 'node:path'
import type { AccountOptions, HandOnEntry } from '../accounts/account-options.ts'
import { parseHandOnTarget } from '../accounts/hand-on-target.ts'
import type { AccountSettings } from '../accounts/directory.ts'
import { leaveText, parseOctets } from '../accounts/leave.ts'
import { MisuseError } from '../errors.ts'
import { parsePin } from '../net/certificate-pin.ts'
import { hasPassword, parseProxy, passwordVariable } from '../net/proxy-address.ts'
import { mailboxName } from '../store/mailbox-name.ts'
import { parseDuration } from './duration.ts'
import { splitOptions, type SplitWords } from './split-option.ts'

/** What the command line says of an account; see account-commands.ts. */
export interface AccountWords extends SplitWords {
  readonly protocol?: string
  readonly server?: string
  readonly tls?: string
  readonly login?: string
  readonly leave?: string
  readonly offline?: boolean
  readonly check: boolean
  readonly passwordStdin?: boolean
  readonly passwordCommand?: string
  readonly keyring?: boolean
  readonly auth?: string
  readonly issuer?: string
  readonly clientId?: string
  readonly device?: boolean
  readonly allow?: readonly string[]
  readonly proxy?: string
  readonly pin?: readonly string[]
  readonly trust?: string
  readonly clientCertificate?: string
  readonly clientKey?: string
  readonly every?: string
  readonly largest?: string
  readonly beyond?: string
  readonly first?: string
  readonly perDay?: string
  readonly room?: string
  readonly mailbox?: string
  readonly only?: readonly string[]
  readonly except?: readonly string[]
  readonly handOn?: readonly string[]
  readonly handOnAll?: boolean
}

/** What takes an option back. */
export const usual = 'usual'

/** Without what says `usual` of the settings that are no options: it is the same as saying nothing. */
export function withoutUsual<Words extends AccountWords>(words: Words): Words {
  const plain: Words = { ...words }
  for (const key of ['protocol', 'server', 'tls', 'login', 'leave'] as const)
    if (plain[key] === usual) delete (plain as { -readonly [Key in keyof AccountWords]: AccountWords[Key] })[key]
  return plain
}

type Changed = { -readonly [Key in keyof AccountOptions]: AccountOptions[Key] | undefined }

/** The options of an account that had `before`, with what is said here. Throws MisuseError. `now`: milliseconds since 1970. */
export function accountOptions(words: AccountWords, before: AccountOptions, now: number): AccountOptions {
  const changed: Changed = {}
  const one = <Key extends keyof AccountOptions>(
    key: Key,
    text: string | undefined,
    read: (text: string) => NonNullable<AccountOptions[Key]>,
  ): void => {
    if (text !== undefined) changed[key] = text === usual ? undefined : read(text)
  }
  const many = <Key extends keyof AccountOptions>(
    key: Key,
    texts: readonly string[] | undefined,
    read: (texts: readonly string[]) => NonNullable<AccountOptions[Key]>,
  ): void => {
    if (texts !== undefined) changed[key] = texts.length === 1 && texts[0] === usual ? undefined : read(texts)
  }
  one('auth', words.auth, (text) => choice('--auth', text, ['password', 'oauth']))
  one('issuer', words.issuer, String)
  one('oauth', words.clientId, (clientId) => ({ ...before.oauth, clientId }))
  many('allow', words.allow, (texts) =>
    texts.map((text) => choice('--allow', text.toUpperCase(), ['CRAM-MD5', 'APOP'])),
  )
  if (words.keyring === true && words.passwordCommand !== undefined)
    throw new MisuseError('usage', '--keyring and --password-command: give one of them')
  const elsewhere = words.keyring === true || (words.passwordCommand !== undefined && words.passwordCommand !== usual)
  if (words.auth === 'oauth') {
    if (elsewhere)
      throw new MisuseError(
        'usage',
        '--auth oauth logs in without a password: leave out --keyring and --password-command',
      )
    changed.secretFrom = undefined
  }
  if (words.keyring === true) changed.secretFrom = 'keyring'
  // One that is given takes the place of a command.
  else if (words.passwordStdin === true && typeof before.secretFrom === 'object') changed.secretFrom = undefined
  one('secretFrom', words.passwordCommand, (command) => ({ command }))
  one('proxy', words.proxy, (text) => {
    parseProxy(text)
    if (hasPassword(text))
      throw new MisuseError(
        'usage',
        `a password in --proxy would be shown and stored in the clear: leave it out, and give it in ${passwordVariable} in the environment`,
      )
    return text
  })
  many('pins', words.pin, (texts) => texts.map(parsePin))
  // `serve` may run in another folder.
  one('trust', words.trust, (file) => resolve(file))
  const files = [words.clientCertificate, words.clientKey].filter((file) => file !== undefined)
  if (files.length === 1 && words.clientCertificate !== usual)
    throw new MisuseError('usage', '--client-certificate and --client-key go together')
  one('clientCertificate', words.clientCertificate, (certificate) => ({
    certificate: resolve(certificate),
    key: resolve(words.clientKey ?? ''),
  }))
  one('every', words.every, (text) => duration('--every', text))
  one('largest', words.largest, (text) => octets('--largest', text))
  one('beyond', words.beyond, (text) => choice('--beyond', text, ['skip', 'header']))
  one('first', words.first, (text) => choice('--first', text, ['listed', 'small', 'new']))
  one('perDay', words.perDay, (text) => octets('--per-day', text))
  one('room', words.room, (text) => octets('--room', text))
  one('mailbox', words.mailbox, mailboxName)
  many('only', words.only, (texts) => texts)
  many('except', words.except, (texts) => texts)
  if (words.split?.length === 1 && words.split[0] === usual) changed.split = undefined
  else {
    const split = splitOptions(words)
    if (split !== undefined) changed.split = split
  }
  const places = words.handOn ?? (words.handOnAll === true ? before.handOn?.map(({ url }) => url) : undefined)
  if (places === undefined && words.handOnAll === true)
    throw new MisuseError('usage', '--hand-on-all needs --hand-on URL: mail of this account goes nowhere else')
  many('handOn', places, (urls) => handOn(urls, before.handOn ?? [], words.handOnAll === true ? 0 : now))
  const all = { ...before, ...changed }
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)) as AccountOptions
}

/** Throws MisuseError where what is said of the log-in would be passed over, or cannot be. */
export function checkLogIn(words: AccountWords, { login, options }: Pick<AccountSettings, 'login' | 'options'>): void {
  if (login === '')
    throw new MisuseError(
      'usage',
      '--login is empty: give the user name at the provider, or leave it out for the address',
    )
  if (options.auth === 'oauth') return
  const { issuer, clientId, device } = words
  for (const [option, given] of Object.entries({ '--issuer': issuer, '--client-id': clientId, '--device': device }))
    if (given !== undefined && given !== false && given !== usual)
      throw new MisuseError('usage', `${option} is for a log-in by OAuth 2.0: add --auth oauth, or leave it out`)
}

/** Throws MisuseError where something is said that has no meaning beside the rest. */
export function checkTogether({
  protocol,
  leave,
  options,
}: Pick<AccountSettings, 'protocol' | 'leave' | 'options'>): void {
  const { room, only, except, beyond, largest } = options
  if (protocol === 'pop3' && (only !== undefined || except !== undefined))
    throw new MisuseError(
      'usage',
      '--only and --except choose mailboxes of IMAP, and POP3 has only one: leave them out',
    )
  if (protocol === 'pop3' && typeof leave === 'object' && 'percent' in leave && room === undefined)
    throw new MisuseError(
      'usage',
      `--leave ${leaveText(leave)} needs --room AMOUNT, such as 1GB: by POP3 no server tells how much room there is`,
    )
  if (beyond === 'header' && largest === undefined)
    throw new MisuseError('usage', '--beyond header needs --largest AMOUNT, such as 20MB: larger than what?')
}

/** A place that was there before goes on from when it was named first. */
function handOn(urls: readonly string[], before: readonly HandOnEntry[], now: number): HandOnEntry[] {
  return urls.map((url) => {
    parseHandOnTarget(url)
    const known = before.find((entry) => entry.url === url)
    return known !== undefined && now !== 0 ? known : { url, since: now }
  })
}

function choice<Choice extends string>(option: string, text: string, choices: readonly Choice[]): Choice {
  const found = choices.find((one) => one === text)
  if (found !== undefined) return found
  throw new MisuseError('usage', `${option} ${text}: give one of ${choices.join(', ')}`)
}

function octets(option: string, text: string): number {
  const found = parseOctets(text)
  if (found !== undefined) return found
  throw new MisuseError('usage', `${option} ${text}: give an amount, such as 20MB or 1.5GB`)
}

function duration(option: string, text: string): number {
  const found = parseDuration(text)
  if (found !== undefined) return found
  throw new MisuseError('usage', `${option} ${text}: give a time, such as 90s, 15m, 2h or 1d; 0: only when told to`)
}
