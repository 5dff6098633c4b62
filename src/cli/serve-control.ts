import { chmodSync, mkdirSync, rmSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import { dirname } from 'node:path'
import { createInterface } from 'node:readline'
import { type ControlLine, controlPath, type ControlRequest } from './control-words.ts'
import { describeFailure } from './failure.ts'

/** A request is a line of no more characters. */
const longest = 1 << 20
/** How long one may take, milliseconds. */
const patience = 30_000
/** Who reads so slowly that more octets wait is not told of every step. */
const enough = 1 << 16

/** Takes requests of other commands on the same data folder while `serve` runs. The lock of `serve` must be held. */
export class ControlListener {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  #path: string | undefined

  /** `answer`: does what is asked, says how it goes. */
  constructor(answer: (request: ControlRequest, say: (line: ControlLine) => void) => Promise<void>) {
    this.#server = createServer((socket) => {
      this.#sockets.add(socket)
      socket.on('close', () => this.#sockets.delete(socket)).on('error', () => socket.destroy())
      // Whoever asked may go away: what was asked for is done all the same.
      const say = (line: ControlLine): void => {
        if (socket.writable && (line.progress === undefined || socket.writableLength < enough))
          socket.write(`${JSON.stringify(line)}\n`)
      }
      socket.setTimeout(patience, () => socket.destroy())
      let length = 0
      socket.on('data', (octets) => (length += octets.length) > longest && socket.destroy())
      createInterface({ input: socket }).once('line', (text) => {
        const request = parsed(text)
        if (request === undefined) return void socket.destroy()
        socket.setTimeout(0)
        answer(request, say).then(
          () => {
            say({ done: true })
            socket.end()
          },
          () => socket.destroy(),
        )
      })
    })
  }

  /** Begins; gives why it cannot, for a person: other commands then work beside this process. */
  async listen(data: string): Promise<string | undefined> {
    try {
      const path = controlPath(data)
      if (process.platform !== 'win32') {
        mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
        // One that is left over from a process that was killed; the lock says that there is no other.
        rmSync(path, { force: true })
      }
      this.#path = path
      await new Promise<void>((resolve, reject) => this.#server.once('error', reject).listen(path, resolve))
      this.#server.on('error', () => undefined)
      if (process.platform !== 'win32') chmodSync(path, 0o600)
      return undefined
    } catch (error) {
      return describeFailure(error)
    }
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroySoon()
    if (!this.#server.listening) return
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve())
      setTimeout(() => this.#sockets.forEach((socket) => socket.destroy()), 500).unref()
    })
    if (this.#path !== undefined && process.platform !== 'win32') rmSync(this.#path, { force: true })
  }
}

function parsed(text: string): ControlRequest | undefined {
  try {
    const request = JSON.parse(text) as {
      fetch?: Partial<Record<keyof ControlRequest['fetch'], unknown>> | null
    } | null
    const { accounts, dryRun, only } = request?.fetch ?? {}
    const whole = areTexts(accounts) && typeof dryRun === 'boolean' && (only === undefined || areTexts(only))
    return whole ? { fetch: { accounts, dryRun, ...(only !== undefined && { only }) } } : undefined
  } catch {
    return undefined
  }
}

function areTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((one) => typeof one === 'string')
}
