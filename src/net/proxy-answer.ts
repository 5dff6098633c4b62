import { once } from 'node:events'
import type { Socket } from 'node:net'
import { PeerError } from '../errors.ts'

/** What a proxy answers before the connection through it stands; what comes behind it stays in the socket. */
export class ProxyAnswer {
  readonly #socket: Socket
  readonly #name: string

  /** `name`: what to call the proxy. */
  constructor(socket: Socket, name: string) {
    this.#socket = socket
    this.#name = name
  }

  /** So many octets. Rejects with PeerError `unreachable` where the proxy ends the connection. */
  exactly(count: number): Promise<Buffer> {
    return this.#take((held) => (held.length < count ? undefined : count))
  }

  /** Text up to and with `end`, of at most `limit` octets. */
  async through(end: string, limit: number): Promise<string> {
    const octets = await this.#take((held) => {
      const found = held.indexOf(end, 0, 'latin1')
      if (found !== -1 && found + end.length <= limit) return found + end.length
      if (held.length < limit) return undefined
      throw new PeerError('unreachable', `${this.#name} sent an answer of more than ${limit} octets; is it a proxy?`)
    })
    return octets.toString('latin1')
  }

  /** `size`: how many octets of those held are the answer; undefined: there must be more. */
  async #take(size: (held: Buffer) => number | undefined): Promise<Buffer> {
    let held: Buffer = Buffer.alloc(0)
    for (;;) {
      const octets = this.#socket.read() as Buffer | null
      if (octets === null) {
        await this.#more()
        continue
      }
      held = Buffer.concat([held, octets])
      const end = size(held)
      if (end === undefined) continue
      if (end < held.length) this.#socket.unshift(held.subarray(end))
      return held.subarray(0, end)
    }
  }

  async #more(): Promise<void> {
    const socket = this.#socket
    if (!socket.readableEnded && !socket.destroyed) {
      const stop = new AbortController()
      try {
        // Rejects where the socket fails.
        await Promise.race(['readable', 'end', 'close'].map((event) => once(socket, event, { signal: stop.signal })))
      } finally {
        stop.abort()
      }
    }
    if (socket.readableEnded || socket.destroyed)
      throw new PeerError('unreachable', `${this.#name} ended the connection before it had answered`)
  }
}
