import { isAbsolute, normalize } from 'node:path'
import { MisuseError } from '../errors.ts'
import { spelt } from '../net/destination.ts'
import { isThisMachine } from '../net/this-machine.ts'

/** What all places that mail goes on to have. */
interface Place {
  /** Names it for ever, in the ledger and to people: what does not change where the mail goes (TLS, a usual port) is not in it. */
  readonly name: string
}

interface Server extends Place {
  readonly host: string
  readonly port: number
  readonly tls: 'implicit' | 'starttls' | 'none'
}

/** A mailbox that APPEND puts messages into. */
export interface ImapTarget extends Server {
  readonly kind: 'imap'
  readonly login: string
  /** As the server spells it, but in Unicode. */
  readonly mailbox: string
}

/** Whom a message is for, and whom it is from, where the protocol asks for that. */
export interface EnvelopeChoice {
  /** Who gets it. */
  readonly to: string
  /** In these domains (lower case) the recipient whom the header names gets it, and `to` what is for nobody there. */
  readonly original: readonly string[]
  /** The sender, where it is not to be the one that the message says. */
  readonly from?: string
}

/** A server that sends mail on, by submission (RFC 6409) or as the next one on its way. */
export interface SmtpTarget extends Server {
  readonly kind: 'smtp'
  /** Undefined: without a log-in. */
  readonly login?: string
  readonly envelope: EnvelopeChoice
}

/** LMTP (RFC 2033) at a port, or at a socket of this machine. */
export type LmtpTarget = (Omit<Server, 'tls'> | (Place & { readonly path: string })) & {
  readonly kind: 'lmtp'
  readonly envelope: EnvelopeChoice
}

/** A Maildir of this machine. */
export interface MaildirTarget extends Place {
  readonly kind: 'maildir'
  readonly path: string
}

/** A shell command that gets the message on its standard input. */
export interface CommandTarget extends Place {
  readonly kind: 'command'
  readonly command: string
}

/** A place that what an account brings in goes on to. */
export type HandOnTarget = ImapTarget | SmtpTarget | LmtpTarget | MaildirTarget | CommandTarget

/** By which name the password for a target is kept: see `Directory.setNamedSecret`. */
export function handOnSecretName(target: HandOnTarget): string {
  return `hand-on:${target.name}`
}

/** Whether something is to be logged in with there. */
export function needsSecret(target: HandOnTarget): boolean {
  return target.kind === 'imap' || (target.kind === 'smtp' && target.login !== undefined)
}

const forms =
  'imaps://LOGIN@HOST/MAILBOX, imap://…, smtps://LOGIN@HOST/?to=ADDRESS, smtp://…, lmtp://HOST:PORT/?to=ADDRESS, lmtp:/SOCKET?to=ADDRESS, maildir:/FOLDER or command:SHELL COMMAND'

/** Reads a target. Throws MisuseError, which does not show the text: it may hold a password. */
export function parseHandOnTarget(text: string): HandOnTarget {
  const [, scheme = '', rest = ''] = /^([a-z]+):(.*)$/is.exec(text.trim()) ?? []
  switch (scheme.toLowerCase()) {
    case 'maildir':
      return maildir(rest)
    case 'command':
      if (rest.trim() === '') throw wrong('command: there is no command behind it')
      return { kind: 'command', command: rest.trim(), name: `command:${rest.trim()}` }
    case 'imap':
    case 'imaps':
    case 'smtp':
    case 'smtps':
    case 'lmtp':
      return server(text.trim())
    default:
      throw wrong(scheme === '' ? 'this names no place' : `${scheme}: is not known`)
  }
}

function wrong(what: string): MisuseError {
  return new MisuseError('usage', `${what}; mail can be handed on to ${forms}`)
}

function maildir(path: string): MaildirTarget {
  if (!isAbsolute(path)) throw wrong(`maildir:${path} is no whole path (one that begins with /)`)
  const whole = normalize(path).replace(/(?<=.)\/+$/, '')
  return { kind: 'maildir', path: whole, name: `maildir:${whole}` }
}

function server(text: string): ImapTarget | SmtpTarget | LmtpTarget {
  const url = URL.parse(text)
  if (url === null) throw wrong('this is no URL')
  if (url.password !== '')
    throw new MisuseError(
      'usage',
      'a password in the URL is seen by everybody on this machine, and stays in the history of the shell: leave it out; it is asked for, and kept encrypted',
    )
  if (url.hash !== '') throw wrong('a # in it is to be spelt %23')
  const scheme = url.protocol.slice(0, -1)
  const known = scheme.startsWith('imap') ? ['tls'] : scheme === 'lmtp' ? envelopeWords : ['tls', ...envelopeWords]
  const unknown = queryOf(url).find(([key]) => !known.includes(key))?.[0]
  if (unknown !== undefined) throw wrong(`${scheme}: knows no ?${unknown}=, but ${known.join(', ')}`)
  if (scheme.startsWith('imap')) return imap(url)
  return scheme === 'lmtp' ? lmtp(url) : smtp(url)
}

