import type { Socket } from 'node:net'
import { PeerError } from '../errors.ts'
import { connectAny, type Lookup } from './connect-any.ts'
import { handshake, type Trust } from './connect-tls.ts'
import { connectionError } from './connection-error.ts'
import { spelt, type Destination } from './destination.ts'

export { connectionError } from './connection-error.ts'
export { spelt, type Destination } from './destination.ts'

/** The way to a server, where it is not the usual one. */
export interface Reach extends Trust {
  /** Through this proxy, which looks up the server's name: `socks5://[USER:PASSWORD@]HOST[:PORT]`, or `http://…` (CONNECT). */
  readonly proxy?: string
}

/** How to connect, and how long that may take. */
export interface ConnectOptions {
  /** TLS from the first octet (RFC 8314 §3). */
  readonly tls: boolean
  /** How long it may take until the connection stands, proxy and TLS included (milliseconds). */
  readonly timeout: number
  /** For TLS: the protocol's name (RFC 7301), `pop3`. */
  readonly alpn?: string
  /** For TLS: certificates (PEM) to trust instead of those that Node.js trusts. */
  readonly ca?: string | undefined
  readonly reach?: Reach | undefined
  /** How names are looked up; by the system unless said. */
  readonly lookup?: Lookup | undefined
  /** Gives up with PeerError `connection-lost`. */
  readonly signal?: AbortSignal | undefined
}

/**
 * Connects, over every address of the host that answers. Rejects with PeerError `unreachable`, `tls`, `timed-out` or `connection-lost`, and
 * with MisuseError where `reach` makes no sense.
 */
export async function connect(to: Destination, options: ConnectOptions): Promise<Socket> {
  const { reach = {}, tls } = options
  using deadline = new Deadline(options)
  const socket = await (reach.proxy === undefined
    ? open(to, spelt(to), options.lookup, deadline)
    : openThrough(reach.proxy, to, options.lookup, deadline))
  return tls ? await begin(socket, to, options, deadline) : socket
}

/** Turns a connection in the clear into a TLS one (RFC 2595 §4). Rejects like `connect`. */
export async function secure(
  socket: Socket,
  to: Destination,
  options: Omit<ConnectOptions, 'tls' | 'lookup'>,
): Promise<Socket> {
  using deadline = new Deadline(options)
  return await begin(socket, to, options, deadline)
}

async function begin(
  socket: Socket,
  to: Destination,
  { alpn, ca, reach = {} }: Pick<ConnectOptions, 'alpn' | 'ca' | 'reach'>,
  deadline: Deadline,
): Promise<Socket> {
  deadline.step = `${spelt(to)} did not finish the TLS handshake`
  return await handshake(socket, to, { alpn, ca, trust: reach, signal: deadline.signal })
}

/** `named`: what to call it where it does not answer. */
async function open(to: Destination, named: string, lookup: Lookup | undefined, deadline: Deadline): Promise<Socket> {
  deadline.step = `the name ${to.host} was not found`
  const onAddresses = (): void => void (deadline.step = `${named} did not answer`)
  try {
    return await connectAny(to, { lookup, signal: deadline.signal, onAddresses })
  } catch (error) {
    throw error instanceof Error ? connectionError(error, to) : error
  }
}

async function openThrough(
  url: string,
  to: Destination,
  lookup: Lookup | undefined,
  deadline: Deadline,
): Promise<Socket> {
  const { connectByHttp, connectBySocks, parseProxy, spellProxy } = await import('./proxies.ts')
  const proxy = parseProxy(url)
  const named = `the proxy ${spellProxy(proxy)}`
  const { signal } = deadline
  let socket: Socket
  try {
    socket = await open(proxy, named, lookup, deadline)
  } catch (error) {
    if (!(error instanceof PeerError) || signal.aborted) throw error
    throw new PeerError(error.code, `no way to the proxy: ${error.message}`, { cause: error })
  }
  deadline.step = `${named} did not connect to ${spelt(to)}`
  const stop = (): void => void socket.destroy()
  const ignore = (): void => undefined
  signal.addEventListener('abort', stop)
  socket.on('error', ignore)
  try {
    await (proxy.kind === 'http' ? connectByHttp : connectBySocks)(socket, proxy, to)
    return socket
  } catch (error) {
    socket.destroy()
    if (signal.aborted) throw signal.reason
    if (!(error instanceof Error)) throw error
    const why = connectionError(error, proxy)
    throw why === error ? error : new PeerError('unreachable', `${named} broke off`, { cause: error })
  } finally {
    signal.removeEventListener('abort', stop)
    socket.off('error', ignore)
  }
}

/** The time that all steps of a connection have together. */
class Deadline implements Disposable {
  /** Aborted with a PeerError. */
  readonly signal: AbortSignal
  /** What has not happened when it is over. */
  step = ''
  readonly #timer: NodeJS.Timeout
  readonly #forget: () => void

  constructor({ timeout, signal }: Pick<ConnectOptions, 'timeout' | 'signal'>) {
    const controller = new AbortController()
    this.signal = controller.signal
    this.#timer = setTimeout(
      () => controller.abort(new PeerError('timed-out', `${this.step} within ${timeout / 1000} s`)),
      timeout,
    )
    const stop = (): void => controller.abort(new PeerError('connection-lost', 'stopped'))
    this.#forget = () => signal?.removeEventListener('abort', stop)
    signal?.addEventListener('abort', stop, { once: true })
    if (signal?.aborted === true) stop()
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer)
    this.#forget()
  }
}
