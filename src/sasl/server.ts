import { LoginServer } from './login.ts'
import type { Mechanism, ServerMechanism, ServerMechanismOptions } from './mechanism.ts'
import { OAuthServer } from './oauth.ts'
import { PlainServer } from './plain.ts'
import { ScramServer } from './scram-server.ts'

/** The server's side of a mechanism, for one exchange; undefined where what it needs is not there. */
export function serverMechanism(name: Mechanism, options: ServerMechanismOptions = {}): ServerMechanism | undefined {
  switch (name) {
    case 'PLAIN':
      return new PlainServer()
    case 'LOGIN':
      return new LoginServer()
    case 'SCRAM-SHA-256':
    case 'SCRAM-SHA-256-PLUS':
      return options.crypto && new ScramServer(name, options.crypto, options)
    case 'OAUTHBEARER':
    case 'XOAUTH2':
      return new OAuthServer(name)
  }
}
