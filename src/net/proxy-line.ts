import { isIPv4, isIPv6 } from 'node:net'

// HAProxy's PROXY protocol: https://www.haproxy.org/download/3.2/doc/proxy-protocol.txt

/** What a proxy says before the first octet of the client. */
export interface ProxyLine {
  /** How many octets it takes. */
  readonly octets: number
  /** The client's address; undefined: the proxy speaks for itself, or does not know (`LOCAL`, `UNKNOWN`). */
  readonly address: string | undefined
}

/** §2.1: the longest text form, with its CRLF. */
const longestText = 107
/** The longest binary form that is taken, its TLVs included; §2.2 has no limit below 64 KiB. */
const longestBinary = 16 + 4096
const signature = Uint8Array.of(0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a)
const text = new TextEncoder().encode('PROXY ')

/** Reads a PROXY header, version 1 (text) or 2 (binary), from the first octets of a connection; `more`: it is not whole yet. */
export function readProxyLine(octets: Uint8Array): ProxyLine | 'more' | 'wrong' {
  if (begins(octets, text)) return octets.length < text.length ? 'more' : readText(octets)
  if (begins(octets, signature)) return octets.length < 16 ? 'more' : readBinary(octets)
  return 'wrong'
}

function begins(octets: Uint8Array, wanted: Uint8Array): boolean {
  return wanted.subarray(0, octets.length).every((octet, at) => octets[at] === octet)
}

/** §2.1: `PROXY TCP4 192.0.2.7 192.0.2.1 40000 110` */
function readText(octets: Uint8Array): ProxyLine | 'more' | 'wrong' {
  const end = octets.subarray(0, longestText).indexOf(0x0a)
  if (end === -1) return octets.length < longestText ? 'more' : 'wrong'
  if (octets[end - 1] !== 0x0d) return 'wrong'
  const [, family, from = '', to = '', ...ports] = new TextDecoder('latin1')
    .decode(octets.subarray(0, end - 1))
    .split(' ')
  // Whatever follows UNKNOWN is not to be looked at.
  if (family === 'UNKNOWN') return { octets: end + 1, address: undefined }
  const isAddress = family === 'TCP4' ? isIPv4 : family === 'TCP6' ? isGlobalIPv6 : () => false
  const good = isAddress(from) && isAddress(to) && ports.length === 2 && ports.every(isPort)
  return good ? { octets: end + 1, address: family === 'TCP6' ? plainIPv6(from) : from } : 'wrong'
}

/** Without a zone: that would mean something only on the proxy. */
function isGlobalIPv6(text: string): boolean {
  return isIPv6(text) && !text.includes('%')
}

function isPort(digits: string): boolean {
  return /^(?:0|[1-9]\d{0,4})$/.test(digits) && Number(digits) <= 65_535
}

/** §2.2: signature, version and command, family, length, addresses, TLVs. */
function readBinary(octets: Uint8Array): ProxyLine | 'more' | 'wrong' {
  const view = new DataView(octets.buffer, octets.byteOffset, octets.length)
  const command = view.getUint8(12)
  const family = view.getUint8(13)
  const length = 16 + view.getUint16(14)
  if (command >> 4 !== 2 || length > longestBinary) return 'wrong'
  if (octets.length < length) return 'more'
  if (command === 0x20) return { octets: length, address: undefined }
  if (command !== 0x21) return 'wrong'
  // TCP over IPv4, over IPv6; of anything else (Unix sockets) there is no address that would mean something here.
  const size = family === 0x11 ? 4 : family === 0x21 ? 16 : 0
  if (length < 16 + size * 2 + (size > 0 ? 4 : 0)) return 'wrong'
  return { octets: length, address: size === 0 ? undefined : addressText(view, size) }
}

function addressText(view: DataView, size: 4 | 16): string {
  if (size === 4) return Array.from({ length: 4 }, (_, at) => view.getUint8(16 + at)).join('.')
  return plainIPv6(Array.from({ length: 8 }, (_, at) => view.getUint16(16 + at * 2).toString(16)).join(':'))
}

/** As Node writes addresses (RFC 5952), so that each has one form; an IPv4 address in IPv6 form (RFC 4291 §2.5.5.2) is itself. */
function plainIPv6(text: string): string {
  const address = new URL(`http://[${text}]`).hostname.slice(1, -1)
  const [, high = '', low = ''] = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(address) ?? []
  if (high === '') return address
  const octets = parseInt(high, 16) * 0x10000 + parseInt(low, 16)
  return [24, 16, 8, 0].map((shift) => Math.floor(octets / 2 ** shift) % 256).join('.')
}
