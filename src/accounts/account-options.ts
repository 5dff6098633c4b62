/** What an account may be told beside where it is; whatever is left out is as usual. Kept as JSON in the directory. */
export interface AccountOptions {
  /** How to log in: with a password (usual), or with a token of OAuth 2.0. */
  readonly auth?: 'password' | 'oauth'
  /** With `oauth`: the name of a known issuer (`google`, `microsoft`), or of one in the configuration. */
  readonly issuer?: string
  /** What is otherwise than known or configured of that issuer. */
  readonly oauth?: OAuthOptions
  /** Mechanisms that are used only where they are asked for. */
  readonly allow?: readonly ('CRAM-MD5' | 'APOP')[]
  /** Where the password is: encrypted in the data folder (usual), in the keyring of the system, or what a command prints. */
  readonly secretFrom?: 'folder' | 'keyring' | { readonly command: string }
  /** Through which proxy: `socks5://[USER@]HOST:PORT` or `http://[USER@]HOST:PORT` (CONNECT). */
  readonly proxy?: string
  /** The only certificates of the server that are good: SHA-256 of the whole certificate, 64 hexadecimal digits each. */
  readonly pins?: readonly string[]
  /** A file (PEM) with a certificate that is trusted too. */
  readonly trust?: string
  /** Files (PEM) with the certificate and the key that we show. */
  readonly clientCertificate?: { readonly certificate: string; readonly key: string }
  /** How often `serve` fetches, milliseconds; 0: only when told to. */
  readonly every?: number
  /** Larger messages (octets, by the server's listing) are not fetched on their own. */
  readonly largest?: number
  /** What becomes of those: nothing (usual), or their header comes home. */
  readonly beyond?: 'skip' | 'header'
  /** What is fetched first: in the order of the server's listing (usual), the small, or the new. */
  readonly first?: 'listed' | 'small' | 'new'
  /** No more octets than this a day (UTC). */
  readonly perDay?: number
  /** The room that the provider gives, octets; what a share in `leave` is of. By IMAP the server tells it (RFC 9208). */
  readonly room?: number
  /** Where new mail goes; INBOX unless said. By IMAP: the mailbox that stands for INBOX. */
  readonly mailbox?: string
  /** By IMAP: only these mailboxes, and not those; `*` stands for any text. All but what is junk, trash and drafts unless said. */
  readonly only?: readonly string[]
  readonly except?: readonly string[]
  /** Mail for several people in one mailbox (a catch-all): who gets what. */
  readonly split?: SplitOptions
  /** Where what this account brings in goes as well. */
  readonly handOn?: readonly HandOnEntry[]
}

/** One place that mail goes on to. */
export interface HandOnEntry {
  /** See `parseHandOnTarget` and docs/hand-on.md. */
  readonly url: string
  /** Only what came home then or later (milliseconds since 1970); 0: all. */
  readonly since: number
}

/** What an account says of its issuer of tokens. */
export interface OAuthOptions {
  /** A URL. */
  readonly issuer?: string
  readonly clientId?: string
  readonly scopes?: readonly string[]
  /** For which server the tokens are to be (RFC 8707). */
  readonly resource?: string
}

/** Who gets what of a mailbox that holds mail for several people. */
export interface SplitOptions {
  /** Header fields that name the recipient, the first that names somebody known counts; Delivered-To, X-Original-To, Envelope-To … unless said. */
  readonly fields?: readonly string[]
  /** Stands before the local part in those fields, and is no part of the address (qmail's `mbox-`). */
  readonly prefix?: string
  /** Which user an address (`info@example.it`, or `@example.it` for all of a domain) belongs to. */
  readonly users: Readonly<Record<string, string>>
  /** The user who gets what is for nobody known. */
  readonly otherwise: string
}

/** What is remembered of an account from one fetch to the next; nothing that is of use to anybody else. */
export interface AccountState {
  /** Fetches that failed one after the other. */
  readonly failures?: number
  /** When the schedule will try again, milliseconds since 1970. */
  readonly next?: number
  /** How many messages could not be fetched, and wait to be tried again. */
  readonly quarantined?: number
  /** The server offers SCRAM-SHA-256-PLUS and refuses it. */
  readonly withoutPlus?: boolean
  /** The server says PIPELINING and loses answers: commands go one by one. */
  readonly oneByOne?: boolean
  /** Octets fetched on a day (UTC, days since 1970). */
  readonly day?: { readonly day: number; readonly octets: number }
  /** The clock at the last fetch: see `Witness`. */
  readonly clock?: ClockState
  /** By IMAP, how far each mailbox has been read. */
  readonly mailboxes?: Readonly<Record<string, MailboxState>>
  /** When the OAuth 2.0 log-in ends for good and somebody must log in again, milliseconds since 1970. */
  readonly consentEnds?: number
}

/** What a clock said, and whether it was put: see `witness`. */
export interface ClockState {
  /** Milliseconds since 1970. */
  readonly wall: number
  /** Milliseconds since the machine was started, and which start that was. */
  readonly uptime: number
  readonly boot: string
  /** Since when the clock has run as a clock should: milliseconds since 1970; undefined: always. */
  readonly steadySince?: number
}

/** How far a mailbox at an IMAP server has been read. */
export interface MailboxState {
  readonly uidValidity: number
  /** What names it for ever, where the server gives that (RFC 8474 §4). */
  readonly id?: string
  /** Text: it may have 63 bits (RFC 7162 §3.1). */
  readonly highestModseq?: string
  /** Everything below is at home. */
  readonly uidNext?: number
  /** How many messages there were, and how many of them unseen; and when that was last looked at closely (milliseconds since 1970). */
  readonly messages?: number
  readonly unseen?: number
  readonly looked?: number
  /** Where the server has no mod-sequences: the flags that it last showed, with the UIDs that have them. */
  readonly flags?: Readonly<Record<string, string>>
  /** The last change of the mail at home that this knows of: mail that is older was put back, and is to be looked through anew. */
  readonly home?: number
}
