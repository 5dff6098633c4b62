import type { Socket } from 'node:net'
import { PeerError } from '../../errors.ts'
import { spelt, type Destination } from '../../net/connect.ts'
import { LineReader } from '../../wire/line-reader.ts'
import type { Endpoint, Protocol } from '../provider.ts'

/** The longest line of a greeting that is read, octets. */
const longestLine = 8192
/** So many lines are read until the answer to STARTTLS is there. */
const mostLines = 32

/** What each protocol says. */
const words = {
  pop3: { hello: /^\+OK\b/i, startTls: 'STLS', started: /^\+OK\b/i, other: undefined, quit: 'QUIT' },
  // RFC 3501 §7.1: other untagged lines may stand before the answer.
  imap: {
    hello: /^\* (?:OK|PREAUTH)\b/i,
    startTls: 'a STARTTLS',
    started: /^a OK\b/i,
    other: /^\* /,
    quit: 'b LOGOUT',
  },
} as const

/**
 * Waits for the server's hello on a connection that stands, with TLS where that begins at once, and takes leave. The socket is at its end
 * afterwards, however it went. `secured`: makes a TLS connection out of one in the clear.
 */
export async function sayHello(
  socket: Socket,
  { host, port, tls }: Endpoint,
  protocol: Protocol,
  secured: (socket: Socket) => Promise<Socket>,
): Promise<void> {
  const to = { host, port }
  const { hello, startTls, started, other, quit } = words[protocol]
  let open = socket
  // An error while nobody reads is told by the next read, or not at all.
  const ignore = (): void => undefined
  open.on('error', ignore)
  try {
    const lines = new Lines(open, to)
    expect(await lines.next(), hello, to, 'its greeting')
    if (tls === 'starttls') {
      open.write(`${startTls}\r\n`)
      let line = await lines.next()
      for (let count = 1; other?.test(line) === true && count < mostLines; count++) line = await lines.next()
      expect(line, started, to, `its answer to ${startTls}`)
      lines.end()
      open = (await secured(open)).on('error', ignore)
    }
    open.write(`${quit}\r\n`)
  } finally {
    open.destroySoon()
  }
}

function expect(line: string, form: RegExp, to: Destination, what: string): void {
  if (!form.test(line)) throw new PeerError('protocol', `${spelt(to)}: ${what} is not what it should be`)
}

/** Lines of a socket, one after the other. */
class Lines {
  readonly #socket: Socket
  readonly #to: Destination
  readonly #reader = new LineReader(longestLine)
  #rest: Uint8Array = new Uint8Array()

  constructor(socket: Socket, to: Destination) {
    this.#socket = socket
    this.#to = to
  }

  async next(): Promise<string> {
    for (;;) {
      const end = this.#reader.read(this.#rest)
      if (this.#reader.tooLong) throw new PeerError('line-too-long', `${spelt(this.#to)}: its line has no end`)
      this.#rest = end === -1 ? new Uint8Array() : this.#rest.subarray(end)
      if (end !== -1) return this.#reader.line
      this.#rest = await received(this.#socket, this.#to)
    }
  }

  /** RFC 2595 §2.2, RFC 3501 §6.2.1: nothing may come in the clear after the answer; whoever put it there was not the server. */
  end(): void {
    if (this.#rest.length > 0)
      throw new PeerError('protocol', `${spelt(this.#to)}: it sent more than its answer before TLS`)
  }
}

/** The next octets; rejects with PeerError where the connection ends. */
function received(socket: Socket, to: Destination): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const settle = (act: () => void): void => {
      socket.off('data', take).off('error', fail).off('close', fail).pause()
      act()
    }
    const take = (octets: Uint8Array): void => settle(() => resolve(octets))
    const fail = (error?: unknown): void =>
      settle(() =>
        reject(
          error instanceof PeerError
            ? error
            : new PeerError('connection-lost', `${spelt(to)}: the connection was broken off`),
        ),
      )
    socket.on('data', take).on('error', fail).on('close', fail).resume()
  })
}
