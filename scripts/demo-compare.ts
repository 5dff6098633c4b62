import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

export interface Compared {
  readonly messages: number
  readonly octets: number
  /** What is not as it should be, for a person; empty where every message is equal, octet for octet. */
  readonly faults: readonly string[]
}

/** Where a maildrop is, and how to log in. */
export interface MaildropAddress {
  readonly port: number
  readonly user: string
  readonly password: string
}

/**
 * Reads every message of a maildrop by POP3 and compares it with what it should be. It shares no code with Postino on purpose:
 * a fault that server and client have in common would not be seen.
 */
export async function compareMaildrop(at: MaildropAddress, expected: Iterable<Uint8Array>): Promise<Compared> {
  const socket = connect(at.port, '127.0.0.1')
  const connection = new Connection(socket)
  try {
    await connection.greeting()
    await connection.ask(`USER ${at.user}`)
    await connection.ask(`PASS ${at.password}`)
    const there = Number((await connection.ask('STAT')).split(' ')[1])
    const faults: string[] = []
    let [messages, octets] = [0, 0]
    for (const message of expected) {
      messages++
      if (messages > there) continue
      const found = await connection.message(messages)
      octets += found.length
      if (!found.equals(message))
        faults.push(`message ${messages} differs (${found.length} octets, ${message.length} sent)`)
    }
    if (there !== messages) faults.push(`there are ${there} messages, and should be ${messages}`)
    await connection.ask('QUIT')
    return { messages: there, octets, faults }
  } finally {
    socket.destroy()
  }
}

/** One command at a time: then the end of what has arrived is the end of the reply. */
class Connection {
  readonly #socket: Socket
  readonly #chunks: AsyncIterator<Buffer>

  constructor(socket: Socket) {
    this.#socket = socket
    this.#chunks = socket[Symbol.asyncIterator]() as AsyncIterator<Buffer>
  }

  async greeting(): Promise<void> {
    await once(this.#socket, 'connect')
    await this.#reply('the greeting', '\r\n')
  }

  /** The status line. */
  async ask(command: string): Promise<string> {
    this.#socket.write(`${command}\r\n`)
    return (await this.#reply(command, '\r\n')).toString('latin1').trimEnd()
  }

  async message(number: number): Promise<Buffer> {
    this.#socket.write(`RETR ${number}\r\n`)
    const reply = (await this.#reply(`RETR ${number}`, '\r\n.\r\n')).toString('latin1')
    // RFC 1939 §3: from a line that begins with the termination octet, that octet is taken off.
    const lines = reply.slice(reply.indexOf('\r\n'), -'.\r\n'.length)
    return Buffer.from(lines.replaceAll('\r\n.', '\r\n').slice(2), 'latin1')
  }

  async #reply(to: string, end: string): Promise<Buffer> {
    const chunks: Buffer[] = []
    let tail = ''
    do {
      const { value, done } = await this.#chunks.next()
      if (done === true)
        throw new Error(`the server closed the connection in reply to ${to.replace(/^PASS .*/, 'PASS')}`)
      chunks.push(value)
      tail = (tail + value.subarray(-end.length).toString('latin1')).slice(-end.length)
    } while (tail !== end && !(isRefusal(chunks) && tail.endsWith('\r\n')))
    if (isRefusal(chunks)) throw new Error(`the server said ${Buffer.concat(chunks).toString('latin1').trimEnd()}`)
    return Buffer.concat(chunks)
  }
}

function isRefusal([first]: readonly Buffer[]): boolean {
  return first !== undefined && first[0] === 0x2d // "-ERR"
}
