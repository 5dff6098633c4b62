import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { exportSPKI, generateKeyPair, SignJWT } from 'jose'
import { logIn } from '../../src/doors/fetch-pop3-login.ts'
import type { Remote } from '../../src/doors/fetching.ts'
import { RefusedError } from '../../src/errors.ts'
import { soon } from '../pop3-house.ts'
import { type Dovecot, startDovecot } from './dovecot.ts'
import { available } from './run.ts'

const skip = available('dovecot') ? false : 'dovecot is not installed'

async function dovecot(t: TestContext, mechanisms: string, more = ''): Promise<Dovecot> {
  const folder = mkdtempSync(join(tmpdir(), 'postino-log-in-'))
  // It makes whoever fails wait, the next one too.
  const quick = 'auth_failure_delay = 0\nservice anvil {\n  unix_listener anvil-auth-penalty {\n    mode = 0\n  }\n}\n'
  const settings = `auth_mechanisms = ${mechanisms}\n${quick}${more.replaceAll('FOLDER', folder)}`
  const started = await startDovecot({ folder, users: { mario: 'pàss, wörd=1' }, tls: true, settings })
  t.after(async () => {
    await started.stop()
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 })
  })
  return started
}

/** Logs in, and gives what Dovecot wrote of how. */
async function method(server: Dovecot, more: Partial<Remote>): Promise<string[]> {
  const { tls = 'implicit' } = more
  const port = server.ports[tls === 'implicit' ? 'pop3s' : 'pop3'] ?? 0
  const reach = { trust: readFileSync(server.certificate, 'utf8') }
  const remote: Remote = {
    account: 'pop3:mario',
    leave: 'forever',
    host: server.host,
    port,
    tls,
    login: 'mario',
    reach,
  }
  const connection = await logIn({ ...remote, ...more }, {})
  await connection.must({ verb: 'QUIT' }, 'QUIT')
  const found = (): string[] =>
    [...server.log().matchAll(/Login: user=<mario>, method=([\w-]+)/g)].map(([, name = '']) => name)
  // It has a process of its own that writes this.
  await soon(() => found().length > 0)
  return found()
}

const password = 'pàss, wörd=1'
for (const [mechanisms, used, more] of [
  ['plain login scram-sha-256 cram-md5 apop', 'SCRAM-SHA-256', {}],
  ['plain login cram-md5 apop', 'CRAM-MD5', { allow: ['CRAM-MD5', 'APOP'] }],
  ['plain login cram-md5 apop', 'APOP', { allow: ['APOP'] }],
  ['plain login cram-md5 apop', 'PLAIN', {}],
  ['login', 'LOGIN', { tls: 'starttls' }],
] as const)
  test(
    `Dovecot with ${mechanisms}: in by ${used}${'allow' in more ? `, where ${more.allow.join()} may be` : ''}`,
    { skip },
    async (t) => {
      const server = await dovecot(t, mechanisms)
      assert.deepEqual(await method(server, { password, ...more }), [used])
      await assert.rejects(method(server, { password: 'wrong', ...more }), (error: unknown) => {
        assert.ok(error instanceof RefusedError)
        assert.equal(error.reason, 'bad-login')
        return true
      })
      await soon(() => /auth failed, \d+ attempts/.test(server.log()))
      assert.match(server.log(), /auth failed, 1 attempts/, 'a wrong password is tried once')
    },
  )

const oauth = `
passdb {
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = FOLDER/oauth2.conf
}
`
for (const mechanism of ['OAUTHBEARER', 'XOAUTH2'])
  test(
    `Dovecot with tokens: in by ${mechanism}, and with a fresh one where the first is refused`,
    { skip },
    async (t) => {
      const server = await dovecot(t, `plain ${mechanism.toLowerCase()}`, oauth)
      const { privateKey, publicKey } = await generateKeyPair('RS256')
      const keys = join(server.folder, 'keys')
      mkdirSync(join(keys, 'default', 'RS256'), { recursive: true, mode: 0o755 })
      writeFileSync(join(keys, 'default', 'RS256', 'default'), await exportSPKI(publicKey))
      const lines = [
        'introspection_mode = local',
        'username_attribute = email',
        `local_validation_key_dict = fs:posix:prefix=${keys}/`,
      ]
      writeFileSync(join(server.folder, 'oauth2.conf'), `${lines.join('\n')}\n`)
      const token = (lifetime: string): Promise<string> =>
        new SignJWT({ email: 'mario', scope: 'mail' })
          .setProtectedHeader({ alg: 'RS256', typ: 'JWT' })
          .setIssuedAt('-2h')
          .setSubject('mario')
          .setExpirationTime(lifetime)
          .sign(privateKey)
      const [old, good] = [await token('-1h'), await token('1h')]
      const asked: (string | undefined)[] = []
      const source = (refused?: string): Promise<string> => {
        asked.push(refused)
        return Promise.resolve(refused === undefined ? old : good)
      }
      assert.deepEqual(await method(server, { token: source }), [mechanism])
      assert.deepEqual(asked, [undefined, old])
      await assert.rejects(method(server, { token: () => Promise.resolve(old) }), { name: 'RefusedError' })
    },
  )
