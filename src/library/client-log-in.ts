import type { Pop3Connection } from '../doors/pop3-connection.ts'
import { logInPop3 } from '../doors/pop3-log-in.ts'

/** Who logs in, and by what. */
export type ClientCredentials =
  | { readonly login: string; readonly password: string }
  /** An OAuth 2.0 access token. */
  | { readonly login: string; readonly token: string }

/** Logs in by the best way that the server offers. Rejects with RefusedError, or PeerError where there is no way. */
export async function logIn(connection: Pop3Connection, credentials: ClientCredentials): Promise<void> {
  const { login } = credentials
  if ('token' in credentials) {
    const { token } = credentials
    await logInPop3(connection, { login, token: () => Promise.resolve(token) })
    // Whoever wanted TLS has it by now.
  } else await logInPop3(connection, { ...credentials, inTheClear: true })
}
