import { request, type IncomingMessage } from 'node:http'
import { MisuseError, PeerError } from '../../errors.ts'
import { connect, spelt } from '../../net/connect.ts'
import { isThisMachine } from '../../net/this-machine.ts'

/** How long one answer may take, milliseconds. */
const patience = 30_000
/** More octets than these no answer has. */
const most = 1 << 20

/** What is to be asked; oauth4webapi's words. */
export interface Asked {
  readonly method: string
  readonly headers: Record<string, string>
  readonly body?: unknown
  readonly signal?: AbortSignal | undefined
}

/** Asks a URL and gives the answer, whatever its status. */
export type Request = (url: string, asked: Asked) => Promise<Response>

/**
 * Asks over HTTP on connections of our own: through the account's proxy, bounded in time and octets, and in the clear only to this
 * machine. Follows no redirect. Rejects with PeerError; with MisuseError where the URL is none to trust.
 */
export function requestThrough(proxy: string | undefined): Request {
  return async (text, { method, headers, body, signal }) => {
    const url = new URL(text)
    trusted(url)
    const tls = url.protocol === 'https:'
    const host = url.hostname.replace(/^\[(.*)\]$/, '$1')
    const to = { host, port: url.port === '' ? (tls ? 443 : 80) : Number(url.port) }
    const limit = AbortSignal.timeout(patience)
    const stop = signal === undefined ? limit : AbortSignal.any([signal, limit])
    const socket = await connect(to, {
      tls,
      timeout: patience,
      ...(tls && { alpn: 'http/1.1' }),
      ...(proxy !== undefined && { reach: { proxy } }),
      signal: stop,
    })
    try {
      const octets = Buffer.from(body === undefined ? '' : String(body as string | URLSearchParams))
      const answer = await new Promise<IncomingMessage>((resolve, reject) => {
        const outgoing = request({
          method,
          path: `${url.pathname}${url.search}`,
          headers: { ...headers, host: url.host, connection: 'close', 'content-length': octets.length },
          createConnection: () => socket,
          signal: stop,
        })
        outgoing.on('response', resolve).on('error', reject)
        outgoing.end(octets)
      })
      return responseOf(answer, await read(answer, spelt(to)))
    } catch (error) {
      if (error instanceof PeerError) throw error
      if (limit.aborted) throw new PeerError('timed-out', `${spelt(to)} did not answer within ${patience / 1000} s`)
      const why = error instanceof Error ? error.message : String(error)
      throw new PeerError('connection-lost', `${spelt(to)}: ${signal?.aborted === true ? 'stopped' : why}`)
    } finally {
      socket.destroy()
    }
  }
}

/** Throws where who is between could read tokens, or give false ones. */
export function trusted(url: URL): void {
  if (url.protocol === 'https:' || (url.protocol === 'http:' && isThisMachine(url.hostname))) return
  throw new MisuseError('configuration', `${url.origin} would be asked for tokens in the clear: give an https URL`)
}

async function read(answer: IncomingMessage, named: string): Promise<Buffer> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    length += chunk.length
    if (length > most) throw new PeerError('reply-too-long', `${named} answers with more than ${most} octets`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

function responseOf({ statusCode = 0, headers }: IncomingMessage, body: Buffer): Response {
  const named = Object.entries(headers).flatMap(([name, value]): [string, string][] =>
    value === undefined || name === 'set-cookie' ? [] : [[name, String(value)]],
  )
  const empty = statusCode === 204 || statusCode === 205 || statusCode === 304
  return new Response(empty ? null : new Uint8Array(body), { status: statusCode, headers: named })
}
