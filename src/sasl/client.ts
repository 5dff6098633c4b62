import { CramMd5Client } from './cram-md5.ts'
import { LoginClient } from './login.ts'
import type { ClientMechanism, ClientMechanismName, ClientMechanismOptions } from './mechanism.ts'
import { OAuthClient } from './oauth.ts'
import { PlainClient } from './plain.ts'
import { ScramClient } from './scram-client.ts'

/** The client's side of a mechanism, for one exchange; undefined where what it needs is not there. */
export function clientMechanism(
  name: ClientMechanismName,
  options: ClientMechanismOptions,
): ClientMechanism | undefined {
  const { login, password, token, crypto, hmacMd5, bindings } = options
  switch (name) {
    case 'PLAIN':
      return password === undefined ? undefined : new PlainClient({ login, password })
    case 'LOGIN':
      return password === undefined ? undefined : new LoginClient({ login, password })
    case 'SCRAM-SHA-256':
    case 'SCRAM-SHA-256-PLUS':
      if (password === undefined || crypto === undefined) return undefined
      return ScramClient.of(name, { login, password }, crypto, bindings)
    case 'CRAM-MD5':
      return password === undefined || hmacMd5 === undefined
        ? undefined
        : new CramMd5Client({ login, password }, hmacMd5)
    case 'OAUTHBEARER':
    case 'XOAUTH2':
      return token === undefined ? undefined : new OAuthClient(name, { login, token })
  }
}
