import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { TokenEndpointResponse } from 'oauth4webapi'
import { Secrets } from '../secrets.ts'
import { consentWarning } from './consent-end.ts'
import type { Lasting } from './issuers.ts'
import { sealTokens, type Tokens, tokensOf, unsealTokens } from './tokens.ts'

const day = 86_400_000
const start = Date.UTC(2026, 0, 1)
const from = (lasts?: Lasting) => ({ issuer: 'https://id.example.it', scopes: ['mail'], client: { id: 'mine' }, lasts })
const answer = (more: object = {}): TokenEndpointResponse => ({
  access_token: 'access',
  token_type: 'bearer',
  expires_in: 3600,
  refresh_token: 'refresh',
  ...more,
})

test('an answer becomes tokens; what it does not say is what was asked for', () => {
  const { access, expires, refresh, scopes, consented, consentEnds } = tokensOf(answer(), from(), start)
  assert.deepEqual([access, refresh, scopes, consented], ['access', 'refresh', ['mail'], start])
  assert.equal(expires, start + 3600_000)
  assert.equal(consentEnds, undefined)
  assert.deepEqual(tokensOf(answer({ scope: 'a b' }), from(), start).scopes, ['a', 'b'])
  assert.equal(tokensOf(answer({ expires_in: undefined }), from(), start).expires, undefined)
})

test('a refresh token that is not replaced goes on; who gave consent, and when, does not change', () => {
  const first = tokensOf(answer({ scope: 'a' }), from(), start)
  const second = tokensOf(answer({ refresh_token: undefined, access_token: 'b' }), from(), start + day, first)
  assert.deepEqual([second.refresh, second.access, second.consented], ['refresh', 'b', start])
  assert.deepEqual(second.scopes, ['a'])
  assert.equal(tokensOf(answer({ refresh_token: 'new' }), from(), start + day, first).refresh, 'new')
})

test('when the log-in ends: as the issuer says, or as is known of it, from the consent or from the last use', () => {
  const testing = answer({ refresh_token_expires_in: 604_799 })
  const google = from({ days: 180, from: 'use' })
  const first = tokensOf(testing, google, start)
  assert.equal(first.consentEnds, start + 604_799_000)
  // Google does not say it again.
  const second = tokensOf(answer({ refresh_token: undefined }), google, start + day, first)
  assert.equal(second.consentEnds, start + 604_799_000)
  const microsoft = from({ days: 90, from: 'use' })
  const used = tokensOf(answer(), microsoft, start)
  assert.equal(used.consentEnds, start + 90 * day)
  assert.equal(tokensOf(answer({ refresh_token: 'b' }), microsoft, start + day, used).consentEnds, start + 91 * day)
  const week = from({ days: 7, from: 'consent' })
  const told = tokensOf(answer(), week, start)
  assert.equal(tokensOf(answer(), week, start + day, told).consentEnds, start + 7 * day)
  // Without a refresh token it ends with the token.
  const none = tokensOf(answer({ refresh_token: undefined }), google, start)
  assert.equal(none.consentEnds, start + 3600_000)
  for (const nonsense of ['soon', Number.NaN, -1, null])
    assert.equal(tokensOf(answer({ refresh_token_expires_in: nonsense }), from(), start).consentEnds, undefined)
})

test('the end is told some days before, and when it has come', () => {
  const warned = (consentEnds: number | undefined, now: number): string | undefined =>
    consentWarning('mario@example.it', consentEnds === undefined ? {} : { consentEnds }, now)
  assert.equal(warned(undefined, start), undefined)
  assert.equal(warned(start + 7 * day, start), undefined)
  assert.equal(
    warned(start + 2 * day, start),
    'the log-in of mario@example.it at its issuer ends on 2026-01-03 00:00 UTC; before that, run: postino account login mario@example.it',
  )
  assert.match(warned(start - day, start) ?? '', /ended on 2025-12-31 00:00 UTC; run: postino account login/)
})

test('tokens are kept encrypted, and are never taken for a password', async (t) => {
  const data = await mkdtemp(join(tmpdir(), 'postino-tokens-'))
  t.after(() => rm(data, { recursive: true, force: true }))
  const secrets = new Secrets(data)
  const tokens: Tokens = tokensOf(answer(), from(), start)
  const sealed = sealTokens(secrets, 'mario@example.it', tokens)
  assert.equal(Buffer.from(sealed).includes('refresh'), false)
  assert.equal(unsealTokens(secrets, 'mario@example.it', sealed).refresh, 'refresh')
  assert.throws(() => secrets.unseal('mario@example.it', sealed), { name: 'StoreError', code: 'damaged' })
  assert.throws(() => unsealTokens(secrets, 'mario@example.it', secrets.seal('mario@example.it', 'password')), {
    name: 'StoreError',
    message: /log-in at the issuer of mario@example\.it was not encrypted .*postino account login mario@example\.it/,
  })
})
