import { toOctets } from '../wire/octets.ts'

/** What a server keeps of a password for SCRAM-SHA-256 (RFC 5802 §3). */
export interface ScramKeys {
  readonly salt: Uint8Array
  readonly iterations: number
  readonly storedKey: Uint8Array
  readonly serverKey: Uint8Array
  /** False: they were invented, so that nobody learns who is known here. No proof holds against them. */
  readonly known: boolean
}

/** What SCRAM needs of the system; given in, so that this room stays pure. */
export interface SaslCrypto {
  sha256(octets: Uint8Array): Uint8Array
  /** HMAC-SHA-256. */
  hmac(key: Uint8Array, octets: Uint8Array): Uint8Array
  /** So many random octets. */
  random(octets: number): Uint8Array
}

/** What a client needs besides. */
export interface ScramClientCrypto extends SaslCrypto {
  /** PBKDF2 with HMAC-SHA-256 and 32 octets of output: RFC 5802's Hi. */
  pbkdf2(password: Uint8Array, salt: Uint8Array, iterations: number): Uint8Array
}

/** A nonce is so many octets in base64, so that it ends without padding. */
export const nonceOctets = 18

/** The three keys that come of a salted password (RFC 5802 §3). */
export function keysOf(
  saltedPassword: Uint8Array,
  crypto: Pick<SaslCrypto, 'hmac' | 'sha256'>,
): { clientKey: Uint8Array; storedKey: Uint8Array; serverKey: Uint8Array } {
  const clientKey = crypto.hmac(saltedPassword, toOctets('Client Key'))
  return {
    clientKey,
    storedKey: crypto.sha256(clientKey),
    serverKey: crypto.hmac(saltedPassword, toOctets('Server Key')),
  }
}

/** Whether they are the same; how long it takes tells nothing of what is in them. */
export function sameOctets(a: Uint8Array, b: Uint8Array): boolean {
  let differ = a.length ^ b.length
  for (let i = 0; i < a.length; i++) differ |= (a[i] ?? 0) ^ (b[i] ?? 0)
  return differ === 0
}

/** Each octet of one against that of the other; both are as long. */
export function exclusiveOr(a: Uint8Array, b: Uint8Array): Uint8Array {
  return a.map((octet, at) => octet ^ (b[at] ?? 0))
}

/** RFC 5802 §5.1, n and a: a name as it stands in a message. */
export function escapeName(name: string): string {
  return name.replaceAll('=', '=3D').replaceAll(',', '=2C')
}

/** The name that stands in a message; undefined where it is none. */
export function unescapeName(text: string): string | undefined {
  if (text === '' || /=(?!2C|3D)|\0/.test(text)) return undefined
  return text.replaceAll('=2C', ',').replaceAll('=3D', '=')
}
