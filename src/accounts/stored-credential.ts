import { hashPassword } from './passwords.ts'
import { makeScramKeys } from './scram-keys.ts'
import type { Secrets } from './secrets.ts'

/** What is kept of a password. */
export interface StoredCredential {
  /** argon2id, as a PHC string. */
  readonly password: string
  /** SCRAM-SHA-256 keys, in the form of RFC 5803. */
  readonly scram: string
  /** The password itself, encrypted, for APOP. */
  readonly apop: Uint8Array | undefined
}

/**
 * What to keep of a new password. `recoverable`: also the password itself, encrypted, without which APOP cannot be checked
 * (RFC 1939 §7); only where the user chose that, for who takes the data folder with its key reads it.
 */
export async function storedCredential(
  password: string,
  recoverable?: { readonly user: string; readonly secrets: Secrets },
): Promise<StoredCredential> {
  const [hash, scram] = await Promise.all([hashPassword(password), makeScramKeys(password)])
  const apop = recoverable?.secrets.seal(apopOwner(recoverable.user), password)
  return { password: hash, scram, apop }
}

/** What an APOP secret is bound to. No remote account is called so: their addresses have no space in them. */
export function apopOwner(user: string): string {
  return `user ${user}`
}
