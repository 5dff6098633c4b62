import { connect as connectPlain } from 'node:net'
import { TLSSocket, connect as connectTls, createSecureContext } from 'node:tls'

/**
 * Opens sessions, several at once, each: connect, log in, STAT, QUIT, wait for the end:
 * `node sessions.ts PORT plain|tls PASSWORD SESSIONS LOGIN…`; as many at once as there are logins, each with its own. TLS is 1.3
 * with a full handshake each time. Writes one line of JSON: `seconds`, `sessions`, the client's own `processor` seconds, and of TLS
 * `protocol` and `key`.
 */
const [port = '', security = '', password = '', count = '', ...logins] = process.argv.slice(2)
const sessions = Number(count)
const secureContext = createSecureContext({ minVersion: 'TLSv1.3', ecdhCurve: 'X25519' })
let begun = 0
let done = 0
let protocol: string | null = null
let key: string | undefined
const started = performance.now()

function fail(error: Error): void {
  console.error(error.message)
  process.exit(1)
}

function session(login: string): void {
  if (begun === sessions) return
  begun++
  const socket =
    security === 'tls'
      ? connectTls({ host: '127.0.0.1', port: Number(port), secureContext, rejectUnauthorized: false })
      : connectPlain({ host: '127.0.0.1', port: Number(port) })
  if (socket instanceof TLSSocket && protocol === null) {
    socket.once('secureConnect', () => {
      protocol = socket.getProtocol()
      key = socket.getPeerCertificate().asn1Curve
    })
  }
  const commands = [`USER ${login}\r\n`, `PASS ${password}\r\n`, 'STAT\r\n', 'QUIT\r\n']
  let next = 0
  let reply = ''
  socket.setEncoding('latin1')
  socket.on('data', (chunk: string) => {
    reply += chunk
    if (!reply.endsWith('\n')) return
    if (!reply.startsWith('+OK')) fail(new Error(`${login}: ${commands[next - 1] ?? 'greeting'}: ${reply}`))
    reply = ''
    const command = commands[next++]
    if (command !== undefined) socket.write(command)
  })
  socket.on('error', fail)
  socket.on('close', () => {
    if (next <= commands.length) fail(new Error(`${login}: the server hung up after ${next} replies`))
    done++
    if (done === sessions) finish()
    else session(login)
  })
}

function finish(): void {
  const { user, system } = process.cpuUsage()
  const seconds = (performance.now() - started) / 1000
  console.log(JSON.stringify({ seconds, sessions: done, processor: (user + system) / 1e6, protocol, key }))
}

for (const login of logins) session(login)
