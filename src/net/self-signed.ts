import { generateKeyPairSync, hash, randomBytes, sign } from 'node:crypto'

/** A self-signed certificate and its key, both PEM. */
export interface SelfSigned {
  readonly cert: string
  readonly key: string
}

/** What a self-signed certificate is to say. */
export interface SelfSignedOptions {
  /** The common name, and the names and IP addresses that it is valid for (RFC 5280 §4.2.1.6). */
  readonly name: string
  readonly hosts: readonly string[]
  readonly addresses: readonly Uint8Array[]
  /** Milliseconds since 1970. */
  readonly from: number
  readonly until: number
}

/** Makes an ECDSA P-256 key and a certificate for a TLS server, signed with that same key (RFC 5280 §4.1). */
export function makeSelfSigned(options: SelfSignedOptions): SelfSigned {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const keyInfo = publicKey.export({ type: 'spki', format: 'der' })
  const name = sequence(set(sequence(oid(2, 5, 4, 3), utf8(options.name))))
  const algorithm = sequence(oid(1, 2, 840, 10045, 4, 3, 2)) // RFC 5758 §3.2: ecdsa-with-SHA256
  const tbs = sequence(
    explicit(0, integer(Uint8Array.of(2))), // version 3
    integer(Uint8Array.of(1, ...randomBytes(15))), // §4.1.2.2: positive, at most 20 octets
    algorithm,
    name,
    sequence(time(options.from), time(options.until)),
    name,
    keyInfo,
    explicit(
      3,
      sequence(
        extension(oid(2, 5, 29, 19), true, sequence()), // §4.2.1.9: not an authority
        extension(oid(2, 5, 29, 15), true, tlv(0x03, Uint8Array.of(7, 0x80))), // §4.2.1.3: digitalSignature
        extension(oid(2, 5, 29, 37), false, sequence(oid(1, 3, 6, 1, 5, 5, 7, 3, 1))), // §4.2.1.12: serverAuth
        extension(oid(2, 5, 29, 17), false, alternativeNames(options)),
        extension(oid(2, 5, 29, 14), false, tlv(0x04, hash('sha1', keyInfo, 'buffer'))), // §4.2.1.2
      ),
    ),
  )
  const certificate = sequence(tbs, algorithm, bitString(sign('sha256', tbs, privateKey)))
  return {
    cert: pem('CERTIFICATE', certificate),
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  }
}

/** §4.2.1.6: a dNSName is [2], an iPAddress is [7]. */
function alternativeNames(options: SelfSignedOptions): Uint8Array {
  return sequence(
    ...options.hosts.map((host) => tlv(0x82, Buffer.from(host, 'latin1'))),
    ...options.addresses.map((address) => tlv(0x87, address)),
  )
}

function extension(id: Uint8Array, critical: boolean, value: Uint8Array): Uint8Array {
  return sequence(id, ...(critical ? [tlv(0x01, Uint8Array.of(0xff))] : []), tlv(0x04, value))
}

/** §4.1.2.5: as UTCTime up to 2049, as GeneralizedTime from 2050. */
function time(when: number): Uint8Array {
  const digits = `${new Date(when).toISOString().replace(/\D/g, '').slice(0, 14)}Z`
  return digits < '2050' ? tlv(0x17, Buffer.from(digits.slice(2))) : tlv(0x18, Buffer.from(digits))
}

// The distinguished encoding (X.690): a tag, the length of the contents, the contents.

function tlv(tag: number, ...contents: Uint8Array[]): Uint8Array {
  const content = Buffer.concat(contents)
  return Buffer.concat([Uint8Array.of(tag, ...lengthOf(content.length)), content])
}

function lengthOf(length: number): number[] {
  if (length < 0x80) return [length]
  const octets = length < 0x100 ? [length] : [length >> 8, length & 0xff]
  return [0x80 | octets.length, ...octets]
}

function sequence(...contents: Uint8Array[]): Uint8Array {
  return tlv(0x30, ...contents)
}

function set(...contents: Uint8Array[]): Uint8Array {
  return tlv(0x31, ...contents)
}

function explicit(tag: number, content: Uint8Array): Uint8Array {
  return tlv(0xa0 | tag, content)
}

/** Octets whose first is 1 to 0x7F: positive, and as short as can be. */
function integer(octets: Uint8Array): Uint8Array {
  return tlv(0x02, octets)
}

function utf8(text: string): Uint8Array {
  return tlv(0x0c, Buffer.from(text))
}

function bitString(octets: Uint8Array): Uint8Array {
  return tlv(0x03, Uint8Array.of(0), octets)
}

function oid(first: number, second: number, ...rest: number[]): Uint8Array {
  const octets = [first * 40 + second]
  for (const arc of rest) {
    const groups = [arc & 0x7f]
    for (let left = arc >> 7; left > 0; left >>= 7) groups.unshift((left & 0x7f) | 0x80)
    octets.push(...groups)
  }
  return tlv(0x06, Uint8Array.from(octets))
}

function pem(label: string, der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? []
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`
}
