import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { StoreError } from '../../errors.ts'

/** Waits on this machine for the browser that comes back from the issuer (RFC 8252 §7.3). */
export interface RedirectListener {
  /** Where the browser must be sent. */
  readonly uri: string
  /** The URL that it came with. */
  readonly answered: Promise<URL>
  close(): void
}

/**
 * Listens where `redirect` says, on any free port unless it names one. What is not for its path, or not `wanted`, is turned away: any
 * page can send a browser here.
 */
export async function listenForRedirect(redirect: string, wanted: (url: URL) => boolean): Promise<RedirectListener> {
  const url = new URL(redirect)
  const answered = Promise.withResolvers<URL>()
  const answer = (request: IncomingMessage, response: ServerResponse): void => {
    const asked = URL.parse(request.url ?? '', url.origin)
    const right = request.method === 'GET' && asked?.pathname === url.pathname
    if (!right || !wanted(asked)) {
      say(response, right ? 400 : 404, 'This is not the answer that Postino waits for.')
      return
    }
    say(response, 200, 'Postino has the answer. You can close this page, and look at the terminal.')
    answered.resolve(asked)
  }
  const port = url.port === '' ? 0 : Number(url.port)
  const servers: Server[] = []
  // A browser may take `localhost` for either.
  const hosts = url.hostname === 'localhost' ? ['127.0.0.1', '::1'] : [url.hostname.replace(/^\[(.*)\]$/, '$1')]
  const [first = '', second] = hosts
  const bound = await listen(first, port, answer).catch((cause: unknown) => {
    const { code = '' } = cause as NodeJS.ErrnoException
    throw new StoreError(
      'io',
      `nothing can listen at ${redirect} (${code}); free that port, or take another redirect`,
      {
        cause,
      },
    )
  })
  servers.push(bound)
  const at = (bound.address() as AddressInfo).port
  // Where there is no IPv6 the other one does.
  if (second !== undefined)
    servers.push(
      ...(await listen(second, at, answer).then(
        (one) => [one],
        () => [],
      )),
    )
  // As it was given: issuers compare it letter by letter, the port aside.
  const uri = redirect.replace(/^(https?:\/\/(?:\[[^\]]*\]|[^/:?#]+))(?::\d+)?/i, `$1:${at}`)
  return {
    uri,
    answered: answered.promise,
    close: () => {
      for (const server of servers) {
        server.close()
        server.closeAllConnections()
      }
    },
  }
}

function listen(
  host: string,
  port: number,
  answer: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<Server> {
  const server = createServer({ headersTimeout: 10_000, requestTimeout: 10_000 }, answer)
  server.maxConnections = 32
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => resolve(server.off('error', reject)))
  })
}

function say(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, {
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': "default-src 'none'",
    // The code stands in the URL: it is nobody else's.
    'referrer-policy': 'no-referrer',
    'cache-control': 'no-store',
    connection: 'close',
  })
  response.end(`<!doctype html><html lang="en"><title>Postino</title><p>${text}</p></html>\n`)
}
