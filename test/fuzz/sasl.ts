import assert from 'node:assert/strict'
import fc from 'fast-check'
import { saslCrypto } from '../../src/accounts/sasl-crypto.ts'
import { clientMechanism } from '../../src/sasl/client.ts'
import { mechanisms, type ServerStep } from '../../src/sasl/mechanism.ts'
import { keysOf } from '../../src/sasl/scram.ts'
import { serverMechanism } from '../../src/sasl/server.ts'

const name = fc.constantFrom(...mechanisms)
const bindings = fc.constantFrom(
  undefined,
  () => Buffer.from('channel'),
  () => undefined,
)

/** Parts of messages, that come together to something nearly right. */
const part = fc.constantFrom(
  'n,,',
  'y,,',
  'p=tls-exporter,,',
  'p=tls-unique,,',
  'p=tls-server-end-point,,',
  'p=x,,',
  'n,a=mario,',
  'n=mario',
  'n=',
  'n==2C=3D',
  'n==2',
  ',r=',
  'abc',
  'm=x,',
  ',',
  '=',
  '\0',
  'mario',
  'secret',
  '\x01',
  'auth=Bearer ',
  'user=',
  '\x01\x01',
  'c=biws',
  ',p=',
  ',s=',
  ',i=4096',
  'i=1',
  'v=',
  'e=no',
  'x=\u00e8',
  'AAAA',
  'r=',
  'QQ==',
  '{"status":"400"}',
)
const octets = fc.oneof(
  fc.array(part, { maxLength: 10 }).map((parts) => Buffer.from(parts.join(''))),
  fc.uint8Array({ maxLength: 60 }).map((some) => Buffer.from(some)),
  fc.constant(Buffer.alloc(16_384, 'a')),
)
const salt = Buffer.alloc(16, 1)
const keys = { salt, iterations: 4096, ...keysOf(Buffer.alloc(32, 2), saslCrypto), known: true }

/** Whatever a client says, a server's mechanism comes to credentials, or fails, and nobody is proven who has no key. */
export const saslServerProperty: fc.IProperty<unknown[]> = fc.property(
  name,
  bindings,
  fc.boolean(),
  fc.array(octets, { minLength: 1, maxLength: 8 }),
  (mechanism, binding, plus, responses) => {
    const server = serverMechanism(mechanism, { crypto: saslCrypto, bindings: binding, plus })
    if (server === undefined) return
    let step: ServerStep = server.respond(undefined)
    for (const response of responses) {
      if (step.kind === 'keys') step = server.keys(keys)
      if (step.kind === 'failed') return
      if (step.kind === 'credentials') {
        assert.ok(!(step.credentials.by === 'scram' && step.credentials.proven), 'proven without the key')
        const last = server.refused()
        if (last === undefined) return
      }
      step = server.respond(response)
    }
  },
)

/** Whatever a server says, a client's mechanism answers or gives up, and SCRAM's never believes one that does not know the key. */
export const saslClientProperty: fc.IProperty<unknown[]> = fc.property(
  name,
  bindings,
  fc.array(octets, { minLength: 1, maxLength: 8 }),
  fc.boolean(),
  (mechanism, binding, challenges, echo) => {
    const crypto = { ...saslCrypto, pbkdf2: () => Buffer.alloc(32, 3) }
    const who = { login: 'mario', password: 'secret', token: 'token' }
    const client = clientMechanism(mechanism, { ...who, crypto, bindings: binding })
    if (client === undefined) return
    const first = client.first()
    // A server that begins as it should: with the client's own nonce.
    const nonce = /r=([^,]+)/.exec(Buffer.from(first ?? []).toString())?.[1] ?? ''
    const all = echo ? [Buffer.from(`r=${nonce}xyz,s=QQ==,i=4096`), ...challenges] : challenges
    for (const challenge of all) if (client.answer(challenge) === undefined) break
    if (mechanism.startsWith('SCRAM')) assert.ok(!client.finished, 'a server without the key is believed')
  },
)
