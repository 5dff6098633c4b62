import type { Socket } from 'node:net'
import { PeerError } from '../errors.ts'
import { spelt, type Destination } from './destination.ts'
import { spellProxy, type ProxyAddress } from './proxy-address.ts'
import { ProxyAnswer } from './proxy-answer.ts'

/** No proxy has more to say in the header of an answer (octets). */
const longestAnswer = 16_384

/** Has an HTTP proxy connect this socket to `to` by CONNECT (RFC 9110 §9.3.6); a host's name is looked up there. Rejects with PeerError. */
export async function connectByHttp(socket: Socket, proxy: ProxyAddress, to: Destination): Promise<void> {
  const named = spellProxy(proxy)
  const lines = [`CONNECT ${spelt(to)} HTTP/1.1`, `Host: ${spelt(to)}`]
  if (proxy.login !== undefined) {
    // RFC 7617 §2: UTF-8, as proxies mostly take it.
    const credentials = Buffer.from(`${proxy.login.name}:${proxy.login.password}`).toString('base64')
    lines.push(`Proxy-Authorization: Basic ${credentials}`)
  }
  socket.write(`${lines.join('\r\n')}\r\n\r\n`)
  const answer = await new ProxyAnswer(socket, `the proxy ${named}`).through('\r\n\r\n', longestAnswer)
  const [, code, phrase = ''] = /^HTTP\/1\.\d (\d{3})(?: ([^\r\n]*))?\r\n/.exec(answer) ?? []
  const status = Number(code)
  const atProxy = (what: string): PeerError => new PeerError('unreachable', `the proxy ${named} ${what}`)
  if (code === undefined) throw atProxy('does not speak HTTP; check its kind and port')
  // Whatever header fields say of a body, there is none: what follows is the connection.
  if (status >= 200 && status < 300) return
  const said = `${code} ${phrase.replace(/[^ -~]/g, '?').slice(0, 100)}`.trim()
  if (status === 407)
    throw atProxy(
      proxy.login === undefined
        ? `wants a user name and a password (${said})`
        : `does not accept the user name and password given for it (${said})`,
    )
  // RFC 9110 §15.6.3, §15.6.5: these two tell of the server behind it; many proxies say 503 too.
  if (status >= 502 && status <= 504)
    throw new PeerError('unreachable', `${spelt(to)} cannot be reached from the proxy ${named} (${said})`)
  throw atProxy(`does not make this connection (${said}); ask who keeps it`)
}
