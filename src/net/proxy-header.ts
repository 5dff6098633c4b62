import type { Socket } from 'node:net'
import type { Session } from './crowd.ts'
import { readProxyLine } from './proxy-line.ts'

/** A proxy sends its header at once (milliseconds). */
const patience = 5_000

/** The first moments of a connection that comes by a proxy: until its header is read, or it is given up. */
export class ProxyHeader implements Session {
  readonly #socket: Socket
  readonly #own: string
  readonly #done = Promise.withResolvers<void>()
  #octets = new Uint8Array(0)
  readonly deadline: number = performance.now() + patience
  readonly loggedIn = false
  readonly over: Promise<void> = this.#done.promise
  /** Whose connection it is, once that is known. */
  from: string | undefined

  /** `address`: the proxy's own. */
  constructor(socket: Socket, address: string) {
    this.#socket = socket
    this.#own = address
    socket.on('error', () => undefined)
    socket.on('close', this.#gone)
    socket.on('end', this.#gone)
    socket.on('data', this.#onData)
  }

  giveUp(): void {
    this.#socket.destroy()
    this.#leave()
  }

  closeSoon(): void {
    this.giveUp()
  }

  readonly #gone = (): void => this.giveUp()

  readonly #onData = (octets: Uint8Array): void => {
    this.#octets = this.#octets.length === 0 ? octets.slice() : Buffer.concat([this.#octets, octets])
    const line = readProxyLine(this.#octets)
    if (line === 'more') return
    if (line === 'wrong') return this.giveUp()
    this.from = line.address ?? this.#own
    this.#leave()
    // What follows belongs to the client: the next who reads gets it.
    this.#socket.pause()
    if (line.octets < this.#octets.length) this.#socket.unshift(this.#octets.subarray(line.octets))
  }

  #leave(): void {
    this.#socket.off('close', this.#gone).off('end', this.#gone).off('data', this.#onData)
    this.#done.resolve()
  }
}
