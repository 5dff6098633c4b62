import type { WriteStream } from 'node:tty'
import { wrapWords } from './printable.ts'

/** Of the lines that go on from another, columns. */
const indent = 2

/** Standard error: notes for a person, and under them, on a terminal, one line that is drawn again and again. */
export class Notes {
  readonly #stream: NodeJS.WriteStream | WriteStream
  readonly #quiet: boolean
  #bar = ''

  constructor(stream: NodeJS.WriteStream, quiet: boolean) {
    this.#stream = stream
    this.#quiet = quiet
    stream.on('error', () => undefined) // nobody reads the notes: nobody misses them
  }

  /** Whether a bar may be drawn. */
  get drawable(): boolean {
    return this.#stream.isTTY && !this.#quiet && process.env['TERM'] !== 'dumb'
  }

  get columns(): number {
    return this.#stream.columns || 80
  }

  /** Something a person may like to know; not with `--quiet`. */
  note(text: string): void {
    if (!this.#quiet) this.failure(text)
  }

  /** Something a person must know. */
  failure(text: string): void {
    const bar = this.#bar
    this.bar('')
    const lines = this.#stream.isTTY
      ? text.split('\n').flatMap((line) => wrapWords(line, this.columns, indent))
      : [text]
    this.#stream.write(`${lines.join('\n')}\n`)
    this.bar(bar)
  }

  /** A question, whose answer follows on the same line. */
  ask(text: string): void {
    this.#stream.write(text)
  }

  /** Draws the bar anew; empty: takes it away. */
  bar(text: string): void {
    if (!this.drawable || (text === '' && this.#bar === '')) return
    this.#bar = text
    this.#stream.write(`\r${text}\u001b[K`) // erases the rest of the line
  }
}
