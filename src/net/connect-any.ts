import { lookup as lookUp } from 'node:dns/promises'
import { connect, isIP, type Socket } from 'node:net'
import type { Destination } from './destination.ts'

/** One address of a host. */
export interface HostAddress {
  readonly address: string
  /** 4 or 6. */
  readonly family: number
}

/** Gives the addresses of a host, the best first. */
export type Lookup = (host: string) => Promise<readonly HostAddress[]>

/** RFC 8305 §5, §8: how long an attempt has before the next one begins beside it (milliseconds). */
const headStart = 250

/** As the system resolves names, and in its order (RFC 6724). */
const systemLookup: Lookup = (host) => lookUp(host, { all: true, order: 'verbatim' })

/** How addresses are found and tried. */
export interface ConnectAnyOptions {
  readonly lookup?: Lookup | undefined
  /** Ends all attempts; rejects with its reason. */
  readonly signal: AbortSignal
  /** Told when the addresses are known. */
  readonly onAddresses?: () => void
}

/**
 * A TCP connection with the first address of a host that answers (Happy Eyeballs, RFC 8305). Unlike Node's own `autoSelectFamily`, an
 * attempt goes on while the next one begins (§5), so that a line slower than the head start gets through as well.
 * Rejects with the error of the system that tells most.
 */
export async function connectAny(to: Destination, options: ConnectAnyOptions): Promise<Socket> {
  const { lookup = systemLookup, signal } = options
  signal.throwIfAborted()
  const addresses = isIP(to.host) === 0 ? await unless(signal, lookup(to.host)) : [{ address: to.host, family: 0 }]
  options.onAddresses?.()
  if (addresses.length === 0) throw Object.assign(new Error('no address'), { code: 'ENOTFOUND' })
  return await race(alternating(addresses), to.port, signal)
}

/** RFC 8305 §4: one family after the other, beginning with that of the best address. */
function alternating(addresses: readonly HostAddress[]): readonly HostAddress[] {
  const first = addresses.filter(({ family }) => family === addresses[0]?.family)
  const second = addresses.filter(({ family }) => family !== addresses[0]?.family)
  return Array.from({ length: Math.max(first.length, second.length) }, (_, place) => [first[place], second[place]])
    .flat()
    .filter((address) => address !== undefined)
}

function race(addresses: readonly HostAddress[], port: number, signal: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const attempts = new Set<Socket>()
    const errors: Error[] = []
    let next = 0
    let timer: NodeJS.Timeout | undefined
    const settle = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', stop)
      for (const socket of attempts) socket.on('error', () => undefined).destroy()
    }
    const stop = (): void => {
      settle()
      reject(signal.reason)
    }
    const begin = (): void => {
      clearTimeout(timer)
      const address = addresses[next++]
      if (address === undefined) return
      const socket = connect({ host: address.address, port, noDelay: true, keepAlive: true })
      const fail = (error: Error): void => {
        attempts.delete(socket)
        errors.push(error)
        // §5: the next one need not wait for its turn any more.
        if (next < addresses.length) begin()
        else if (attempts.size === 0) {
          settle()
          reject(mostTelling(errors))
        }
      }
      attempts.add(socket)
      socket.once('error', fail).once('connect', () => {
        socket.off('error', fail)
        attempts.delete(socket)
        settle()
        resolve(socket)
      })
      if (next < addresses.length) timer = setTimeout(begin, headStart)
    }
    signal.addEventListener('abort', stop, { once: true })
    begin()
  })
}

/** That there is no way by IPv6 says little where IPv4 was refused. */
function mostTelling(errors: readonly Error[]): Error {
  const dull = ['ENETUNREACH', 'EHOSTUNREACH', 'EADDRNOTAVAIL', 'EAFNOSUPPORT']
  const telling = errors.find((error) => !('code' in error) || !dull.includes(String(error.code)))
  return telling ?? errors[0] ?? new Error('no address could be tried')
}

/** What cannot be stopped is left to itself. */
function unless<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = (): void => reject(signal.reason)
    signal.addEventListener('abort', stop, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop))
  })
}
