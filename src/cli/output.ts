import type { Writable } from 'node:stream'
import type { WriteStream } from 'node:tty'
import { wrapWords } from './printable.ts'

/** How much is gathered before it is written, characters. */
const enough = 32 << 10

type Terminal = Writable & Partial<Pick<WriteStream, 'isTTY' | 'columns'>>

/** Standard output. When the reader has gone away (`postino list | head`), what follows is dropped, quietly. */
export class Output {
  readonly #stream: Terminal
  readonly #before: () => void
  #gathered = ''
  #gone = false
  #failure: Error | undefined

  /** `before` is called before each write: what is drawn on the same terminal must go. */
  constructor(stream: Terminal, before: () => void = () => undefined) {
    this.#stream = stream
    this.#before = before
    stream.on('error', (error: NodeJS.ErrnoException) => {
      this.#gone = true
      if (error.code !== 'EPIPE') this.#failure = error
    })
  }

  /** Whether nobody reads any more; a long command then stops. */
  get gone(): boolean {
    return this.#gone
  }

  /** How wide the terminal is; undefined where the output is none. */
  get columns(): number | undefined {
    return this.#stream.isTTY === true ? this.#stream.columns || 80 : undefined
  }

  /** Writes a line. Where it returns a promise, wait for it before the next. */
  line(text: string): Promise<void> | undefined {
    this.#gathered += `${text}\n`
    return this.#gathered.length < enough ? undefined : this.flush()
  }

  /** A line for a person to read; on a terminal that is too narrow for it, several, of which those after the first are indented. */
  words(text: string, indent = 2): Promise<void> | undefined {
    return this.line(wrapWords(text, this.columns, indent).join('\n'))
  }

  json(value: unknown): Promise<void> | undefined {
    return this.line(JSON.stringify(value))
  }

  /** Writes octets as they are. */
  async octets(chunk: Uint8Array): Promise<void> {
    await this.flush()
    await this.#write(chunk)
  }

  /** Writes what was gathered. Throws what went wrong with the stream, such as a full disk. */
  async flush(): Promise<void> {
    const text = this.#gathered
    this.#gathered = ''
    if (text !== '') await this.#write(text)
    if (this.#failure !== undefined) {
      const failure = this.#failure
      this.#failure = undefined
      throw failure
    }
  }

  #write(chunk: string | Uint8Array): Promise<void> {
    if (this.#gone) return Promise.resolve()
    this.#before()
    return new Promise((resolve) => {
      // The error itself goes to the listener above, a tick later.
      this.#stream.write(chunk, (error) => (error ? setImmediate(resolve) : resolve()))
    })
  }
}
