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
/** Between two lines where there is no bar, milliseconds: short work needs none, long work is not to look dead. */
const lineInterval = 30_000
/** Over what time the rate is taken, milliseconds: long enough to be steady, short enough to be true. */
const span = 5000

/** The progress of one piece of work: a bar on a terminal, else a line at the start and one now and then. The command says how it ended. */
export class Progress {
  readonly #notes: Notes
  #what: string
  readonly #marks: { at: number; octets: number; messages: number }[] = []
  readonly #timer: NodeJS.Timeout
  #amount = none

  /** `what`: in the first words of a line, "fetching from 3 accounts". */
  constructor(notes: Notes, what: string) {
    this.#notes = notes
    this.#what = what
    if (notes.drawable) this.#timer = setInterval(() => this.#draw(), interval).unref()
    else {
      notes.note(`${what} …`)
      this.#timer = setInterval(
        () => notes.note(`${this.#what}: ${soFar(this.#amount).join(', ')} so far`),
        lineInterval,
      ).unref()
    }
  }

  update(amount: Amount): void {
    this.#amount = amount
  }

  /** From now on it is about this. */
  about(what: string): void {
    this.#what = what
  }

  /** Takes the bar away. */
  end(): void {
    clearInterval(this.#timer)
    this.#notes.bar('')
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

/**
 * The bar, no wider than `columns`: where there is little room, the less important goes. What it shows does not change while
 * its amounts do, so each is given the room that it will need. `rate`: octets a second.
 */
export function barText(what: string, amount: Amount, rate: number | undefined, columns: number): string {
  const { octets, ofOctets, ofMessages } = amount
  const left = rate !== undefined && rate > 0 && ofOctets !== undefined && ofOctets > octets
  const now = formsOf(what, amount, {
    fast: rate === undefined ? '' : `${octetsText(rate)}/s`,
    left: left ? `${durationText((ofOctets - octets) / rate)} left` : '',
  })
  const widest = formsOf(
    what,
    { ...amount, messages: Math.max(amount.messages, ofMessages ?? 0), octets: widestOctets },
    { fast: `${octetsText(widestOctets)}/s`, left: ofOctets === undefined ? '' : `${durationText(3599)} left` },
  )
  const form = now.find((text, place) => columnsOf(text) <= columns && columnsOf(widest[place] ?? text) <= columns)
  return form ?? now.find((text) => columnsOf(text) <= columns) ?? ''
}

/** An amount whose text is as long as any: `88.8 MB`. */
const widestOctets = 88_800_000

/** The bar in all its forms, from the longest to the shortest. */
function formsOf(what: string, amount: Amount, { fast, left }: { fast: string; left: string }): string[] {
  const [counted, sized] = soFar(amount)
  const briefly = counted.replace(/ messages?$/, '')
  const start = what.charAt(0).toUpperCase() + what.slice(1)
  const share = shareOf(amount)
  const [bar, shortBar] = share === undefined ? ['', ''] : [drawn(share, 20), drawn(share, 10)]
  return [
    [start, bar, counted, sized, fast, left],
    [bar, counted, sized, fast, left],
    [shortBar, briefly, sized, fast, left],
    [bar, counted, fast, left],
    [counted, left],
    [counted],
    [briefly],
  ].map((parts) => parts.filter((part) => part !== '').join('  '))
}

/** How many messages, and how many octets. */
function soFar({ messages, octets, ofMessages, ofOctets }: Amount): [string, string] {
  return [
    ofMessages === undefined ? plural(messages, 'message') : `${count(messages)} of ${plural(ofMessages, 'message')}`,
    ofOctets === undefined ? octetsText(octets) : `${octetsText(octets)} of ${octetsText(ofOctets)}`,
  ]
}

/** How much is done, 0 to 1; undefined where nobody knows how much there is. */
function shareOf({ messages, octets, ofMessages, ofOctets }: Amount): number | undefined {
  if (ofOctets !== undefined && ofOctets > 0) return Math.min(1, octets / ofOctets)
  if (ofMessages !== undefined && ofMessages > 0) return Math.min(1, messages / ofMessages)
  return undefined
}

function drawn(share: number, columns: number): string {
  const full = Math.round(share * columns)
  return `[${'#'.repeat(full)}${'.'.repeat(columns - full)}]`
}
