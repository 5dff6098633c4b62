import type { SessionLog } from '../doors/serve-pop3.ts'
import { durationText, octetsText, plural } from './amounts.ts'
import type { Context } from './context.ts'
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
    this.#lines.push(json ? JSON.stringify({ time, kind, ...entry }) : `${time} ${singleLine(text())}`)
    this.#timer ??= setTimeout(() => this.flush(), gathering)
  }

  flush(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (this.#lines.length > 0) this.#context.notes.note(this.#lines.join('\n'))
    this.#lines = []
  }
}

/** One session in one line. */
export function sessionLine(entry: SessionLog): string {
  const { user, address, tls, retrieved, retrievedOctets, tops, removed, milliseconds, end, problem } = entry
  const did = [
    retrieved > 0 && `${plural(retrieved, 'message')} sent (${octetsText(retrievedOctets)})`,
    tops > 0 && `${plural(tops, 'top')} sent`,
    removed > 0 && `${plural(removed, 'message')} deleted`,
    durationText(milliseconds / 1000),
    end,
    problem,
  ].filter((part) => typeof part === 'string')
  return `pop3 ${user ?? '(nobody)'} from ${address} ${tls ?? 'in the clear'}: ${did.join(', ')}`
}
