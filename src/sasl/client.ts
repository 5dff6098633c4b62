import { LoginClient } from './login.ts'
import type { ClientMechanism, ClientMechanismOptions, Mechanism } from './mechanism.ts'
import { OAuthClient } from './oauth.ts'
import { PlainClient } from './plain.ts'
import { ScramClient } from './scram-client.ts'

/** The client's side of a mechanism, for one exchange; undefined where what it needs is not there. */
export function clientMechanism(name: Mechanism, options: ClientMechanismOptions): ClientMechanism | undefined {
  const { login, password, token, crypto, bindings } = options
  switch (name) {
    case 'PLAIN':
      return password === undefined ? undefined : new PlainClient({ login, password })
    case 'LOGIN':
      return password === undefined ? undefined : new LoginClient({ login, password })
    case 'SCRAM-SHA-256':
    case 'SCRAM-SHA-256-PLUS':
      if (password === undefined || crypto === undefined) return undefined
      return ScramClient.of(name, { login, password }, crypto, bindings)
    case 'OAUTHBEARER':
    case 'XOAUTH2':
      return token === undefined ? undefined : new OAuthClient(name, { login, token })
  }
}
