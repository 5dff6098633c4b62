import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import { connect as connectTls, createSecureContext } from 'node:tls'
import { makeCertificate } from './certificate.ts'
import { Conversation, type Engine } from './converse.ts'
import { Crowd, type Session } from './crowd.ts'
import { Listener, type ListenerOptions } from './listen.ts'

const secureContext = createSecureContext(makeCertificate())

/** Says whom it talks to, then everything again that it hears. */
class Echo implements Engine, Session {
  readonly #conversation: Conversation
  #waiting: Uint8Array[]
  readonly over: Promise<void>
  loggedIn = false

  constructor(socket: Socket, address: string, tls: boolean, patience: number) {
    this.#waiting = [Buffer.from(`hello ${address}\r\n`)]
    this.#conversation = new Conversation(socket, this)
    this.over = this.#live(tls, patience)
  }

  get deadline(): number {
    return this.#conversation.deadline
  }

  giveUp(why: Parameters<Session['giveUp']>[0]): void {
    this.#conversation.stop(why)
  }

  closeSoon(): void {
    this.#conversation.closeSoon()
  }

  get wants(): boolean {
    return this.#waiting.length < 4
  }

  receive(octets: Uint8Array): void {
    this.#waiting.push(octets.slice())
  }

  take(): Uint8Array[] {
    const pieces = this.#waiting
    this.#waiting = []
    return pieces
  }

  written(): void {}

  async #live(tls: boolean, patience: number): Promise<void> {
    const conversation = this.#conversation
    try {
      if (tls) await conversation.secure(secureContext, 5000, 'pop3')
      else conversation.start()
      do await conversation.flush(patience)
      while (await conversation.input(patience))
      endings.push(conversation.ending)
      await conversation.end(5000)
    } catch {
      conversation.stop('connection lost')
    }
  }
}

const endings: unknown[] = []

async function listening(
  t: TestContext,
  options: Partial<ListenerOptions> & { tls?: boolean; patience?: number } = {},
): Promise<number> {
  const { tls = false, patience = 60_000, ...more } = options
  endings.length = 0
  const listener = new Listener({
    service: 'echo',
    accept: (socket, address) => new Echo(socket, address, tls, patience),
    crowd: new Crowd(),
    refuse: (socket) => socket.write('full\r\n'),
    ...more,
  })
  const { port } = await listener.listen('127.0.0.1', 0)
  t.after(() => listener.close())
  return port
}

/** Says this, in these pieces, and gives all that is answered. */
async function told(port: number, ...pieces: (string | Uint8Array)[]): Promise<string> {
  const socket = connect(port, '127.0.0.1').setNoDelay(true)
  let heard = ''
  socket.on('data', (octets) => (heard += octets.toString('latin1'))).on('error', () => undefined)
  const closed = new Promise((resolve) => socket.on('close', resolve))
  for (const piece of pieces) {
    socket.write(piece)
    await new Promise((resolve) => void setTimeout(resolve, 5))
  }
  socket.end()
  await closed
  return heard
}

test('a named proxy says whose connection it is, and what follows is the client', async (t) => {
  const port = await listening(t, { isProxy: (address) => address === '127.0.0.1' })
  const line = 'PROXY TCP4 192.0.2.7 192.0.2.1 40000 110\r\n'
  assert.equal(await told(port, `${line}CAPA\r\n`), 'hello 192.0.2.7\r\nCAPA\r\n')
  assert.equal(await told(port, ...line.split(''), 'CAPA\r\n'), 'hello 192.0.2.7\r\nCAPA\r\n')
  assert.equal(await told(port, 'PROXY UNKNOWN\r\n'), 'hello 127.0.0.1\r\n')
  const local = Buffer.from('0d0a0d0a000d0a515549540a20000000', 'hex')
  assert.equal(await told(port, local, 'NOOP\r\n'), 'hello 127.0.0.1\r\nNOOP\r\n')
  assert.equal(await told(port, 'CAPA\r\n'), '', 'from a proxy it is required')
})

test('from anybody else it is a command like any other', async (t) => {
  const port = await listening(t, { isProxy: () => false })
  const line = 'PROXY TCP4 192.0.2.7 192.0.2.1 40000 110\r\n'
  assert.equal(await told(port, line), `hello 127.0.0.1\r\n${line}`)
})

