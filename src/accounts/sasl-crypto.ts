import { createHmac, hash, pbkdf2Sync, randomBytes } from 'node:crypto'
import type { HmacMd5 } from '../sasl/mechanism.ts'
import type { ScramClientCrypto } from '../sasl/scram.ts'

/** What SASL needs of the system, by Node's OpenSSL. */
export const saslCrypto: ScramClientCrypto = {
  sha256: (octets) => hash('sha256', octets, 'buffer'),
  hmac: (key, octets) => createHmac('sha256', key).update(octets).digest(),
  random: (octets) => randomBytes(octets),
  pbkdf2: (password, salt, iterations) => pbkdf2Sync(password, salt, iterations, 32, 'sha256'),
}

/** For CRAM-MD5 and nothing else. */
export const hmacMd5: HmacMd5 = (key, octets) => createHmac('md5', key).update(octets).digest()
