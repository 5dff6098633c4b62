import { createHash } from 'node:crypto'

/** One message in the maildrop, as it goes over the wire: `octets` ends with CRLF or is given one there. */
export interface RemoteMessage {
  readonly uniqueId: string
  readonly octets: Buffer
}

/** How the server misbehaves; an empty one does not. Message-numbers count from 1; `CONNECT` is where the greeting is due. */
export interface Hostility {
  /** Drops the connection after so many octets of the reply to `RETR number`; `reset`: with a TCP reset. */
  readonly drop?: { readonly number: number; readonly after: number; readonly reset?: boolean }
  /** Ends the connection at this command, unanswered. */
  readonly close?: string
  /** Says nothing more at this command (`RETR-MIDDLE`: in the middle of a message). */
  readonly hang?: string
  /**
   * Sends the answer to this command octet by octet, one each so many milliseconds, and the greeting or a listing without end; with
   * `lines`, a listing by whole lines.
   */
  readonly drip?: { readonly at: string; readonly every: number; readonly lines?: boolean }
  /** Answers this command without end, or up to a gigabyte: with one line, with lines behind +OK, or with one line behind it. */
  readonly endless?: { readonly at: string; readonly what: 'status' | 'lines' | 'line' }
  /** The size that LIST gives for a message. */
  readonly listedSize?: (number: number, real: number) => number
  /** The unique-id that UIDL gives for a message; undefined: it leaves it out. */
  readonly uniqueId?: (number: number, own: string) => string | undefined
  /** Commands that it does not know. */
  readonly unknown?: readonly string[]
  /** Answers -ERR to `RETR number`, so many times. */
  readonly refuse?: { readonly number: number; times: number; readonly reply?: string }
  /** What it answers instead to a command, without doing it. */
  readonly instead?: Readonly<Record<string, string>>
  /** What it says before its answer to a command. */
  readonly before?: Readonly<Record<string, string>>
  /** Sends the last octets of each message one by one, each in its own packet. */
  readonly splitTerminator?: boolean
  /** Sends everything in pieces of so many octets. */
  readonly pieces?: number
  /** Does not stuff dots. */
  readonly unstuffed?: boolean
  /** Sends this message without the CRLF before the final ".". */
  readonly unended?: number
  /** Answers this command (of its verb, counted from 1 in each session) not at all, or twice, if other commands wait behind it. */
  readonly lose?: { readonly verb: string; readonly nth: number }
  readonly twice?: { readonly verb: string; readonly nth: number }
  /** Takes one command from what comes together, and forgets the rest. */
  readonly forgetful?: boolean
  readonly greeting?: string
  readonly capabilities?: readonly string[]
  /** TLS by STLS, or `implicit`: key and certificate; `injected` is sent in clear together with the +OK to STLS. */
  readonly tls?: {
    readonly key: string
    readonly cert: string
    readonly injected?: string
    readonly implicit?: boolean
  }
  /** Waits so long (milliseconds) before each reply. */
  readonly slowness?: number
  /** Tells what happens as it happens. */
  readonly onStep?: (step: Step) => void
}

/** One thing that happened at the server, in the order of time. */
export interface Step {
  readonly session: number
  readonly what: 'connect' | 'command' | 'sent' | 'committed' | 'closed'
  /** The command's words, or for `sent` and `committed` the message's unique-id. */
  readonly text: string
  /** Of the octets of the message that `sent`, `committed` or a DELE command is about. */
  readonly hash?: string
}

const hashes = new WeakMap<Uint8Array, string>()

export function hashOf(octets: Uint8Array): string {
  let hash = hashes.get(octets)
  if (hash === undefined) hashes.set(octets, (hash = createHash('sha256').update(octets).digest('hex')))
  return hash
}
