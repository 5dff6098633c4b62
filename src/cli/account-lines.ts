import type { Account } from '../accounts/directory.ts'
import type { Leave } from '../accounts/leave.ts'
import { limitsOf } from '../accounts/providers.ts'
import { spellPin } from '../net/certificate-pin.ts'
import { octetsText, plural } from './amounts.ts'
import { spellDuration } from './duration.ts'
import { hostAndPort } from './listen-address.ts'
import { singleLine, wrapWords } from './printable.ts'

/** A name, and what is to be said of it; undefined where that is nothing. */
export type Row = readonly [string, string | undefined]

/** Where values begin, columns. */
const indent = 14

/** The rows as lines, fitted to so many columns of a terminal where it is one. */
export function rowLines(rows: readonly Row[], columns: number | undefined): string[] {
  return rows.flatMap(([name, text]) =>
    text === undefined ? [] : wrapWords(`${name.padEnd(indent)}${singleLine(text)}`, columns, indent),
  )
}

/** How an account is fetched: everything that may be said of it, where it is not as usual. `fetchEvery`: milliseconds, of one that does not say. */
export function settingRows(account: Account, fetchEvery: number): Row[] {
  const { address, user, protocol, server, port, tls, login, leave, options } = account
  const { pins, trust, clientCertificate, allow, largest, first, perDay, only, except, handOn } = options
  const every = options.every ?? fetchEvery
  const least = limitsOf(account).leastInterval ?? 0
  return [
    ['account', address],
    ['for', user],
    ['from', `${protocol} ${hostAndPort(server, port)}, ${tlsWords[tls]}`],
    ['by way of', options.proxy],
    ['certificate', pins && `only ${pins.map(spellPin).join(' or ')}`],
    ['trusted too', trust],
    ['shown to it', clientCertificate && `${clientCertificate.certificate}, with the key ${clientCertificate.key}`],
    ['log-in', `${login}, by ${options.auth === 'oauth' ? `OAuth 2.0 (${issuerText(account)})` : secretText(account)}`],
    ['allowed', allow?.join(', ')],
    [
      'stays there',
      `${staysWords(leave)}${options.room === undefined ? '' : `; the room is ${octetsText(options.room)}`}`,
    ],
    ['fetched', every === 0 ? 'only when told to' : `every ${spellDuration(Math.max(every, least))} by \`serve\``],
    [
      'larger than',
      largest === undefined ? undefined : `${octetsText(largest)}: ${beyondWords[options.beyond ?? 'skip']}`,
    ],
    ['first', first === undefined || first === 'listed' ? undefined : `the ${first} ones`],
    ['per day', perDay === undefined ? undefined : octetsText(perDay)],
    ['only', only?.join(', ')],
    ['but not', except?.join(', ')],
    ['into', options.mailbox],
    ['split', splitText(account)],
    ['goes on to', handOn?.map(({ url }) => url).join(', ')],
  ]
}

const tlsWords: Readonly<Record<Account['tls'], string>> = {
  implicit: 'TLS from the start',
  starttls: 'STARTTLS',
  none: 'without TLS',
}

const beyondWords = { skip: 'waits there', header: 'only the header comes' } as const

/** What stays at the server, of what is home, in words. */
function staysWords(leave: Leave): string {
  if (leave === 'forever') return 'everything'
  if (leave === 'delete') return 'nothing that is home'
  if (typeof leave === 'number') return `what came home less than ${plural(leave, 'day')} ago`
  if ('newest' in leave) return `the newest ${plural(leave.newest, 'message')}`
  return `the newest that fit into ${'octets' in leave ? octetsText(leave.octets) : `${leave.percent} % of the room`}`
}

/** The same where it stands beside other things: `left for 30 days`. */
export function leftText(leave: Leave): string {
  if (leave === 'forever') return 'left at the server'
  if (leave === 'delete') return 'deleted once home'
  if (typeof leave === 'number') return `left for ${plural(leave, 'day')}`
  return `left: ${staysWords(leave)}`
}

function issuerText({ options: { issuer, oauth } }: Account): string {
  return issuer ?? oauth?.issuer ?? 'an issuer of its own'
}

function secretText({ options: { secretFrom } }: Account): string {
  if (secretFrom === 'keyring') return "a password in the system's keyring"
  return typeof secretFrom === 'object' ? `a password that \`${secretFrom.command}\` prints` : 'a password'
}

function splitText({ options: { split } }: Account): string | undefined {
  if (split === undefined) return undefined
  const { users, otherwise, fields, prefix } = split
  const whose = Object.entries(users).map(([to, who]) => `${to} for ${who}`)
  const by = fields === undefined ? '' : `; by ${fields.join(', ')}`
  return `${[...whose, `all else for ${otherwise}`].join(', ')}${by}${prefix === undefined ? '' : ` after ${prefix}`}`
}
