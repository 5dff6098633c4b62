import type { SessionLog } from '../doors/serve-pop3.ts'
import type { Context } from './context.ts'
import type { Service } from './listen-address.ts'
import { singleLine } from './printable.ts'

/** How long lines are gathered, milliseconds: one write for many of them. */
const gathering = 100

/** What `serve` says on stderr: one line for each thing that happened, as text, or as JSON with `--json`. */
export class LogLines {
  readonly #context: Context
  #lines: string[] = []
  #timer: NodeJS.Timeout | undefined

  constructor(context: Context) {
    this.#context = context
  }

  /** Something for a person to know. */
  note(text: string): void {
    this.line('note', { text }, () => text)
  }

  line(kind: string, entry: object, text: () => string): void {
    const { json, quiet } = this.#context
    if (quiet) return
    const time = new Date().toISOString()
    this.#add(json ? JSON.stringify({ time, kind, ...entry }) : `${time} ${singleLine(text())}`)
  }

  /** What another process wrote on its stderr; where it was killed, the last line may be a part of one. */
  relay(line: string): void {
    if (this.#context.json && !(line.startsWith('{') && line.endsWith('}'))) this.note(line)
    else this.#add(line)
  }

  flush(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (this.#lines.length > 0) this.#context.notes.failure(this.#lines.join('\n'))
    this.#lines = []
  }

  #add(line: string): void {
    this.#lines.push(line)
    this.#timer ??= setTimeout(() => this.flush(), gathering)
  }
}

/** One session in one line: `pop3s user=mario device=phone from=192.0.2.7 tls=TLSv1.3 … end=quit`. */
export function sessionLine(service: Service, entry: SessionLog): string {
  const { size } = entry
  const fields: readonly (readonly [string, string | number | undefined])[] = [
    ['user', entry.user],
    ['device', entry.device],
    ['from', entry.address],
    ['tls', entry.tls],
    ['auth', entry.mechanism],
    ['failed', entry.failedLogIns === 0 ? undefined : entry.failedLogIns],
    ['size', size && `${size.messages}/${size.octets}`],
    ['retr', `${entry.retrieved}/${entry.retrievedOctets}`],
    ['top', entry.tops],
    ['dele', entry.removed],
    ['in', entry.octetsIn],
    ['out', entry.octetsOut],
    ['lang', entry.language],
    ['utf8', entry.utf8 === true ? 'yes' : undefined],
    ['ms', entry.milliseconds],
    ['end', entry.end.replaceAll(' ', '-')],
    ['problem', entry.problem],
  ]
  const words = fields.flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${quoted(String(value))}`]))
  return `${service} ${words.join(' ')}`
}

/** A value as it is, or in quotes where it could be taken for more than one. */
function quoted(value: string): string {
  return /^[^\s"=\\]+$/.test(value) ? value : JSON.stringify(value)
}
