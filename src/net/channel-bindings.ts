import { createHash, type X509Certificate } from 'node:crypto'
import type { TLSSocket } from 'node:tls'

/** Hash functions by the object identifiers (DER) that name them, or a signature with them, in a certificate. */
const hashes: readonly (readonly [string, string])[] = [
  ['2a8648ce3d040302', 'sha256'], // ecdsa-with-SHA256, and so on
  ['2a8648ce3d040303', 'sha384'],
  ['2a8648ce3d040304', 'sha512'],
  ['2a864886f70d01010b', 'sha256'], // sha256WithRSAEncryption, and so on
  ['2a864886f70d01010c', 'sha384'],
  ['2a864886f70d01010d', 'sha512'],
  ['608648016503040201', 'sha256'], // the hashes themselves, as RSASSA-PSS names them
  ['608648016503040202', 'sha384'],
  ['608648016503040203', 'sha512'],
  // RFC 5929 §4.1: SHA-256 where the signature is made with MD5 or SHA-1.
  ['2a8648ce3d0401', 'sha256'],
  ['2a864886f70d010104', 'sha256'],
  ['2a864886f70d010105', 'sha256'],
].map(([oid = '', hash = '']) => [`06${(oid.length / 2).toString(16).padStart(2, '0')}${oid}`, hash])

/** RFC 9266; RFC 5929 §3, §4. */
export type BindingType = 'tls-exporter' | 'tls-unique' | 'tls-server-end-point'

/** What binds an exchange of log-in messages to this TLS connection; undefined where there is no such thing. */
export function channelBinding(
  socket: TLSSocket,
  type: BindingType,
  side: 'server' | 'client',
): Uint8Array | undefined {
  if (type === 'tls-server-end-point') {
    const certificate = side === 'server' ? socket.getX509Certificate() : socket.getPeerX509Certificate()
    return certificate && endPoint(certificate)
  }
  // RFC 9266 §4.2: before TLS 1.3 the exporter is sound only with an extension that cannot be asked about here.
  if (socket.getProtocol() !== 'TLSv1.3') return type === 'tls-unique' ? unique(socket, side) : undefined
  if (type !== 'tls-exporter') return undefined
  return socket.exportKeyingMaterial(32, 'EXPORTER-Channel-Binding', Buffer.alloc(0))
}

/** RFC 5929 §3.1: the first Finished message of the handshake, which is the client's where no session is resumed. */
function unique(socket: TLSSocket, side: 'server' | 'client'): Uint8Array | undefined {
  // RFC 7677 §4: of a resumed session it is not sound, or only with that extension.
  if (socket.isSessionReused()) return undefined
  return side === 'server' ? socket.getPeerFinished() : socket.getFinished()
}

/** RFC 5929 §4.1: the hash of the certificate, by the hash function of its signature. */
function endPoint({ raw }: X509Certificate): Uint8Array | undefined {
  const algorithm = signatureAlgorithm(raw).toString('hex')
  // Where the signature has no hash function of its own (Ed25519), there is no binding.
  const hash = hashes.find(([oid]) => algorithm.includes(oid))?.[1]
  return hash === undefined ? undefined : createHash(hash).update(raw).digest()
}

/** RFC 5280 §4.1: a certificate is a sequence of what is signed, the signature's algorithm, and the signature. */
function signatureAlgorithm(certificate: Buffer): Buffer {
  const signed = contentOf(certificate, 0)
  const algorithm = contentOf(certificate, contentOf(certificate, signed.from).to)
  return certificate.subarray(algorithm.from, algorithm.to)
}

/** Where the content of the DER element at `at` begins and ends. */
function contentOf(der: Buffer, at: number): { readonly from: number; readonly to: number } {
  const first = der.readUInt8(at + 1)
  if (first < 0x80) return { from: at + 2, to: at + 2 + first }
  const more = first & 0x7f
  const from = at + 2 + more
  return { from, to: from + der.readUIntBE(at + 2, more) }
}
