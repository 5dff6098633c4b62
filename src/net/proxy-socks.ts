import { isIP, isIPv4, type Socket } from 'node:net'
import { MisuseError, PeerError } from '../errors.ts'
import { spelt, type Destination } from './destination.ts'
import { spellProxy, type ProxyAddress } from './proxy-address.ts'
import { ProxyAnswer } from './proxy-answer.ts'

/** RFC 1928 §6: whose fault it is that there is no connection, and what to say of it. */
const failures: Readonly<Record<number, readonly ['proxy' | 'server', string]>> = {
  1: ['proxy', 'failed; ask who keeps it'],
  2: ['proxy', 'does not allow this connection; ask who keeps it'],
  3: ['server', 'its network cannot be reached from there'],
  4: ['server', 'it cannot be reached from there, or there is no host of this name; check the name'],
  5: ['server', 'nothing listens there; check server and port'],
  6: ['server', 'it did not answer in time'],
  7: ['proxy', 'makes no connections for clients (no CONNECT)'],
  8: ['proxy', 'does not know this kind of address'],
}

/** Has a SOCKS5 proxy (RFC 1928) connect this socket to `to`; a host's name is looked up there. Rejects with PeerError. */
export async function connectBySocks(socket: Socket, proxy: ProxyAddress, to: Destination): Promise<void> {
  const named = spellProxy(proxy)
  const answer = new ProxyAnswer(socket, `the proxy ${named}`)
  const atProxy = (what: string): PeerError => new PeerError('unreachable', `the proxy ${named} ${what}`)

  // §3: 0 is no log-in, 2 is user name and password.
  socket.write(proxy.login === undefined ? Uint8Array.of(5, 1, 0) : Uint8Array.of(5, 2, 0, 2))
  const [version, method] = await answer.exactly(2)
  if (version !== 5) throw atProxy('does not speak SOCKS5; check its kind and port')
  if (method === 2 && proxy.login !== undefined) {
    socket.write(login(proxy.login))
    const [, status] = await answer.exactly(2)
    if (status !== 0) throw atProxy('does not accept the user name and password given for it')
  } else if (method !== 0) {
    throw atProxy(
      proxy.login === undefined
        ? 'wants a user name and a password'
        : 'wants to know us in a way that Postino does not know',
    )
  }

  socket.write(Uint8Array.of(5, 1, 0, ...address(to.host), to.port >> 8, to.port & 0xff))
  const [again, reply = 1, , kind] = await answer.exactly(4)
  if (again !== 5) throw atProxy('does not keep to SOCKS5')
  if (reply !== 0) {
    const [whose, what] = failures[reply] ?? ['proxy', `answered with an unknown code, ${reply}`]
    throw whose === 'proxy'
      ? atProxy(what)
      : new PeerError('unreachable', `${spelt(to)}, by the proxy ${named}: ${what}`)
  }
  // The address and port that the proxy connects from are of no use, but must be taken.
  const length = kind === 1 ? 4 : kind === 4 ? 16 : kind === 3 ? (await answer.exactly(1))[0] : undefined
  if (length === undefined) throw atProxy('does not keep to SOCKS5')
  await answer.exactly(length + 2)
}

/** RFC 1929 §2. */
function login({ name, password }: { name: string; password: string }): Uint8Array {
  const [user, secret] = [Buffer.from(name), Buffer.from(password)]
  if (user.length > 255 || secret.length > 255)
    throw new MisuseError('configuration', 'user name and password for a SOCKS5 proxy may have 255 octets each at most')
  return Uint8Array.of(1, user.length, ...user, secret.length, ...secret)
}

/** RFC 1928 §5: kind and octets of an address. */
function address(host: string): readonly number[] {
  if (isIPv4(host)) return [1, ...host.split('.').map(Number)]
  if (isIP(host) === 6) return [4, ...ipv6(host)]
  const name = Buffer.from(host)
  if (name.length > 255) throw new MisuseError('configuration', `the host name ${host} is longer than a name may be`)
  return [3, name.length, ...name]
}

/** The 16 octets of an IPv6 address, in whatever form it is written (RFC 4291 §2.2). */
function ipv6(host: string): readonly number[] {
  // In the form of RFC 5952, without an IPv4 address at its end.
  const plain = new URL(`http://[${host}]`).hostname.slice(1, -1)
  const [head = '', tail] = plain.split('::')
  const left = head === '' ? [] : head.split(':')
  const right = tail === undefined || tail === '' ? [] : tail.split(':')
  const zeros = Array.from({ length: 8 - left.length - right.length }, () => '0')
  return [...left, ...zeros, ...right].flatMap((group) => [parseInt(group, 16) >> 8, parseInt(group, 16) & 0xff])
}
