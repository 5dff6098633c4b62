import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import { examine, type Findings } from '../../src/doctor/examine.ts'
import type { Target } from '../../src/doctor/target.ts'
import { families, ruleIds } from '../../src/doctor/rules/index.ts'
import { generateMessages } from '../corpus/generate.ts'
import { startCourier } from './courier.ts'
import { startCyrus } from './cyrus.ts'
import { startDovecot } from './dovecot.ts'
import { peerFault } from './own-root.ts'
import { available } from './run.ts'

// `postino doctor` runs to its end against servers that are not ours, and agrees with what they are known to announce.

const mail = (): Uint8Array[] => [
  ...generateMessages({ seed: 5, count: 6, profile: 'small' }),
  Buffer.from('From: a@example.it\r\nSubject: dots\r\n\r\n.one\r\n..two\r\n.\r\nend\r\n'),
]
const credentials = { login: 'mario', password: 'secret' }

function folderFor(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'postino-doctor-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

async function examined(
  port: number,
  tls: Target['tls'],
  certificate: string,
  options: { destructive: boolean; except?: ReadonlySet<string>; patience?: number },
): Promise<Findings> {
  const pem = readFileSync(certificate, 'utf8').replace(/^[^]*(?=-----BEGIN CERTIFICATE)/, '')
  const target = { host: '127.0.0.1', port, tls, inTheClear: true, certificate: pem, credentials }
  const found = await examine({ target, patience: 20_000, ...options })
  assert.equal(found.findings.length + (options.except?.size ?? 0), ruleIds.length)
  return found
}

/** What became of a rule, with what was seen or why it could not be tried. */
function outcome(found: Findings, id: string): string {
  const verdict = found.findings.find(({ rule }) => rule.id === id)?.verdict
  const words = verdict?.result === 'untried' ? verdict.why : verdict?.seen
  return `${verdict?.result}${words === undefined ? '' : `: ${words}`}`
}

/** What no server of use gets wrong. */
function agrees(found: Findings): void {
  for (const id of [
    'greeting-positive',
    'noop',
    'log-in',
    'stat-form',
    'list-numbers',
    'retr-octets',
    'retr-dots-stuffed',
  ])
    assert.match(outcome(found, id), /^holds/, id)
  for (const id of ['uidl-over-sessions', 'top-header', 'command-in-pieces', 'replies-end-in-crlf'])
    assert.match(outcome(found, id), /^holds/, id)
}

/** Log-ins that must fail take minutes: servers slow them down. */
const slow = new Set(families.find(({ name }) => name === 'refusals')?.rules.map(({ id }) => id))

// Most of the time one waits for a server: several at a time.
describe('servers that are not ours', { concurrency: 3 }, () => {
  test('Dovecot: the examination runs to its end over STLS, also the destructive part', async (t) => {
    if (!available('dovecot')) return t.skip('dovecot is not installed')
    const dovecot = await startDovecot({ folder: folderFor(t), users: { mario: 'secret' }, tls: true })
    t.after(() => dovecot.stop())
    dovecot.fill('mario', mail())
    const options = { destructive: true, except: slow }
    const found = await examined(dovecot.ports['pop3'] ?? 0, 'starttls', dovecot.certificate, options)
    agrees(found)
    assert.match(outcome(found, 'quit-removes'), /^holds/)
    assert.equal(dovecot.tally('mario').messages, 6)
    assert.equal(outcome(found, 'utf8'), 'untried: UTF8 is not announced')
    assert.equal(outcome(found, 'lang-list'), 'untried: LANG is not announced')
    assert.match(outcome(found, 'capa'), /TOP, UIDL, RESP-CODES, PIPELINING/)
  })

  test('Dovecot with its lock: the second log-in is refused with IN-USE', async (t) => {
    if (!available('dovecot')) return t.skip('dovecot is not installed')
    const settings = 'pop3_lock_session = yes'
    const dovecot = await startDovecot({ folder: folderFor(t), users: { mario: 'secret' }, tls: true, settings })
    t.after(() => dovecot.stop())
    dovecot.fill('mario', mail())
    const found = await examined(dovecot.ports['pop3s'] ?? 0, 'implicit', dovecot.certificate, { destructive: false })
    agrees(found)
    assert.match(outcome(found, 'lock-exclusive'), /^holds/)
    assert.match(outcome(found, 'lock-in-use'), /^holds/)
  })

  test('Courier: the examination runs to its end in the clear and under TLS', async (t) => {
    const fault = await peerFault('courier')
    if (fault !== undefined) return t.skip(fault)
    const courier = await startCourier({ folder: folderFor(t), ...credentials, messages: mail() })
    t.after(() => courier.stop())
    // Some of what it is sent it never answers, and each time that is waited for.
    const patience = 5000
    const found = await examined(courier.ports.pop3s, 'implicit', courier.certificate, { destructive: false, patience })
    agrees(found)
    assert.equal(found.implementation, 'Courier Mail Server')
    assert.equal(outcome(found, 'capa-login-delay-form'), 'holds: 10')
    assert.equal(outcome(found, 'utf8-argument'), 'holds: USER')
    assert.equal(outcome(found, 'lang-list'), 'untried: LANG is not announced')
    const options = { destructive: true, except: slow, patience }
    agrees(await examined(courier.ports.pop3, 'none', courier.certificate, options))
  })

  test('Cyrus: the examination runs to its end over STLS, and SCRAM-SHA-256 is understood on both sides', async (t) => {
    const fault = await peerFault('cyrus')
    if (fault !== undefined) return t.skip(fault)
    const cyrus = await startCyrus({ folder: folderFor(t), ...credentials, messages: mail() })
    t.after(() => cyrus.stop())
    const options = { destructive: true, except: slow }
    const found = await examined(cyrus.ports.pop3, 'starttls', cyrus.certificate, options)
    agrees(found)
    assert.match(found.implementation ?? '', /^Cyrus POP3 /)
    for (const id of ['auth-scram', 'auth-scram-signature', 'auth-scram-nonce'])
      assert.equal(outcome(found, id), 'holds')
    assert.equal(outcome(found, 'capa-expire-form'), 'holds: NEVER')
    assert.equal(outcome(found, 'capa-login-delay-form'), 'holds: 0')
  })

  test('Cyrus with a policy: it is announced, and what needs another log-in says that it could not be tried', async (t) => {
    const fault = await peerFault('cyrus')
    if (fault !== undefined) return t.skip(fault)
    const settings = 'popminpoll: 1\npopexpiretime: 30'
    const cyrus = await startCyrus({ folder: folderFor(t), ...credentials, messages: mail(), settings })
    t.after(() => cyrus.stop())
    const found = await examined(cyrus.ports.pop3s, 'implicit', cyrus.certificate, { destructive: false })
    assert.equal(outcome(found, 'capa-login-delay-form'), 'holds: 60')
    assert.equal(outcome(found, 'capa-expire-form'), 'holds: 30')
    assert.match(
      outcome(found, 'user-pass'),
      /^untried: the server wants time between two log-ins: "-ERR \[LOGIN-DELAY\]/,
    )
  })
})
