import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

/** What a proxy of the tests does otherwise than a good one. */
export interface ProxyManners {
  /** The log-in that it wants. */
  readonly login?: { readonly name: string; readonly password: string }
  /** Answers the request with this instead of connecting. SOCKS5: a code; HTTP: a whole answer. */
  readonly answer?: number | string
  /** Says nothing at all. */
  readonly silent?: boolean
  /** Says this at once and nothing else. */
  readonly instead?: string | Uint8Array
  /** Sends its answers octet by octet. */
  readonly drip?: boolean
  /** Sends the first octets of the server together with its own answer. */
  readonly joined?: boolean
}

/** A proxy that runs, and whom it was asked for. It shares no code with Postino. */
export interface TestProxy extends AsyncDisposable {
  readonly url: string
  readonly port: number
  /** `HOST:PORT` as it was asked, before any look-up. */
  readonly asked: string[]
  /** Resolves when a silent one is spoken to. */
  readonly spokenTo: Promise<void>
}

export function startSocks(manners: ProxyManners = {}): Promise<TestProxy> {
  return start('socks5', manners, serveSocks)
}

export function startHttp(manners: ProxyManners = {}): Promise<TestProxy> {
  return start('http', manners, serveHttp)
}

type Serve = (client: Client, manners: ProxyManners, asked: string[]) => Promise<void>

async function start(kind: string, manners: ProxyManners, serve: Serve): Promise<TestProxy> {
  const asked: string[] = []
  const spokenTo = Promise.withResolvers<void>()
  const sockets = new Set<Socket>()
  const server: Server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket))
    if (manners.silent === true) return void socket.once('data', () => spokenTo.resolve())
    const client = new Client(socket, manners.drip === true)
    const work = manners.instead === undefined ? serve(client, manners, asked) : client.send(manners.instead)
    work.catch(() => socket.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `${kind}://127.0.0.1:${port}`,
    port,
    asked,
    spokenTo: spokenTo.promise,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** One connection to a proxy. */
class Client {
  readonly socket: Socket
  readonly #drip: boolean
  #held = Buffer.alloc(0)

  constructor(socket: Socket, drip: boolean) {
    this.socket = socket
    this.#drip = drip
  }

  async octets(count: number): Promise<Buffer> {
    while (this.#held.length < count) await this.#more()
    return this.#take(count)
  }

  async header(): Promise<string> {
    while (!this.#held.includes('\r\n\r\n')) await this.#more()
    return this.#take(this.#held.indexOf('\r\n\r\n') + 4).toString('latin1')
  }

  async send(what: string | Uint8Array): Promise<void> {
    const octets = Buffer.from(what)
    if (!this.#drip) return void this.socket.write(octets)
    for (const octet of octets) {
      this.socket.write(Uint8Array.of(octet))
      await sleep(1)
    }
  }

  /** The rest is between the two. `answer` goes before the first octet of the server. */
  async join(host: string, port: number, answer: string | Uint8Array, joined: boolean): Promise<void> {
    const server = connect(port, host)
    server.on('error', () => this.socket.destroy()).on('close', () => this.socket.end())
    this.socket.on('close', () => server.destroy())
    await new Promise((resolve) => server.once('connect', resolve))
    if (joined) {
      const first = await new Promise<Buffer>((resolve) => server.once('data', resolve))
      server.pause()
      this.socket.write(Buffer.concat([Buffer.from(answer), first]))
    } else await this.send(answer)
    if (this.#held.length > 0) server.write(this.#held)
    this.socket.pipe(server)
    server.pipe(this.socket)
  }

  #take(count: number): Buffer {
    const taken = this.#held.subarray(0, count)
    this.#held = this.#held.subarray(count)
    return taken
  }

  async #more(): Promise<void> {
    for (;;) {
      const chunk = this.socket.read() as Buffer | null
      if (chunk !== null) {
        this.#held = Buffer.concat([this.#held, chunk])
        return
      }
      await new Promise((resolve, reject) => this.socket.once('readable', resolve).once('close', reject))
    }
  }
}

/** Names that only the proxy knows. */
function resolved(host: string): string {
  return host.endsWith('.example.it') ? '127.0.0.1' : host
}

async function serveSocks(
  client: Client,
  { login, answer, joined = false }: ProxyManners,
  asked: string[],
): Promise<void> {
  const [, count = 0] = await client.octets(2)
  const methods = [...(await client.octets(count))]
  const method = login === undefined ? 0 : 2
  if (!methods.includes(method)) return await client.send(Uint8Array.of(5, 0xff))
  await client.send(Uint8Array.of(5, method))
  if (login !== undefined) {
    const [, nameLength = 0] = await client.octets(2)
    const name = (await client.octets(nameLength)).toString()
    const [length = 0] = await client.octets(1)
    const good = name === login.name && (await client.octets(length)).toString() === login.password
    await client.send(Uint8Array.of(1, good ? 0 : 1))
    if (!good) return void client.socket.end()
  }
  const [, , , kind] = await client.octets(4)
  let host: string
  if (kind === 1) host = (await client.octets(4)).join('.')
  else if (kind === 4) {
    const octets = await client.octets(16)
    host = Array.from({ length: 8 }, (_, group) => octets.readUInt16BE(group * 2).toString(16)).join(':')
  } else host = (await client.octets((await client.octets(1))[0] ?? 0)).toString()
  const port = (await client.octets(2)).readUInt16BE()
  asked.push(`${host}:${port}`)
  if (typeof answer === 'number') return await client.send(Uint8Array.of(5, answer, 0, 1, 0, 0, 0, 0, 0, 0))
  // Says that it connects from a host with a name.
  const said = Buffer.concat([Uint8Array.of(5, 0, 0, 3, 5), Buffer.from('proxy'), Uint8Array.of(0, 80)])
  await client.join(resolved(host), port, said, joined)
}

async function serveHttp(
  client: Client,
  { login, answer, joined = false }: ProxyManners,
  asked: string[],
): Promise<void> {
  const header = await client.header()
  const [, host = '', port = ''] = /^CONNECT \[?([^\s\]]+?)\]?:(\d+) HTTP\/1\.1\r\n/.exec(header) ?? []
  asked.push(`${host}:${port}`)
  const wanted = login && Buffer.from(`${login.name}:${login.password}`).toString('base64')
  if (wanted !== undefined && !header.includes(`Proxy-Authorization: Basic ${wanted}\r\n`))
    return await client.send('HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=x\r\n\r\n')
  if (typeof answer === 'string') return await client.send(answer)
  // Length and form of a body mean nothing here (RFC 9110 §9.3.6).
  await client.join(resolved(host), Number(port), 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n', joined)
}
