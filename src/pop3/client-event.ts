import type { PeerError } from '../errors.ts'
import type { Reason } from '../reasons.ts'
import type { Capabilities } from './capabilities.ts'
import type { Command } from './command.ts'
import {
  type LanguageEntry,
  type MaildropSize,
  readLanguage,
  readSize,
  readUniqueId,
  type SizeEntry,
  type UniqueIdEntry,
} from './listing.ts'

/** The status line that answers a command, without its +OK or -ERR. */
export interface Reply {
  readonly kind: 'reply'
  readonly command: Command
  readonly ok: boolean
  /** The words behind +OK or -ERR, its response code among them. */
  readonly text: string
  /** Why the server said no; undefined when it said yes. */
  readonly reason: Reason | undefined
}

/** What a client engine says. For each command: one `reply`, then what it holds, then one `end`, also when it was refused. */
export type ClientEvent =
  /** Write these octets to the server. */
  | { readonly kind: 'send'; readonly octets: Uint8Array }
  /** The server's first line. `timestamp` is there if APOP is (RFC 1939 §7). Not ok: it takes no session now. */
  | {
      readonly kind: 'greeting'
      readonly ok: boolean
      readonly text: string
      readonly reason: Reason | undefined
      readonly timestamp: string | undefined
    }
  | Reply
  /** Octets of the message that RETR or TOP asked for, or of a raw UIDL, dots undone; views of what was received. */
  | { readonly kind: 'octets'; readonly command: Command; readonly octets: Uint8Array }
  /** Lines of a LIST; a long listing comes in several. `bad`: lines that are no scan listing. */
  | { readonly kind: 'sizes'; readonly command: Command; readonly sizes: SizeEntry[]; readonly bad: string[] }
  /** Lines of a UIDL; a long listing comes in several. `bad`: lines that are no unique-id listing. */
  | {
      readonly kind: 'unique-ids'
      readonly command: Command
      readonly uniqueIds: UniqueIdEntry[]
      readonly bad: string[]
    }
  /** Lines of a LANG. `bad`: lines that are no language listing. */
  | {
      readonly kind: 'languages'
      readonly command: Command
      readonly languages: LanguageEntry[]
      readonly bad: string[]
    }
  | { readonly kind: 'maildrop'; readonly command: Command; readonly size: MaildropSize }
  | { readonly kind: 'capabilities'; readonly command: Command; readonly capabilities: Capabilities }
  /** The command is done, whatever became of it. */
  | { readonly kind: 'end'; readonly command: Command }
  /** Begin the TLS handshake now, then call `secured`. It comes after the `end` of a STLS that the server agreed to. */
  | { readonly kind: 'handshake' }
  /** The other side broke the protocol or went away: hang up. Nothing follows. */
  | { readonly kind: 'broken'; readonly error: PeerError }

/** The event of these lines of a listing. */
export function entries(command: Command, lines: readonly string[]): ClientEvent {
  const bad: string[] = []
  const read = <Entry>(reader: (line: string) => Entry | undefined): Entry[] => {
    const found: Entry[] = []
    for (const line of lines) {
      const entry = reader(line)
      if (entry === undefined) bad.push(line)
      else found.push(entry)
    }
    return found
  }
  if (command.verb === 'LIST') return { kind: 'sizes', command, sizes: read(readSize), bad }
  if (command.verb === 'LANG') return { kind: 'languages', command, languages: read(readLanguage), bad }
  return { kind: 'unique-ids', command, uniqueIds: read(readUniqueId), bad }
}
