import assert from 'node:assert/strict'
import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { freePorts } from '../peers/dovecot.ts'
import { mbox, postino } from './postino.ts'

/** A `serve` with mario's mail, and how to reach it. */
async function served(t: TestContext) {
  const program = await postino(t)
  const { run, data, serve } = program
  await run(['user', 'add', 'mario', '--password-stdin'], { input: 'top secret\n' })
  await mkdir(data, { recursive: true })
  await writeFile(join(data, 'mail.mbox'), mbox(3))
  await run(['import', join(data, 'mail.mbox')])
  const { ports } = await serve()
  const names = await readdir(data, { recursive: true })
  const certificate = join(data, names.find((name) => name.endsWith('certificate.pem')) ?? '')
  return { ...program, certificate, pop3: ports['pop3'] ?? 0, pop3s: ports['pop3s'] ?? 0 }
}

test('doctor shows what holds by family, what could not be tried by reason, and ends with 0', async (t) => {
  const { run, pop3, certificate } = await served(t)
  const words = ['doctor', `pop3://mario@127.0.0.1:${pop3}`, '--password-stdin', '--certificate', certificate]
  const { code, stdout, stderr } = await run(words, { input: 'top secret\n' })
  assert.equal(code, 0, stdout)
  assert.equal(stderr, '')
  assert.match(stdout, /^mario at 127\.0\.0\.1:\d+, without TLS, Postino\n/)
  assert.match(stdout, /^STAT, LIST and UIDL {2}✓ \d+/m)
  assert.match(stdout, /^\d+ rules need --destructive, which removes a message$/m)
  assert.doesNotMatch(stdout, /only with --destructive/)
  assert.match(stdout, /\n\d+ rules hold, none is broken, .*\d+ could not be tried; [\d.]+ s\n$/)
  assert.doesNotMatch(stdout, /stat-form/)
  const all = await run([...words, '--all', '--only', 'stat-form'], { input: 'top secret\n' })
  assert.match(all.stdout, /✓ stat-form \(RFC 1939 §5\): STAT is answered by/)
})

test('an untrusted certificate is a finding, and the password is not sent; --certificate trusts it, --no-verify sends it', async (t) => {
  const { data, pop3s, certificate } = await served(t)
  const { json, run } = await postino(t)
  const words = ['doctor', `pop3s://mario@127.0.0.1:${pop3s}`, '--password-stdin', '--only', 'tls-certificate']
  const input = { input: 'top secret\n' }
  const results = async (more: string[]): Promise<string[]> => {
    const [report] = await json([...words, '--only', 'log-in', ...more], input)
    return ((report?.['rules'] ?? []) as { id: string; result: string }[]).map(({ id, result }) => `${id} ${result}`)
  }
  assert.deepEqual(await results([]), ['tls-certificate fails', 'log-in untried'])
  assert.deepEqual(await results(['--no-verify']), ['tls-certificate fails', 'log-in holds'])
  assert.deepEqual(await results(['--certificate', certificate]), ['tls-certificate holds', 'log-in holds'])
  // On the data folder of the server itself, the certificate it made is known.
  const own = await run(['--data', data, ...words], input)
  assert.equal(own.code, 0, own.stdout)
  const { code, stdout } = await run(words, input)
  assert.equal(code, 1)
  assert.match(stdout, /✗ tls-certificate .*\n.*\n {4}Here: .*not trusted[^✗]*--certificate FILE/)
})

test('a wrong password is tried once, told as a broken rule, and shown nowhere', async (t) => {
  const { run, pop3 } = await served(t)
  const words = ['doctor', `pop3://mario@127.0.0.1:${pop3}`, '--password-stdin', '--all']
  const { code, stdout, stderr } = await run(words, { input: 'not this one\n' })
  assert.equal(code, 1)
  assert.match(stdout, /✗ log-in \(RFC 1939 §4\)/)
  assert.match(stdout, /– .*: the log-in was refused: "-ERR \[AUTH\]/)
  assert.doesNotMatch(stdout + stderr, /not this one/)
})

test('a configured account needs neither URL nor password; JSON has every rule with its section', async (t) => {
  const { run, json, pop3, certificate } = await served(t)
  const add = ['account', 'add', 'mario@example.it', '--user', 'mario', '--server', `127.0.0.1:${pop3}`]
  await run([...add, '--tls', 'none', '--login', 'mario', '--password-stdin'], { input: 'top secret\n' })
  const [report] = await json(['doctor', 'mario@example.it', '--certificate', certificate])
  assert.deepEqual([report?.['login'], report?.['passed'], report?.['destructive']], ['mario', true, false])
  const rules = (report?.['rules'] ?? []) as Record<string, unknown>[]
  assert.ok(rules.length > 150)
  for (const rule of rules) assert.match(String(rule['section']), /^RFC \d+ §\d/)
})

test('wrong usage ends with 2 and shows no password; a server that is not there with 75', async (t) => {
  const { run, data } = await postino(t)
  const wrong = async (words: string[]): Promise<string> => {
    const { code, stderr } = await run(['doctor', ...words], { input: 'secret\n' })
    assert.equal(code, 2, stderr)
    return stderr
  }
  const leaked = await wrong(['pop3s://mario:hush@pop.example.it'])
  assert.match(leaked, /--password-stdin/)
  assert.doesNotMatch(leaked, /hush/)
  assert.match(await wrong(['imap://mario@example.it']), /expected pop3s:\/\//)
  assert.match(await wrong(['pop3s://mario@example.it', '--tls', 'none']), /say pop3:\/\//)
  assert.match(await wrong(['pop3s://mario@example.it', '--only', 'stat-from']), /\(stat-form\?\)/)
  assert.match(await wrong(['mario@nowhere.example']), /--server HOST/)
  const [port] = await freePorts(1)
  const { code, stderr } = await run(['doctor', `pop3://127.0.0.1:${port}`])
  assert.equal(code, 75)
  assert.match(stderr, /^postino: 127\.0\.0\.1:\d+: nothing listens there/)
  assert.deepEqual(await readdir(data).catch(() => []), [])
})
