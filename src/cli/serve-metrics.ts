import { createServer, type Server } from 'node:http'
import { cannotListen } from '../net/listen.ts'

/** The `metrics` service: answers `GET /metrics`, and nothing else. */
export class MetricsListener {
  readonly #server: Server

  /** `text`: what is to be said now. */
  constructor(text: () => Promise<string>) {
    this.#server = createServer({ requestTimeout: 10_000, maxHeaderSize: 8192 }, (request, response) => {
      request.resume()
      const answer = (status: number, body: string, headers: Readonly<Record<string, string>> = {}): void => {
        response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8', ...headers })
        response.end(request.method === 'HEAD' ? '' : body)
      }
      if (request.url?.split('?')[0] !== '/metrics') return answer(404, 'there is only /metrics\n')
      if (request.method !== 'GET' && request.method !== 'HEAD')
        return answer(405, 'only GET\n', { allow: 'GET, HEAD' })
      text().then(
        (found) => answer(200, found, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' }),
        () => answer(500, 'something went wrong here\n'),
      )
    })
    this.#server.maxConnections = 64
  }

  /** Rejects with MisuseError where it cannot. Port 0: any free one. */
  async listen(host: string, port: number): Promise<{ host: string; port: number }> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    // Later ones are about a single connection that could not be accepted.
    this.#server.on('error', (cause) => reject(cannotListen(host, port, cause)))
    this.#server.listen({ host, port }, resolve)
    await promise
    const address = this.#server.address()
    return { host, port: address !== null && typeof address === 'object' ? address.port : port }
  }

  async close(): Promise<void> {
    if (!this.#server.listening) return
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    this.#server.closeAllConnections()
    await closed
  }
}
