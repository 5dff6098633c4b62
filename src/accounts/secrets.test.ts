import assert from 'node:assert/strict'
import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { Secrets } from './secrets.ts'

async function secretsIn(t: TestContext): Promise<Secrets> {
  const data = await mkdtemp(join(tmpdir(), 'postino-secrets-'))
  t.after(() => rm(data, { recursive: true, force: true }))
  return new Secrets(data)
}

test('a secret comes back, is not in the clear, and opens for its own account only', async (t) => {
  const secrets = await secretsIn(t)
  const sealed = secrets.seal('mario@example.it', 'pässword')
  assert.equal(new Secrets(join(secrets.file, '..')).unseal('mario@example.it', sealed), 'pässword')
  assert.equal(Buffer.from(sealed).includes('ssword'), false)
  assert.notDeepEqual(secrets.seal('mario@example.it', 'pässword'), sealed)
  assert.throws(() => secrets.unseal('anna@example.it', sealed), /anna@example\.it.*secret\.key/)
  const changed = Uint8Array.from(sealed)
  changed[changed.length - 1] = (changed.at(-1) ?? 0) ^ 1
  assert.throws(() => secrets.unseal('mario@example.it', changed), /mario@example\.it/)
})

test('the key file is 32 octets that only its owner may read, and is refused otherwise', async (t) => {
  const secrets = await secretsIn(t)
  const sealed = secrets.seal('mario@example.it', 'x')
  assert.equal((await stat(secrets.file)).mode & 0o777, 0o600)
  const key = await readFile(secrets.file)
  assert.equal(key.length, 32)
  await chmod(secrets.file, 0o640)
  assert.throws(() => secrets.unseal('mario@example.it', sealed), /secret\.key can be read by others.*chmod 600/)
  await chmod(secrets.file, 0o600)
  await writeFile(secrets.file, key.subarray(1))
  assert.throws(() => secrets.seal('mario@example.it', 'x'), /31 octets/)
})

test('without its key a secret is not read, and no new key is made for it', async (t) => {
  const secrets = await secretsIn(t)
  const sealed = secrets.seal('mario@example.it', 'x')
  await rm(secrets.file)
  assert.throws(() => secrets.unseal('mario@example.it', sealed), /secret\.key is not there/)
  assert.throws(() => secrets.unseal('user mario', sealed), /`postino user password mario --apop`/)
  await assert.rejects(stat(secrets.file), { code: 'ENOENT' })
})
