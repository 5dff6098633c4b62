import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { connect as connectPlain } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { connect } from 'node:tls'
import { generateMessages } from '../corpus/generate.ts'
import { answers, startDovecot } from './dovecot.ts'
import type { Dovecot, DovecotOptions } from './dovecot.ts'
import { runMpop } from './mpop.ts'
import { available } from './run.ts'

/** A Dovecot for one test; undefined, and the test skipped, where there is none. */
async function started(
  t: TestContext,
  options: Omit<DovecotOptions, 'folder' | 'users'> = {},
): Promise<Dovecot | undefined> {
  if (!available('dovecot') || !available('doveadm')) {
    t.skip('dovecot is not installed')
    return undefined
  }
  const folder = mkdtempSync(join(tmpdir(), 'postino-dovecot-'))
  const dovecot = await startDovecot({ ...options, folder, users: { mario: 'uno', anna: 'due' } })
  t.after(async () => {
    await dovecot.stop()
    rmSync(folder, { recursive: true, force: true })
  })
  return dovecot
}

test('each user has a maildrop of their own, and doveadm sees it', async (t) => {
  const dovecot = await started(t, { protocols: ['pop3', 'imap'] })
  if (!dovecot) return
  const filled = dovecot.fill('anna', generateMessages({ seed: 1, count: 7, profile: 'small' }))
  assert.deepEqual(dovecot.tally('anna'), filled)
  assert.equal(dovecot.tally('mario').messages, 0)
  const status = await dovecot.doveadm('mailbox', 'status', '-u', 'anna', 'messages vsize', 'INBOX')
  assert.equal(status.stdout.trim(), `INBOX messages=7 vsize=${filled.octets}`)
  assert.ok(await answers(dovecot.ports['imap'] ?? 0))
})

test('a client that deletes leaves the maildrop empty', async (t) => {
  const dovecot = await started(t)
  if (!dovecot) return
  if (!available('mpop')) return t.skip('mpop is not installed')
  dovecot.fill('mario', generateMessages({ seed: 2, count: 5, profile: 'small' }))
  const folder = join(dovecot.folder, 'mpop')
  const port = dovecot.ports['pop3'] ?? 0
  const got = await runMpop({ host: '127.0.0.1', port, login: 'mario', password: 'uno', folder, remove: true })
  assert.equal(got.messages, 5)
  assert.equal(dovecot.tally('mario').messages, 0)
})

test('its certificate is valid for 127.0.0.1 and of ECDSA P-256', async (t) => {
  const dovecot = await started(t, { tls: true })
  if (!dovecot) return
  const ca = readFileSync(dovecot.certificate)
  const socket = connect({ host: '127.0.0.1', port: dovecot.ports['pop3s'] ?? 0, ca })
  await new Promise<void>((resolve, reject) => socket.once('secureConnect', resolve).once('error', reject))
  assert.equal(socket.getProtocol(), 'TLSv1.3')
  assert.equal(socket.getPeerCertificate().asn1Curve, 'prime256v1')
  socket.destroy()
})

test('lines of configuration come last and so win; stopped, nobody answers', async (t) => {
  const dovecot = await started(t, { settings: 'login_greeting = Salve' })
  if (!dovecot) return
  const port = dovecot.ports['pop3'] ?? 0
  const socket = connectPlain(port, dovecot.host)
  const [greeting] = (await once(socket, 'data')) as [Buffer]
  socket.destroy()
  assert.equal(greeting.toString().trimEnd().split(' <')[0], '+OK Salve')
  await dovecot.stop()
  assert.equal(await answers(port), false)
})

test('a Dovecot that cannot start says why', async (t) => {
  if (!available('dovecot')) return t.skip('dovecot is not installed')
  const folder = mkdtempSync(join(tmpdir(), 'postino-dovecot-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  await assert.rejects(startDovecot({ folder, users: {}, settings: 'no_such_setting = 1' }), /no_such_setting/)
})
