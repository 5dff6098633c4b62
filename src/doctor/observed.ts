import { quoted, type Reply } from './reply.ts'

/** What every reply of an examination, on whatever connection, has shown of the server. */
export class Observed {
  replies = 0
  /** Replies that ended in a bare LF, were too long, and so on: each with an example. */
  readonly bareLf: string[] = []
  readonly tooLong: string[] = []
  readonly oddStatus: string[] = []
  readonly notAscii: string[] = []
  readonly oddCodes: string[] = []
  readonly codesOnOk: string[] = []
  readonly codes: Set<string> = new Set<string>()

  /** Looks at a reply. `asked`: the verb it answers. `unicode`: UTF8 or LANG was asked for on this connection. */
  note(reply: Reply, asked: string, ending: 'crlf' | 'lf', unicode: boolean): void {
    const example = `${asked}: ${quoted(reply.line)}`
    this.replies++
    if (ending === 'lf') this.bareLf.push(example)
    // RFC 5034 §4: a challenge may be of any length.
    if (reply.status !== '+' && reply.line.length > 510)
      this.tooLong.push(`${asked}: ${reply.line.length + 2} octets, beginning ${quoted(reply.line.slice(0, 40))}`)
    if (reply.status === 'other' || !reply.line.startsWith(reply.status)) this.oddStatus.push(example)
    if (!unicode && /[^\t -~]/.test(reply.line)) this.notAscii.push(example)
    if (reply.status === '+' || !reply.text.startsWith('[')) return
    // RFC 2449 §3: resp-code = "[" resp-level *("/" resp-level) "]"
    if (/^\[[!-.0-\\^-~]+(\/[!-.0-\\^-~]+)*\]/.test(reply.text)) {
      this.codes.add(reply.code ?? '')
      if (reply.status === '+OK') this.codesOnOk.push(example)
    } else this.oddCodes.push(example)
  }
}
