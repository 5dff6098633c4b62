import { type IncomingMessage, request } from 'node:http'
import type { Socket } from 'node:net'
import { PeerError } from '../../errors.ts'
import { longestConfig } from './client-config.ts'

/** One answer of a web server. */
export interface HttpAnswer {
  readonly status: number
  /** Where else to look, where it says so. */
  readonly location: string | undefined
  /** Undefined where the status is not 200. */
  readonly text: string | undefined
}

/** One GET over a connection that stands (TLS); the connection is at its end afterwards. */
export function get(url: URL, socket: Socket, signal: AbortSignal): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    const fail = (error: Error): void => {
      socket.destroy()
      reject(
        error instanceof PeerError
          ? error
          : new PeerError('connection-lost', `${url.host}: ${error.message}`, { cause: error }),
      )
    }
    const headers = { host: url.host, accept: 'text/xml, application/xml', 'user-agent': 'postino' }
    const asked = request(
      { createConnection: () => socket, path: url.pathname + url.search, headers, signal },
      (response) => {
        const status = response.statusCode ?? 0
        const { location } = response.headers
        if (status === 200) read(response, url.host).then((text) => resolve({ status, location, text }), fail)
        else resolve({ status, location, text: undefined })
        if (status !== 200) socket.destroy()
      },
    )
    asked.on('error', fail).end()
  })
}

async function read(response: IncomingMessage, host: string): Promise<string> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of response as AsyncIterable<Uint8Array>) {
    size += chunk.length
    if (size > longestConfig)
      throw new PeerError('reply-too-long', `${host}: its page is longer than ${longestConfig} octets`)
    chunks.push(chunk)
  }
  return new TextDecoder().decode(Buffer.concat(chunks))
}
