import { count, durationText, octetsText, plural } from './amounts.ts'
import type { Notes } from './notes.ts'
import { columnsOf } from '../search/columns.ts'

/** How far some work is. */
export interface Amount {
  readonly messages: number
  readonly octets: number
  /** How much there is in all, where that is known. */
  readonly ofMessages?: number
  readonly ofOctets?: number
}

const none: Amount = { messages: 0, octets: 0 }
/** Between two drawings, milliseconds. */
const interval = 100
/** Over what time the rate is taken, milliseconds: long enough to be steady, short enough to be true. */
const span = 5000

/** The progress of one piece of work: a bar on a terminal, else a line at the start and one at the end. */
export class Progress {
  readonly #notes: Notes
  readonly #what: string
  readonly #started = performance.now()
  readonly #marks: { at: number; octets: number; messages: number }[] = []
  readonly #timer: NodeJS.Timeout | undefined
  #amount = none

  /** `what`: in the first words of a line, "fetching from 3 accounts". */
  constructor(notes: Notes, what: string) {
    this.#notes = notes
    this.#what = what
    if (notes.drawable) this.#timer = setInterval(() => this.#draw(), interval).unref()
    else notes.note(`${what} …`)
  }

  update(amount: Amount): void {
    this.#amount = amount
  }

  /** Takes the bar away; where there was none, says how it ended. */
  end(): void {
    clearInterval(this.#timer)
    const { messages, octets } = this.#amount
    const seconds = (performance.now() - this.#started) / 1000
    if (this.#timer !== undefined) this.#notes.bar('')
    else
      this.#notes.note(
        `${this.#what}: ${plural(messages, 'message')}, ${octetsText(octets)} in ${durationText(seconds)}`,
      )
  }

  #draw(): void {
    const now = performance.now()
    const { messages, octets } = this.#amount
    this.#marks.push({ at: now, octets, messages })
    while (this.#marks.length > 2 && now - (this.#marks[0]?.at ?? now) > span) this.#marks.shift()
    const first = this.#marks[0]
    const seconds = first === undefined ? 0 : (now - first.at) / 1000
    const rate = first === undefined || seconds < 0.5 ? undefined : (octets - first.octets) / seconds
    this.#notes.bar(barText(this.#what, this.#amount, rate, this.#notes.columns - 1))
  }
}

/** The bar, no wider than `columns`: where there is little room, the less important goes. `rate`: octets a second. */
export function barText(what: string, amount: Amount, rate: number | undefined, columns: number): string {
  const { messages, octets, ofMessages, ofOctets } = amount
  const counted =
    ofMessages === undefined ? plural(messages, 'message') : `${count(messages)} of ${plural(ofMessages, 'message')}`
  const sized = ofOctets === undefined ? octetsText(octets) : `${octetsText(octets)} of ${octetsText(ofOctets)}`
  const fast = rate === undefined ? [] : [`${octetsText(rate)}/s`]
  const left =
    rate !== undefined && rate > 0 && ofOctets !== undefined && ofOctets > octets
      ? [`${durationText((ofOctets - octets) / rate)} left`]
      : []
  const start = what.charAt(0).toUpperCase() + what.slice(1)
  const share = shareOf(amount)
  const bar = share === undefined ? [] : [drawn(share)]
  const forms = [
    [start, ...bar, counted, sized, ...fast, ...left],
    [...bar, counted, sized, ...fast, ...left],
    [...bar, counted, ...fast, ...left],
    [counted, ...left],
    [counted],
  ].map((parts) => parts.join('  '))
  return forms.find((form) => columnsOf(form) <= columns) ?? ''
}

/** How much is done, 0 to 1; undefined where nobody knows how much there is. */
function shareOf({ messages, octets, ofMessages, ofOctets }: Amount): number | undefined {
  if (ofOctets !== undefined && ofOctets > 0) return Math.min(1, octets / ofOctets)
  if (ofMessages !== undefined && ofMessages > 0) return Math.min(1, messages / ofMessages)
  return undefined
}

const barColumns = 20

function drawn(share: number): string {
  const full = Math.round(share * barColumns)
  return `[${'#'.repeat(full)}${'.'.repeat(barColumns - full)}]`
}
