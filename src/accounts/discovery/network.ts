import { Resolver } from 'node:dns/promises'
import { isIP, type Socket } from 'node:net'
import { PeerError } from '../../errors.ts'
import { connect, type Reach, secure } from '../../net/connect.ts'
import type { Endpoint, Protocol } from '../provider.ts'
import { sayHello } from './hello.ts'
import { get } from './https-page.ts'
import type { Look, MxRecord, SrvRecord } from './look.ts'

/** Where the network is not the usual one. */
export interface NetworkOptions {
  /** `ADDRESS` or `ADDRESS:PORT`; those of the system unless said. */
  readonly nameServers?: readonly string[]
  /** Certificates (PEM) to trust instead of those that Node.js trusts. */
  readonly ca?: string
  /** The way that the account's connections will take. */
  readonly reach?: Reach | undefined
}

/** How long a name server is given, and how often it is asked; how long a connection may take, milliseconds. */
const patience = { dns: 1_000, tries: 2, connect: 4_000 }
/** So many times a page may be elsewhere. */
const mostMoves = 3

/** The network as discovery looks into it: DNS of its own (which can be given up at once), https, and mail servers' greetings. */
export class Network implements Look {
  readonly #options: NetworkOptions

  constructor(options: NetworkOptions = {}) {
    this.#options = options
  }

  srv(name: string, signal: AbortSignal): Promise<readonly SrvRecord[]> {
    return this.#records((resolver) => resolver.resolveSrv(name), signal)
  }

  mx(domain: string, signal: AbortSignal): Promise<readonly MxRecord[]> {
    return this.#records((resolver) => resolver.resolveMx(domain), signal)
  }

  async page(from: string, signal: AbortSignal): Promise<string | undefined> {
    let url = new URL(from)
    for (let moves = 0; moves <= mostMoves; moves++) {
      const to = { host: url.hostname, port: Number(url.port || 443) }
      const { proxy } = this.#options.reach ?? {}
      const socket = await this.#connect(to, 'http/1.1', proxy === undefined ? {} : { proxy }, signal)
      if (socket === undefined) return undefined
      const { status, location, text } = await get(url, socket, signal)
      if (text !== undefined) return text
      if (status >= 500) throw new PeerError('protocol', `${url.host}: it answered ${status}`)
      if (![301, 302, 303, 307, 308].includes(status) || location === undefined) return undefined
      const next = URL.parse(location, url)
      // A move to plain http would let whoever is on the way choose the server.
      if (next?.protocol !== 'https:') return undefined
      url = next
    }
    throw new PeerError('protocol', `${url.host}: the page was moved more than ${mostMoves} times`)
  }

  async hello(server: Endpoint, protocol: Protocol, signal: AbortSignal): Promise<void> {
    const { host, port, tls } = server
    const { ca, reach } = this.#options
    const socket = await this.#connect(server, tls === 'implicit' ? protocol : undefined, reach, signal)
    if (socket === undefined) throw new PeerError('unreachable', `there is no host of the name ${host}`)
    const stop = (): void => void socket.destroy(late(host))
    signal.addEventListener('abort', stop)
    try {
      if (signal.aborted) throw late(host)
      await sayHello(socket, server, protocol, (open) =>
        secure(open, { host, port }, { ca, reach, timeout: patience.connect, signal }),
      )
    } finally {
      signal.removeEventListener('abort', stop)
    }
  }

  /** A connection, with TLS where `alpn` is given; undefined where there is no such host. */
  async #connect(
    { host, port }: { readonly host: string; readonly port: number },
    alpn: string | undefined,
    reach: Reach | undefined,
    signal: AbortSignal,
  ): Promise<Socket | undefined> {
    const { ca } = this.#options
    // A proxy looks up names itself.
    const addresses = reach?.proxy === undefined ? await this.#addresses(host, signal) : undefined
    if (addresses?.length === 0) return undefined
    const lookup = addresses && ((): Promise<typeof addresses> => Promise.resolve(addresses))
    const how = { timeout: patience.connect, ca, reach, lookup, signal }
    try {
      return await connect({ host, port }, alpn === undefined ? { ...how, tls: false } : { ...how, tls: true, alpn })
    } catch (error) {
      throw signal.aborted ? late(host) : error
    }
  }

  async #addresses(host: string, signal: AbortSignal): Promise<{ address: string; family: number }[]> {
    if (isIP(host) !== 0) return [{ address: host, family: isIP(host) }]
    const [six, four] = await Promise.allSettled([
      this.#ask((resolver) => resolver.resolve6(host), signal),
      this.#ask((resolver) => resolver.resolve4(host), signal),
    ])
    if (four.status === 'rejected' && six.status === 'rejected') throw four.reason
    const found = (family: number, answer: typeof four): { address: string; family: number }[] =>
      answer.status === 'fulfilled' ? answer.value.map((address) => ({ address, family })) : []
    return [...found(6, six), ...found(4, four)]
  }

  async #records<Record>(question: (resolver: Resolver) => Promise<Record[]>, signal: AbortSignal): Promise<Record[]> {
    // Who goes through a proxy does not want others to see whom he asks about.
    if (this.#options.reach?.proxy !== undefined)
      throw new PeerError('protocol', 'DNS is not asked, for a proxy carries no such questions')
    return await this.#ask(question, signal)
  }

  /** What DNS says; empty where there is no such name, or nothing of that kind. */
  async #ask<Record>(question: (resolver: Resolver) => Promise<Record[]>, signal: AbortSignal): Promise<Record[]> {
    const resolver = new Resolver({ timeout: patience.dns, tries: patience.tries })
    if (this.#options.nameServers !== undefined) resolver.setServers(this.#options.nameServers)
    const stop = (): void => resolver.cancel()
    signal.addEventListener('abort', stop)
    try {
      if (signal.aborted) throw late('the name server')
      return await question(resolver)
    } catch (error) {
      if (error instanceof PeerError) throw error
      const { code = '' } = error as { code?: string }
      if (code === 'ENOTFOUND' || code === 'ENODATA' || code === 'EBADNAME') return []
      if (['ETIMEOUT', 'ECONNREFUSED', 'ECANCELLED'].includes(code))
        throw new PeerError('timed-out', 'no name server answers', { cause: error })
      throw new PeerError('protocol', `the name server gave no answer (${code})`, { cause: error })
    } finally {
      signal.removeEventListener('abort', stop)
    }
  }
}

function late(host: string): PeerError {
  return new PeerError('timed-out', `${host} did not answer in time`)
}
