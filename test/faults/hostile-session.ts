import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { TLSSocket } from 'node:tls'
import { hashOf, type Hostility, type RemoteMessage, type Step } from './hostility.ts'
import { saysNothingMore } from './silence.ts'

/** What a session needs of its server. */
interface Host {
  readonly hostility: Hostility
  messages: RemoteMessage[]
  sent: number
  note(step: Step): void
}

class Hung extends Error {}

const gigabyte = 2 ** 30

/** One session of a hostile server. */
export class HostileSession {
  readonly #server: Host
  readonly #number: number
  /** As they are when the session begins. */
  readonly #messages: readonly RemoteMessage[]
  readonly #deleted = new Set<number>()
  /** How often each verb has come. */
  readonly #counts = new Map<string, number>()
  #socket: Socket
  #input = ''
  /** Up to where the input is read. */
  #read = 0
  /** Answers that go out with the next ones, as long as commands wait. */
  #out: Buffer[] = []
  #wake: (() => void) | undefined
  #ended = false
  #loggedIn = false
  /** Nothing that is said goes out. */
  #muted = false
  /** Something that was to be said never will be. */
  #owes = false
  /** What comes is no POP3 any more. */
  #deaf = false
  readonly #onData = (chunk: Buffer): void => {
    if (this.#deaf) return
    const text = chunk.toString('latin1')
    const heard = this.#server.hostility.forgetful === true ? text.slice(0, text.indexOf('\r\n') + 2) : text
    if (heard.length < text.length) this.#owes = true
    this.#input += heard
    this.#wake?.()
  }
  readonly #onEnd = (): void => {
    this.#ended = true
    this.#wake?.()
  }

  constructor(server: Host, socket: Socket, number: number) {
    this.#server = server
    this.#socket = socket
    this.#number = number
    this.#messages = [...server.messages]
    socket.setNoDelay(true)
  }

  async run(): Promise<void> {
    try {
      this.#note('connect', '')
      const { tls, greeting } = this.#server.hostility
      if (tls?.implicit === true) this.#secure(tls)
      else this.#attach()
      await this.#misbehave('CONNECT')
      await this.#send(`${greeting ?? '+OK hostile'}\r\n`)
      for (let line = await this.#line(); line !== undefined; line = await this.#line()) {
        this.#noteCommand(line)
        const { slowness } = this.#server.hostility
        if (slowness !== undefined) {
          await this.#flush()
          await sleep(slowness)
        }
        if (await this.#answer(line)) break
      }
      if (this.#ended) this.#socket.destroy()
      else {
        await this.#flush()
        this.#socket.end()
      }
    } catch (error) {
      if (error instanceof Hung) saysNothingMore(this.#socket)
      else this.#socket.destroy()
    } finally {
      this.#note('closed', '')
    }
  }

  #attach(): void {
    this.#socket.on('data', this.#onData).on('close', this.#onEnd).on('error', this.#onEnd).on('end', this.#onEnd)
  }

  #detach(): void {
    this.#socket.off('data', this.#onData).off('close', this.#onEnd).off('error', this.#onEnd).off('end', this.#onEnd)
  }

  #note(what: Step['what'], text: string, octets?: Buffer): void {
    const hash = octets === undefined ? {} : { hash: hashOf(octets) }
    this.#server.note({ session: this.#number, what, text, ...hash })
  }

  #noteCommand(line: string): void {
    const [verb = '', number = ''] = line.split(' ')
    const hidden = verb.toUpperCase() === 'PASS' ? 'PASS ***' : line
    const deleted = verb.toUpperCase() === 'DELE' ? this.#messages[Number(number) - 1] : undefined
    this.#note('command', hidden, deleted?.octets)
  }

  async #line(): Promise<string | undefined> {
    for (;;) {
      const end = this.#input.indexOf('\r\n', this.#read)
      if (end !== -1) {
        const line = this.#input.slice(this.#read, end)
        this.#read = end + 2
        return line
      }
      this.#input = this.#input.slice(this.#read)
      this.#read = 0
      await this.#flush()
      if (this.#ended) return undefined
      if (this.#input.includes('\r\n')) continue
      const spoken = this.#owes ? saysNothingMore(this.#socket) : undefined
      await new Promise<void>((resolve) => (this.#wake = resolve))
      spoken?.()
    }
  }

  async #send(reply: string | Buffer): Promise<void> {
    const octets = typeof reply === 'string' ? Buffer.from(reply, 'latin1') : reply
    const { pieces } = this.#server.hostility
    if (pieces === undefined && octets.length < 10_000 && this.#out.length < 100) {
      if (this.#ended || this.#socket.destroyed) throw new Error('gone')
      if (!this.#muted) this.#out.push(octets)
      return
    }
    for (let at = 0; at < octets.length; at += pieces ?? octets.length) {
      await this.#write(octets.subarray(at, at + (pieces ?? octets.length)))
    }
  }

  async #flush(): Promise<void> {
    const out = this.#out
    this.#out = []
    if (out.length > 0) await this.#writeNow(out.length === 1 ? (out[0] ?? Buffer.alloc(0)) : Buffer.concat(out))
  }

  async #write(octets: Buffer): Promise<void> {
    if (this.#ended || this.#socket.destroyed) throw new Error('gone')
    if (this.#muted) return
    await this.#flush()
    await this.#writeNow(octets)
  }

  #writeNow(octets: Buffer): Promise<void> {
    if (this.#ended || this.#socket.destroyed) throw new Error('gone')
    this.#server.sent += octets.length
    return new Promise((resolve, reject) => {
      this.#socket.write(octets, (error) => (error instanceof Error ? reject(error) : setImmediate(resolve)))
    })
  }

  /** What it does at this command for ever. */
  async #misbehave(at: string): Promise<void> {
    const { hang, close, endless, drip } = this.#server.hostility
    if ([hang, close, endless?.at, drip?.at].includes(at)) await this.#flush()
    if (hang === at) throw new Hung()
    if (close === at) throw new Error('closed')
    if (endless?.at === at) await this.#endless(endless.what)
    if (drip?.at === at && at !== 'RETR') await this.#drip(drip.every, drip.lines === true)
  }

  async #endless(what: 'status' | 'lines' | 'line'): Promise<void> {
    await this.#write(Buffer.from(what === 'status' ? '+OK ' : '+OK\r\n'))
    const chunk = what === 'lines' ? Buffer.from('1 10\r\n'.repeat(10_000)) : Buffer.alloc(1 << 16, 'x')
    for (let sent = 0; sent < gigabyte; sent += chunk.length) await this.#write(chunk)
  }

  async #drip(every: number, lines: boolean): Promise<void> {
    if (lines) await this.#write(Buffer.from('+OK\r\n'))
    for (let n = 1; ; n++) {
      await this.#write(Buffer.from(lines ? `${n} 10\r\n` : '+OK '.charAt(n - 1) || 'x'))
      await sleep(every)
    }
  }

  /** True: the session is over. */
  async #answer(line: string): Promise<boolean> {
    const [word = ''] = line.split(' ')
    const verb = word.toUpperCase()
    const { lose, twice } = this.#server.hostility
    const count = (this.#counts.get(verb) ?? 0) + 1
    this.#counts.set(verb, count)
    const isNow = (which?: { verb: string; nth: number }): boolean =>
      which?.verb === verb && which.nth === count && this.#input.length > this.#read
    this.#muted = isNow(lose)
    this.#owes ||= this.#muted
    const over = await this.#answerOnce(verb, line)
    this.#muted = false
    return over || (isNow(twice) && (await this.#answerOnce(verb, line)))
  }

  async #answerOnce(verb: string, line: string): Promise<boolean> {
    const [, argument = '', second = ''] = line.split(' ')
    const { hostility } = this.#server
    await this.#misbehave(verb)
    const before = hostility.before?.[verb]
    if (before !== undefined) await this.#send(before)
    const instead = hostility.instead?.[verb]
    if (instead !== undefined) {
      await this.#send(instead)
      // The TLS that it agreed to: by chance there would be the end of a line in it, which would be answered as a command.
      if (verb === 'STLS' && instead.startsWith('+OK')) this.#deaf = true
      return verb === 'QUIT'
    }
    if (hostility.unknown?.includes(verb) === true) {
      await this.#send('-ERR unknown command\r\n')
      return false
    }
    if (!this.#loggedIn && !['CAPA', 'USER', 'PASS', 'AUTH', 'STLS', 'QUIT'].includes(verb)) {
      await this.#send('-ERR log in first\r\n')
      return false
    }
    switch (verb) {
      case 'CAPA':
        await this.#send(
          ['+OK', ...(hostility.capabilities ?? ['USER', 'UIDL', 'TOP', 'PIPELINING']), '.', ''].join('\r\n'),
        )
        return false
      case 'STLS':
        await this.#startTls()
        return false
      case 'PASS':
        this.#loggedIn = true
        await this.#send('+OK logged in\r\n')
        return false
      case 'STAT':
        await this.#send(
          `+OK ${this.#messages.length} ${this.#messages.reduce((sum, each) => sum + each.octets.length, 0)}\r\n`,
        )
        return false
      case 'LIST':
      case 'UIDL':
        await this.#list(verb, argument)
        return false
      case 'RETR':
        await this.#retrieve(Number(argument))
        return false
      case 'TOP':
        await this.#top(Number(argument), Number(second))
        return false
      case 'DELE':
        this.#deleted.add(Number(argument))
        await this.#send('+OK\r\n')
        return false
      case 'USER':
      case 'NOOP':
        await this.#send('+OK\r\n')
        return false
      case 'RSET':
        this.#deleted.clear()
        await this.#send('+OK\r\n')
        return false
      case 'QUIT':
        this.#commit()
        await this.#send('+OK bye\r\n')
        return true
      default:
        await this.#send(`-ERR ${verb} ${second}\r\n`)
        return false
    }
  }

  /** What QUIT does in the UPDATE state. */
  #commit(): void {
    const gone = new Set([...this.#deleted].flatMap((number) => this.#messages[number - 1] ?? []))
    this.#server.messages = this.#server.messages.filter((each) => !gone.has(each))
    for (const { uniqueId, octets } of gone) this.#note('committed', uniqueId, octets)
  }

  async #list(verb: 'LIST' | 'UIDL', argument: string): Promise<void> {
    const { listedSize, uniqueId } = this.#server.hostility
    const entry = (number: number, { octets, uniqueId: own }: RemoteMessage): string | undefined => {
      if (verb === 'LIST') return `${number} ${listedSize?.(number, octets.length) ?? octets.length}`
      const given = uniqueId === undefined ? own : uniqueId(number, own)
      return given === undefined ? undefined : `${number} ${given}`
    }
    if (argument !== '') {
      const number = Number(argument)
      const message = this.#deleted.has(number) ? undefined : this.#messages[number - 1]
      return this.#send(message === undefined ? '-ERR no such message\r\n' : `+OK ${entry(number, message)}\r\n`)
    }
    const lines = this.#messages.map((message, index) => entry(index + 1, message))
    const text = lines.map((line) => (line === undefined ? '' : `${line}\r\n`)).join('')
    await this.#send(`+OK\r\n${text}.\r\n`)
  }

  async #retrieve(number: number): Promise<void> {
    const { drop, drip, refuse, splitTerminator, unended, hang } = this.#server.hostility
    const message = this.#messages[number - 1]
    if (message === undefined || this.#deleted.has(number)) return this.#send('-ERR no such message\r\n')
    if (refuse?.number === number && refuse.times > 0) {
      refuse.times--
      return this.#send(refuse.reply ?? '-ERR cannot read it\r\n')
    }
    const body = this.#bodyOf(message.octets, unended === number)
    this.#owes ||= unended === number
    if (hang === 'RETR-MIDDLE') {
      await this.#write(body.subarray(0, body.length >> 1))
      throw new Hung()
    }
    if (drop?.number === number) {
      await this.#write(body.subarray(0, drop.after))
      // What was written before a reset may be lost on its way, which is the point of one.
      if (drop.reset === true) this.#socket.resetAndDestroy()
      else this.#socket.destroy()
      throw new Error('dropped')
    }
    if (drip?.at === 'RETR') {
      for (const octet of body) {
        await this.#write(Buffer.of(octet))
        await sleep(drip.every)
      }
    } else if (splitTerminator === true) {
      const start = Math.max(body.length - 8, 0)
      await this.#write(body.subarray(0, start))
      for (let at = start; at < body.length; at++) {
        await this.#write(body.subarray(at, at + 1))
        await sleep(1)
      }
    } else {
      await this.#send(body)
    }
    if (!this.#muted) this.#note('sent', message.uniqueId, message.octets)
  }

  /** RFC 1939 §7: the header, the empty line, and so many lines. */
  async #top(number: number, lines: number): Promise<void> {
    const message = this.#messages[number - 1]
    if (message === undefined || this.#deleted.has(number)) return this.#send('-ERR no such message\r\n')
    const text = message.octets.toString('latin1')
    const header = text.startsWith('\r\n') ? 2 : text.indexOf('\r\n\r\n') + 4
    let end = header < 4 && header !== 2 ? text.length : header
    for (let line = 0; line < lines && end < text.length; line++) {
      const next = text.indexOf('\r\n', end)
      end = next === -1 ? text.length : next + 2
    }
    await this.#send(this.#bodyOf(Buffer.from(text.slice(0, end), 'latin1'), false))
  }

  /** The answer that holds these octets. */
  #bodyOf(octets: Buffer, unended: boolean): Buffer {
    const { unstuffed } = this.#server.hostility
    const pieces: Buffer[] = [Buffer.from('+OK\r\n')]
    const dots = unstuffed === true ? [] : lineDots(octets)
    let from = 0
    for (const dot of dots) {
      pieces.push(octets.subarray(from, dot), Buffer.from('.'))
      from = dot
    }
    pieces.push(octets.subarray(from))
    const whole = octets.length === 0 || octets.subarray(-2).equals(Buffer.from('\r\n'))
    pieces.push(Buffer.from(whole || unended ? '.\r\n' : '\r\n.\r\n'))
    if (unended && whole) pieces.splice(-2, 1, octets.subarray(from, -2))
    return Buffer.concat(pieces)
  }

  async #startTls(): Promise<void> {
    const { tls } = this.#server.hostility
    if (tls === undefined) return this.#send('-ERR no TLS here\r\n')
    // The octets go out first, as one packet; only then the handshake is awaited.
    this.#detach()
    await this.#write(Buffer.from(`+OK begin\r\n${tls.injected ?? ''}`, 'latin1'))
    this.#secure(tls)
  }

  #secure({ key, cert }: { readonly key: string; readonly cert: string }): void {
    const secure = new TLSSocket(this.#socket, { isServer: true, key, cert })
    // In the middle of a handshake it would never notice.
    secure.on('error', () => this.#onEnd()).on('end', () => secure.destroy())
    this.#socket = secure
    this.#input = ''
    this.#read = 0
    this.#attach()
  }
}

/** Where lines begin with a dot. */
function lineDots(octets: Buffer): number[] {
  const places = octets[0] === 0x2e ? [0] : []
  for (let at = octets.indexOf('\r\n.'); at !== -1; at = octets.indexOf('\r\n.', at + 3)) places.push(at + 2)
  return places
}
