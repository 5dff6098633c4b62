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
