import { connect } from 'node:net'
import type { Socket } from 'node:net'

/**
 * Reads a whole maildrop over one connection and keeps nothing of it: `node drain.ts PORT LOGIN PASSWORD COUNT pipelined|turns`.
 * Writes one line of JSON: `seconds` from the first RETR to the last message's end, `messages`, and their `octets` as stuffed.
 */
const [port = '', login = '', password = '', count = '', mode = ''] = process.argv.slice(2)
const messages = Number(count)
const pipelined = mode === 'pipelined'

// The socket reads into one buffer for ever, behind four octets that keep the end of what was read before.
const kept = 4
const buffer = Buffer.allocUnsafe(kept + (256 << 10))
const terminator = Buffer.from('\r\n.\r\n')
let done = 0
let octets = 0
let started = 0

let text = ''
const before = ['', `USER ${login}\r\n`, `PASS ${password}\r\n`]
let step = 0
/** Octets of the message under way; −1 while its first line is being read. */
let length = -1
let line = ''

const socket: Socket = connect({
  host: '127.0.0.1',
  port: Number(port),
  noDelay: true,
  onread: { buffer: buffer.subarray(kept), callback: (size) => (step < before.length ? logIn(size) : take(size)) },
})
socket.on('error', fail)
socket.on('close', () => {
  if (done < messages) fail(new Error(`the server hung up after ${done} messages`))
})

function fail(error: Error): void {
  console.error(error.message)
  process.exit(1)
}

function logIn(size: number): boolean {
  text += buffer.toString('latin1', kept, kept + size)
  if (!text.endsWith('\n')) return true
  if (!text.startsWith('+OK')) fail(new Error(text))
  text = ''
  step++
  if (step < before.length) socket.write(before[step] as string)
  else begin()
  return true
}

function begin(): void {
  started = performance.now()
  if (!pipelined) return void socket.write('RETR 1\r\n')
  let requests = ''
  for (let number = 1; number <= messages; number++) {
    requests += `RETR ${number}\r\n`
    if (requests.length < 32 << 10) continue
    socket.write(requests)
    requests = ''
  }
  socket.write(requests)
}

function take(size: number): boolean {
  const end = kept + size
  const view = buffer.subarray(0, end)
  let at = kept
  while (at < end) {
    if (length < 0) {
      const lineFeed = buffer.indexOf(10, at)
      const stop = lineFeed < 0 || lineFeed >= end ? end : lineFeed + 1
      line += buffer.toString('latin1', at, stop)
      at = stop
      if (!line.endsWith('\n')) break
      if (!line.startsWith('+OK')) fail(new Error(`message ${done + 1}: ${line}`))
      line = ''
      length = 0
      continue
    }
    // The terminator may have begun in what was read before: at the earliest with the CRLF of the first line.
    const found = view.indexOf(terminator, at - Math.min(kept, length + 2))
    if (found < 0) {
      length += end - at
      break
    }
    const after = found + terminator.length
    length += after - at
    // The last three octets, the dot and its CRLF, are the wire's.
    octets += length - 3
    done++
    at = after
    length = -1
    if (done === messages) return finish()
    if (!pipelined) socket.write(`RETR ${done + 1}\r\n`)
  }
  buffer.copyWithin(0, end - kept, end)
  return true
}

function finish(): boolean {
  const seconds = (performance.now() - started) / 1000
  console.log(JSON.stringify({ seconds, messages: done, octets }))
  socket.end('QUIT\r\n')
  return true
}
