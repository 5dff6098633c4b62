import { createHmac, pbkdf2, randomBytes } from 'node:crypto'
import { promisify } from 'node:util'
import { prepared } from '../sasl/prepare.ts'
import { keysOf, type ScramKeys } from '../sasl/scram.ts'
import { saslCrypto } from './sasl-crypto.ts'

/** How much work a client has at each log-in, and a thief for each guess: docs/decisions/scram-iterations.md. */
const iterations = 100_000
const saltOctets = 16

const derive = promisify(pbkdf2)

/** The stored form of SCRAM-SHA-256 keys, made from a password (RFC 5803 §3). */
export async function makeScramKeys(password: string): Promise<string> {
  const salt = randomBytes(saltOctets)
  const salted = await derive(prepared(password), salt, iterations, 32, 'sha256')
  const { storedKey, serverKey } = keysOf(salted, saslCrypto)
  const text = (octets: Uint8Array): string => Buffer.from(octets).toString('base64')
  return `SCRAM-SHA-256$${iterations}:${text(salt)}$${text(storedKey)}:${text(serverKey)}`
}

/** What looks like stored keys. */
export const nobodysKeys: string = `SCRAM-SHA-256$${iterations}:${'A'.repeat(22)}==$${'A'.repeat(43)}=:${'A'.repeat(43)}=`

/** The keys that were stored; undefined where that is not their form. */
export function parseScramKeys(stored: string): ScramKeys | undefined {
  const form = /^SCRAM-SHA-256\$([1-9]\d{0,8}):([A-Za-z0-9+/]+=*)\$([A-Za-z0-9+/]{43}=):([A-Za-z0-9+/]{43}=)$/.exec(
    stored,
  )
  if (form === null) return undefined
  const [, count, salt = '', storedKey = '', serverKey = ''] = form
  const octets = (text: string): Uint8Array => Buffer.from(text, 'base64')
  return {
    salt: octets(salt),
    iterations: Number(count),
    storedKey: octets(storedKey),
    serverKey: octets(serverKey),
    known: true,
  }
}

/**
 * Keys for a name that has none. They must look like those of a user each time, in each process (RFC 5802 §5.1, s and i: a client
 * may remember them), so that they are made of the name and of a secret of this data folder.
 */
export function inventScramKeys(name: string, pepper: Uint8Array): ScramKeys {
  const octets = (what: string): Uint8Array => createHmac('sha256', pepper).update(`${what} ${name}`).digest()
  return {
    salt: octets('salt').subarray(0, saltOctets),
    iterations,
    storedKey: octets('stored'),
    serverKey: octets('server'),
    known: false,
  }
}