function imap(url: URL): ImapTarget {
  const { host, tls, port, shown } = reach(url, { implicit: 993, clear: () => 143 })
  const login = decoded(url.username)
  if (login === '') throw wrong('there is no login before the host')
  // RFC 5092 §4: the mailbox as the server spells it, in percent-encoded UTF-8.
  const mailbox = decoded(url.pathname.slice(1))
  if (mailbox === '') throw wrong('there is no mailbox behind the host (INBOX, for example)')
  // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
  if (/[\u0000-\u001f\u007f]/.test(mailbox)) throw wrong('there is a control character in the name of the mailbox')
  return { kind: 'imap', host, port, tls, login, mailbox, name: `imap://${login}@${shown}/${mailbox}` }
}

function smtp(url: URL): SmtpTarget {
  const login = decoded(url.username)
  // RFC 8314 §3.3: submission with TLS from the start at 465; RFC 6409 §3.1: who logs in, submits.
  const { host, tls, port, shown } = reach(url, { implicit: 465, clear: () => (login === '' ? 25 : 587) })
  if (!['', '/'].includes(url.pathname)) throw wrong(`there is no ${url.pathname} in SMTP`)
  const envelope = envelopeOf(url)
  const name = `smtp://${login === '' ? '' : `${login}@`}${shown}/${envelopeName(envelope)}`
  return { kind: 'smtp', host, port, tls, ...(login !== '' && { login }), envelope, name }
}

function lmtp(url: URL): LmtpTarget {
  const envelope = envelopeOf(url)
  if (url.hostname === '') {
    const path = decoded(url.pathname)
    if (!isAbsolute(path)) throw wrong('lmtp: there is neither a host nor the whole path of a socket')
    return { kind: 'lmtp', path, envelope, name: `lmtp:${path}/${envelopeName(envelope)}` }
  }
  if (url.username !== '') throw wrong('LMTP has no log-in')
  if (!['', '/'].includes(url.pathname)) throw wrong(`there is no ${url.pathname} in LMTP`)
  // RFC 2033 §5: it has no port of its own, and must not be at SMTP's.
  if (url.port === '') throw wrong('LMTP has no usual port: name it behind the host')
  const host = hostOf(url)
  const port = Number(url.port)
  return { kind: 'lmtp', host, port, envelope, name: `lmtp://${spelt({ host, port })}/${envelopeName(envelope)}` }
}

const ways = ['implicit', 'starttls', 'none'] as const

function reach(
  url: URL,
  ports: { implicit: number; clear: () => number },
): Pick<Server, 'host' | 'port' | 'tls'> & { shown: string } {
  const host = hostOf(url)
  if (host === '') throw wrong('there is no host')
  const implicit = url.protocol.endsWith('s:')
  const wanted = asked(url, 'tls')[0] ?? (implicit ? 'implicit' : isThisMachine(host) ? 'none' : 'starttls')
  const tls = ways.find((way) => way === wanted)
  if (tls === undefined) throw wrong(`tls=${wanted} is none of ${ways.join(', ')}`)
  if (implicit !== (tls === 'implicit'))
    throw wrong(
      implicit
        ? `${url.protocol}// is TLS from the start, and not tls=${tls}`
        : `for TLS from the start say ${url.protocol.slice(0, -1)}s://`,
    )
  const usual = [ports.implicit, 143, 25, 587]
  const port = url.port === '' ? (implicit ? ports.implicit : ports.clear()) : Number(url.port)
  return { host, port, tls, shown: usual.includes(port) ? bracketed(host) : spelt({ host, port }) }
}

function bracketed(host: string): string {
  return host.includes(':') ? `[${host}]` : host
}

function hostOf(url: URL): string {
  return decoded(url.hostname.replace(/^\[(.*)\]$/, '$1')).toLowerCase()
}

const envelopeWords = ['to', 'from', 'original']

function envelopeOf(url: URL): EnvelopeChoice {
  const [to, ...more] = asked(url, 'to')
  if (to === undefined || to === '') throw wrong('there is no ?to=ADDRESS: who is to get the mail?')
  // What one takes and another refuses could not be handed on once each.
  if (more.length > 0) throw wrong('there is more than one ?to=: name a place for each of them')
  const [from] = asked(url, 'from')
  for (const address of [to, from])
    if (address !== undefined && !isAddress(address)) throw wrong(`${address} is no address`)
  const original = asked(url, 'original').map((domain) => domain.replace(/^@/, '').toLowerCase())
  for (const domain of original) if (!/^[^\s@<>,;]+$/.test(domain)) throw wrong(`original=${domain} is no domain`)
  return { to, original, ...(from !== undefined && { from }) }
}

/** Fit for an envelope: nothing in it can end the command that it stands in (RFC 5321 §4.1.2). */
export function isAddress(text: string): boolean {
  // oxlint-disable-next-line no-control-regex -- control characters are what must not be in it
  return text.length <= 320 && /^[^\s<>@"\u0000-\u001f\u007f]+@[^\s<>@"\u0000-\u001f\u007f]+$/.test(text)
}

function envelopeName({ to, original }: EnvelopeChoice): string {
  return [to, ...original.map((domain) => `@${domain}`)].join(',')
}

/** Not as forms have it: a + in an address is a +. */
function queryOf(url: URL): (readonly [key: string, value: string])[] {
  const pairs = url.search.slice(1).split('&')
  return pairs.flatMap((pair) => {
    const [key = '', ...value] = pair.split('=')
    return key === '' ? [] : [[key, decoded(value.join('='))] as const]
  })
}

function asked(url: URL, wanted: string): string[] {
  return queryOf(url).flatMap(([key, value]) => (key === wanted ? [value] : []))
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw wrong('a % in it is to be spelt %25')
  }
}
