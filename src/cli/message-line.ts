import { columnsOf } from '../search/columns.ts'
import { dateText } from './amounts.ts'
import { fit, singleLine } from './printable.ts'

/** What one line says of a message. */
export interface MessageLine {
  readonly id: number
  /** Milliseconds since 1970. */
  readonly date: number
  /** `Mario Rossi <mario@example.it>` */
  readonly from: string
  readonly subject: string
}

/**
 * The id, the date, from and subject: fitted to so many columns of a terminal, else (undefined) parted by tabs. `stairs`: spaces before
 * the subject on a terminal.
 */
export function messageLine(
  { id, date, from, subject }: MessageLine,
  columns: number | undefined,
  stairs = '',
): string {
  const when = dateText(date)
  const who = singleLine(from)
  const what = singleLine(subject)
  if (columns === undefined) return [id, when, who, what].join('\t')
  const sender = Math.max(12, Math.min(28, Math.floor(columns / 4)))
  const start = `${String(id).padStart(6)}  ${when}  ${fit(nameOf(who), sender)}  `
  return `${start}${fit(stairs + what, Math.max(8, columns - columnsOf(start) - 1)).trimEnd()}`
}

/** Of `Mario Rossi <mario@example.it>`, the name. */
function nameOf(from: string): string {
  return from.replace(/\s*<[^<>]*>/g, '') || from
}
