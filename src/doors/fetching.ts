import { hash } from 'node:crypto'
import type { Leave } from '../accounts/leave.ts'
import type { PostinoError } from '../errors.ts'
import type { Reach } from '../net/connect.ts'
import type { UserMail, View } from '../store/store.ts'
import type { Choice } from './fetch-choice.ts'
import type { Patience } from './pop3-connection.ts'

/** Gives a token of OAuth 2.0 that is good now. `refused`: the one that the server has just refused, where it is asked again. */
export type TokenSource = (refused?: string) => Promise<string>

/** The name in the ledger of the same mailbox by the other protocol: an account may change over, and what came by either is home. */
export function byOtherProtocol(account: string): string {
  return account.startsWith('imap:') ? account.replace('imap:', 'pop3:') : account.replace('pop3:', 'imap:')
}

/** A remote mailbox, and what to do with it. */
export interface Remote {
  /** Its name in the ledger: `pop3:` or `imap:`, and the address. */
  readonly account: string
  readonly host: string
  readonly port: number
  readonly tls: 'implicit' | 'starttls' | 'none'
  readonly login: string
  /** One of the two: a password, or tokens. */
  readonly password?: string
  readonly token?: TokenSource
  /** Mechanisms that are used only where they are asked for, for what goes over the line tells too much. */
  readonly allow?: readonly ('CRAM-MD5' | 'APOP')[]
  /** Not by SCRAM-SHA-256-PLUS: see `FetchReport.withoutPlus`. */
  readonly withoutPlus?: boolean | undefined
  /** The way there, where it is not the usual one: proxy, certificates. */
  readonly reach?: Reach
  /** What stays there of what is home. */
  readonly leave: Leave
  /** Where new mail goes: INBOX unless said. */
  readonly mailbox?: string
}

/**
 * Which maildrop an account is: who logs in where, and behind the last colon by which port. Its unique-ids are for that maildrop alone
 * (RFC 1939 §7).
 */
export function placeOf({ login, host, port }: Pick<Remote, 'login' | 'host' | 'port'>): string {
  return `${hash('sha256', JSON.stringify([login, host.toLowerCase()])).slice(0, 24)}:${port}`
}

/** Whether it is the same log-in at the same host, by whatever port. */
export function isSameLogIn(place: string, other: string): boolean {
  const [one, another] = [place, other].map((whole) => whole.split(':', 1)[0])
  return one === another
}

/** How far a fetch has come, of what is new. */
export interface FetchProgress {
  readonly messages: number
  readonly of: number
  readonly octets: number
  /** By the server's listing; undefined where it gives no sizes. */
  readonly ofOctets: number | undefined
}

export interface FetchOptions {
  readonly onProgress?: (progress: FetchProgress) => void
  readonly signal?: AbortSignal
  readonly now?: () => number
  readonly patience?: Patience
  /** What to fetch of what is new, and in what order. */
  readonly choice?: Choice
  /** What the user may still keep, where that is for the door to look up: see `Choice.fits`. */
  readonly fits?: ((view: View) => Choice['fits']) | undefined
  /** Octets that the provider gives; what a share in `leave` is of. */
  readonly room?: number | undefined
  /** Whether the clock can be believed: where it cannot, nothing is deleted there because of its age. True unless said. */
  readonly clockSteady?: boolean
  /** Nothing is fetched and nothing deleted: the report says what would be, and why. */
  readonly dryRun?: boolean
  /** The provider gives out no more messages a minute. */
  readonly perMinute?: number | undefined
  /** Mail for several people in one mailbox. */
  readonly split?: Split | undefined
  /** False: commands go one by one, whatever the server says of PIPELINING. */
  readonly pipelining?: boolean | undefined
  /** Leave messages that failed lately for later, as a schedule should; without it they are tried each time. */
  readonly backOff?: boolean
  /** A message of more octets than this ends the session; 1 GiB unless said. */
  readonly largest?: number
  /** A listing of more lines than this ends the session; two millions unless said. */
  readonly longest?: number
  /** By POP3, how many messages a maildrop must have for its listing to be remembered: see `unchangedSince`. 500 unless said. */
  readonly fewest?: number
  /** The provider shows only a part of the mailbox at a time. */
  readonly partial?: boolean | undefined
}

/** Who gets what of a mailbox that holds mail for several people. */
export interface Split {
  /** The users who get the message with this header; at least one. */
  recipients(header: Uint8Array): readonly string[]
  /** All whom mail may go to. */
  readonly users: readonly string[]
  open(user: string): Promise<UserMail>
}

/** What is to be done with one message, and why. */
export interface Planned {
  /** Its unique-id there; empty where there is none. */
  readonly uniqueId: string
  /** By the server's listing; undefined where it does not say. */
  readonly octets: number | undefined
  readonly what: 'fetch' | 'header' | 'wait' | 'delete'
  readonly why: string
}

export interface FetchReport {
  /** Messages that came home now. */
  readonly new: number
  /** Messages there that were home already. */
  readonly skipped: number
  /** Messages that could not be fetched, or not be deleted. */
  readonly failed: number
  /** Messages that wait there on purpose: too large, or too much for a day. */
  readonly waiting: number
  /** Messages deleted there. */
  readonly deleted: number
  /** Octets of the new messages. */
  readonly octets: number
  readonly seconds: number
  /** What went wrong with single messages, a line each, for a person. */
  readonly problems: readonly string[]
  /** The server says PIPELINING and loses answers, so commands went one by one in the end: to be remembered for the next time. */
  readonly oneByOne?: boolean
  /** The server offers SCRAM-SHA-256-PLUS, refused it, and took the password otherwise: to be remembered for the next time. */
  readonly withoutPlus?: boolean
  /** The server wants so much time between two log-ins (RFC 2449 §6.5), milliseconds; undefined: it does not say. */
  readonly leastWait?: number | undefined
  /** Why some of what waits does, for a person: the user may keep no more (see `Choice.fits`). It is one of the `problems`. */
  readonly noRoom?: string | undefined
  /** With `dryRun`: what would be done. */
  readonly plan?: readonly Planned[]
  /** By IMAP: mailboxes there that are not fetched. */
  readonly passedOver?: readonly string[]
  /** What ended the session early. What had come home until then is counted, and is safe. */
  readonly error: PostinoError | undefined
}
