import { DotWriter } from '../wire/dot-writer.ts'
import type { FindDotLine } from '../wire/find-dot-line.ts'
import type { Gather } from '../wire/gather.ts'
import { form, type Maildrop } from './maildrop.ts'
import type { Replies } from './replies.ts'
import { TopCutter } from './top.ts'

/** The reply to RETR or TOP, while the message comes in pieces. */
export class MessageReply {
  readonly #out: Gather
  readonly #replies: Replies
  readonly #dots: DotWriter
  #octets = 0
  #top: TopCutter | undefined
  /** Whether its +OK is out. */
  begun = false

  constructor(out: Gather, replies: Replies, find: FindDotLine | undefined) {
    this.#out = out
    this.#replies = replies
    this.#dots = new DotWriter(find)
  }

  /** Makes ready for a message; `lines`: of TOP. */
  prepare(maildrop: Maildrop, number: number, lines: number | undefined): void {
    const kept = maildrop.formOf(number)
    const ends = kept & form.lf ? 'lf' : 'crlf'
    // What is given in place of an internationalized message (RFC 6858) is not what was looked at.
    this.#dots.begin(this.#out, ends, (kept & (form.noDots | form.international)) === form.noDots)
    this.#octets = maildrop.octetsOf(number)
    this.#top = lines === undefined ? undefined : new TopCutter(lines, ends)
    this.begun = false
  }

  /** Adds octets of the message. False: no more are wanted. */
  write(octets: Uint8Array): boolean {
    if (!this.begun) this.#begin()
    const top = this.#top
    if (top === undefined) this.#dots.write(octets)
    else if (!top.enough) this.#dots.write(top.cut(octets))
    return top?.enough !== true
  }

  /** That was the whole message. */
  end(): void {
    if (!this.begun) this.#begin()
    this.#dots.end()
  }

  #begin(): void {
    this.begun = true
    const { language } = this.#replies
    this.#replies.ok(this.#top === undefined ? language.octets(this.#octets) : language.topFollows)
  }
}