test('whom the proxy names counts for the limits, the proxy itself does not', async (t) => {
  const port = await listening(t, { isProxy: () => true, crowd: new Crowd({ limits: { perAddress: 1 } }) })
  const held = connect(port, '127.0.0.1')
  t.after(() => held.destroy())
  held.write('PROXY TCP4 192.0.2.7 192.0.2.1 40000 110\r\n')
  await once(held, 'data')
  assert.equal(await told(port, 'PROXY TCP4 192.0.2.7 192.0.2.1 40000 110\r\n'), 'full\r\n')
  assert.equal(await told(port, 'PROXY TCP4 192.0.2.8 192.0.2.1 40000 110\r\n'), 'hello 192.0.2.8\r\n')
})

test('the PROXY header comes before TLS, also in the same packet', async (t) => {
  const port = await listening(t, { isProxy: () => true, tls: true })
  const raw = connect(port, '127.0.0.1')
  raw.cork()
  raw.write('PROXY TCP4 192.0.2.7 192.0.2.1 40000 995\r\n')
  const socket = connectTls({ socket: raw, rejectUnauthorized: false, ALPNProtocols: ['pop3'] })
  process.nextTick(() => raw.uncork())
  const [hello] = (await once(socket, 'data')) as [Buffer]
  assert.equal(hello.toString(), 'hello 192.0.2.7\r\n')
  assert.equal(socket.alpnProtocol, 'pop3')
  socket.destroy()
})

test('a TLS client that wants another protocol is refused, one that names none is served', async (t) => {
  const port = await listening(t, { tls: true })
  const wrong = connectTls({ host: '127.0.0.1', port, rejectUnauthorized: false, ALPNProtocols: ['h2'] })
  const [error] = (await once(wrong, 'error')) as [NodeJS.ErrnoException]
  assert.match(String(error.code), /NO_APPLICATION_PROTOCOL/)
  const plain = connectTls({ host: '127.0.0.1', port, rejectUnauthorized: false })
  await once(plain, 'data')
  plain.destroy()
})

/** Two clients that write more than they read: one takes nothing, one little by little, until the first is given up. */
async function still(t: TestContext): Promise<{ taken: number; slow: Socket; longest: number }> {
  const port = await listening(t, { patience: 1500 })
  const flood = Buffer.alloc(256 << 10, 'x')
  const [none, slow] = [connect(port, '127.0.0.1'), connect(port, '127.0.0.1')]
  t.after(() => none.destroy() && slow.destroy())
  for (const socket of [none, slow]) {
    socket.on('error', () => undefined)
    for (let i = 0; i < 64; i++) socket.write(flood)
    socket.pause()
  }
  let [taken, longest, last] = [0, 0, performance.now()]
  const sip = setInterval(() => {
    taken += (slow.read() as Buffer | null)?.length ?? 0
    longest = Math.max(longest, performance.now() - last)
    last = performance.now()
  }, 30)
  t.after(() => clearInterval(sip))
  while (endings.length === 0) await new Promise((resolve) => void setTimeout(resolve, 50))
  return { taken, slow, longest: Math.max(longest, performance.now() - last) }
}

test('a client that takes nothing is given up, and said not to read; one that takes little by little is not', async (t) => {
  let found = await still(t)
  // Where the machine stood still, nobody took anything: that says nothing of who takes little.
  while (found.longest > 500) found = await still(t)
  assert.deepEqual(endings, ['not reading'])
  assert.ok(found.taken > 0)
  assert.equal(found.slow.destroyed, false)
})

test('a session that cannot begin costs its own connection, and no other', async (t) => {
  let broken = true
  const listener = new Listener({
    service: 'echo',
    accept: (socket, address) => {
      if (broken) throw new Error('the disk cannot be read')
      return new Echo(socket, address, false, 60_000)
    },
    crowd: new Crowd(),
  })
  const { port } = await listener.listen('127.0.0.1', 0)
  t.after(() => listener.close())
  const lost = connect(port, '127.0.0.1').on('error', () => undefined)
  await once(lost, 'close')
  broken = false
  const socket = connect(port, '127.0.0.1')
  const [hello] = await once(socket, 'data')
  assert.match(String(hello), /^hello 127/)
  socket.destroy()
})
