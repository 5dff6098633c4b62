import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PeerError, RefusedError } from '../errors.ts'
import { endedOf } from './fetch-outcome.ts'

const refused = (reason: RefusedError['reason']): RefusedError => new RefusedError(reason, '', 'no')

test('what passes soon is tried again soon; a server that wants time gets it', () => {
  assert.deepEqual(endedOf({ error: undefined, leastWait: undefined }), { ok: true, soon: false, wait: undefined })
  assert.deepEqual(endedOf({ error: undefined, leastWait: 300_000 }), { ok: true, soon: false, wait: 300_000 })
  assert.deepEqual(endedOf({ error: refused('in-use') }), { ok: false, soon: true, wait: undefined })
  // It does not say how much: ten minutes.
  assert.deepEqual(endedOf({ error: refused('login-delay') }), { ok: false, soon: true, wait: 600_000 })
  for (const error of [refused('bad-login'), refused('try-later'), new PeerError('timed-out', 'silent')])
    assert.deepEqual(endedOf({ error }), { ok: false, soon: false, wait: undefined })
})
