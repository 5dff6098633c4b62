import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { forgetPassword, keepPassword, secretOf, type SecretParts } from './account-secret.ts'
import type { AccountOptions } from './account-options.ts'
import { Directory } from './directory.ts'
import { passwordOfCommand } from './secret-command.ts'
import { keepInKeyring, type KeyringModule, passwordInKeyring, removeFromKeyring } from './secret-keyring.ts'
import { Secrets } from './secrets.ts'

const address = 'mario@example.it'

async function parts(t: TestContext): Promise<SecretParts> {
  const data = await mkdtemp(join(tmpdir(), 'postino-secret-'))
  const directory = await Directory.open(data)
  t.after(async () => {
    directory.close()
    await rm(data, { recursive: true, force: true })
  })
  await directory.addUser('mario', undefined)
  return { data, directory, secrets: new Secrets(data) }
}

/** Adds the account; gives what it logs in with. */
async function added(all: SecretParts, options: AccountOptions, password: string): ReturnType<typeof secretOf> {
  const secret = await keepPassword(address, options, password, all.secrets)
  const place = { protocol: 'pop3', server: 'pop.example.it', port: 995, tls: 'implicit', login: address } as const
  assert.ok(await all.directory.addAccount('mario', { address, ...place, leave: 'forever', options }, secret))
  const account = all.directory.account(address)
  assert.ok(account)
  return await secretOf(account, all)
}

test('a password in the data folder comes back as it was, and is not there to read', async (t) => {
  const all = await parts(t)
  assert.deepEqual(await added(all, {}, 'pàss wörd'), { password: 'pàss wörd' })
  assert.equal((await readFile(all.directory.file)).includes('pàss'), false)
})

test('a password from a command is asked for at each log-in, and is in no file', async (t) => {
  const all = await parts(t)
  const file = join(all.data, 'count')
  const command = `echo x >> '${file}'; printf 'secret\\nsomething else\\n'`
  assert.deepEqual(await added(all, { secretFrom: { command } }, ''), { password: 'secret' })
  assert.equal(all.directory.secret(address)?.length, 0)
  // Many sessions that begin at once ask once.
  await Promise.all([1, 2, 3].map(() => passwordOfCommand(address, command)))
  assert.equal((await readFile(file, 'utf8')).length, 2)
})

for (const [what, command, said] of [
  ['fails', 'echo hunter2; echo hunter2 >&2; exit 3', /ended with exit code 3/],
  ['is not there', 'no-such-command-hunter2', /ended with exit code 127/],
  ['prints nothing', ': hunter2', /printed nothing/],
  ['is killed', 'kill -9 $$ # hunter2', /was ended by SIGKILL/],
  ['prints too much', "head -c 100000 /dev/zero | tr '\\0' h # hunter2", /a line of more than 4096 octets/],
] as const)
  test(`of a password command that ${what} the person hears how it ended, and nothing that is secret`, async () => {
    await assert.rejects(passwordOfCommand(address, command), (error: Error) => {
      assert.equal(error.name, 'MisuseError')
      assert.match(error.message, said)
      assert.match(error.message, /password command of mario@example\.it/)
      assert.doesNotMatch(error.message, /hunter2/)
      return true
    })
  })

test('a password command that hangs is ended, with all that it started', async (t) => {
  const { data } = await parts(t)
  const file = join(data, 'pid')
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const hanging = passwordOfCommand(address, `sleep 600 & echo $! > '${file}'; wait`)
  // Its time is over when what it starts is there, however long that takes.
  let pid = 0
  while (pid === 0) pid = Number(await readFile(file, 'utf8').catch(() => ''))
  t.mock.timers.tick(60_000)
  await assert.rejects(hanging, { name: 'MisuseError', message: /did not end within 60 s/ })
  t.mock.timers.reset()
  const alive = (): boolean => {
    try {
      process.kill(pid, 0)
      return true
    } catch {
      return false
    }
  }
  while (alive()) await new Promise((resolve) => setTimeout(resolve, 10))
})

/** A keyring in memory; `broken`: what it says to everything. */
function keyring(broken?: string): {
  load: () => Promise<KeyringModule>
  entries: Map<string, string>
  stores: unknown[]
} {
  const entries = new Map<string, string>()
  const stores: unknown[] = []
  class AsyncEntry {
    readonly #key: string
    constructor(service: string, username: string, options?: object) {
      this.#key = `${service}/${username}`
      stores.push(options)
    }
    getPassword(): Promise<string | null> {
      return broken === undefined ? Promise.resolve(entries.get(this.#key) ?? null) : Promise.reject(new Error(broken))
    }
    setPassword(password: string): Promise<void> {
      if (broken !== undefined) return Promise.reject(new Error(broken))
      entries.set(this.#key, password)
      return Promise.resolve()
    }
    deletePassword(): Promise<boolean> {
      return Promise.resolve(entries.delete(this.#key))
    }
  }
  return { load: () => Promise.resolve({ AsyncEntry }), entries, stores }
}

test('a keyring: kept, given, taken away, and never in the one of the kernel, which forgets', async () => {
  const { load, entries, stores } = keyring()
  await keepInKeyring(address, 'secret', load)
  assert.deepEqual([...entries], [[`postino/${address}`, 'secret']])
  assert.equal(await passwordInKeyring(address, load), 'secret')
  await removeFromKeyring(address, load)
  await removeFromKeyring(address, load)
  await assert.rejects(passwordInKeyring(address, load), { name: 'MisuseError', message: /has no password for mario/ })
  for (const options of stores) assert.deepEqual(options, { linux: { store: 'secret-service' } })
})

test('a keyring that is not installed, or locked, is told so', async () => {
  const absent = (): Promise<KeyringModule> => Promise.reject(new Error('Cannot find module'))
  await assert.rejects(passwordInKeyring(address, absent), { name: 'MisuseError', message: /@napi-rs\/keyring/ })
  const { load } = keyring('the collection is locked')
  for (const asked of [passwordInKeyring(address, load), keepInKeyring(address, 'x', load)])
    await assert.rejects(asked, { name: 'MisuseError', message: /collection is locked; see that it is there/ })
})

test('an account that logs in with a password forgets nothing outside of the directory', async () => {
  await forgetPassword({ address, options: {} })
  await forgetPassword({ address, options: { auth: 'oauth', secretFrom: 'keyring' } })
})
