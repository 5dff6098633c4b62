import { connect, type Socket } from 'node:net'

/** A POP3 client as plain as can be: one command, one answer. It shares no code with Postino. */
export class PlainPop3 {
  readonly #socket: Socket
  #input = ''
  #ended = false
  #wake: (() => void) | undefined

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.setEncoding('latin1')
    socket.on('data', (text: string) => {
      this.#input += text
      this.#wake?.()
    })
    const end = (): void => {
      this.#ended = true
      this.#wake?.()
    }
    socket.on('error', end).on('close', end)
  }

  static async open(port: number): Promise<PlainPop3> {
    const client = new PlainPop3(connect(port, '127.0.0.1'))
    await client.#until('\r\n')
    return client
  }

  /** Asks for a +OK line; rejects when the server says no, or goes away. */
  async ask(command: string): Promise<string> {
    this.#socket.write(`${command}\r\n`)
    const line = await this.#until('\r\n')
    if (!line.startsWith('+OK')) throw new Error(`${command}: ${line}`)
    return line
  }

  /** Asks for +OK and the lines up to the dot. */
  async askLines(command: string): Promise<string[]> {
    await this.ask(command)
    if (this.#input.startsWith('.\r\n')) return [(this.#input = this.#input.slice(3))].slice(1)
    const text = await this.#until('\r\n.\r\n')
    return text.slice(0, -5).split('\r\n')
  }

  drop(): void {
    this.#socket.destroy()
  }

  async #until(end: string): Promise<string> {
    for (;;) {
      const at = this.#input.indexOf(end)
      if (at !== -1) {
        const text = this.#input.slice(0, at + end.length)
        this.#input = this.#input.slice(at + end.length)
        return text
      }
      if (this.#ended) throw new Error('the server went away')
      await new Promise<void>((resolve) => (this.#wake = resolve))
    }
  }
}
