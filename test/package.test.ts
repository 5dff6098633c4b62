import assert from 'node:assert/strict'
import { spawn, spawnSync, type SpawnSyncReturns } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'

const checkout = join(import.meta.dirname, '..')

/** What `npm pack` needs; copied, so that nothing in the checkout is written. */
const needed = /^(?:src|bin|data|docs|examples|scripts|package\.json|tsconfig.*\.json|LICENSE|[A-Z]+\.md)$/

// The checkout's own Node.js comes first, as it does in npm's scripts.
const env = {
  ...process.env,
  PATH: `${dirname(process.execPath)}:${process.env['PATH']}`,
  npm_config_update_notifier: 'false',
  NODE_TEST_CONTEXT: undefined,
}

function npm(folder: string, ...args: string[]): SpawnSyncReturns<string> {
  return spawnSync('npm', args, { cwd: folder, env, encoding: 'utf8', shell: process.platform === 'win32' })
}

function node(folder: string, args: string[], input?: string): string {
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: folder, env, encoding: 'utf8', input })
  assert.equal(status, 0, `${args.join(' ')}: ${stderr}${stdout}`)
  return stdout
}

test(
  'the package, installed in an empty folder, runs, and its modules have their types',
  { timeout: 300_000 },
  async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'postino-package-'))
    t.after(() => rm(folder, { recursive: true, force: true, maxRetries: 3 }))

    const copy = join(folder, 'checkout')
    mkdirSync(copy)
    for (const name of readdirSync(checkout)) {
      if (needed.test(name)) cpSync(join(checkout, name), join(copy, name), { recursive: true })
    }
    symlinkSync(join(checkout, 'node_modules'), join(copy, 'node_modules'))
    const packed = npm(copy, 'pack', '--json', '--pack-destination', folder)
    assert.equal(packed.status, 0, packed.stderr + packed.stdout)
    // What the build says stands before it.
    const [{ filename, files }] = JSON.parse(packed.stdout.slice(packed.stdout.search(/^\[/m))) as [
      { filename: string; files: { path: string }[] },
    ]
    const paths = files.map(({ path }) => path)
    const expected =
      'package.json LICENSE README.md docs/search.md docs/library.md data/providers/providers.toml data/ispdb/README.md examples/serve-folder.ts bin/postino.js dist/index.js dist/index.d.ts'
    for (const path of expected.split(' ')) {
      assert.ok(paths.includes(path), `${path} is missing in the package`)
    }
    assert.deepEqual(
      paths.filter((path) => /\.test\.|contract|^src\/|^test\/|^scripts\/|^(?!examples\/).*(?<!\.d)\.ts$/.test(path)),
      [],
    )

    const home = join(folder, 'home')
    mkdirSync(home)
    writeFileSync(join(home, 'package.json'), JSON.stringify({ name: 'home', private: true, type: 'module' }))
    const installed = npm(home, 'install', '--prefer-offline', '--no-audit', '--no-fund', join(folder, filename))
    if (
      installed.status !== 0 &&
      /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT|ENETUNREACH|E40[1347]/.test(installed.stderr)
    ) {
      t.skip('the package registry cannot be reached')
      return
    }
    assert.equal(installed.status, 0, installed.stderr)

    const program = join(home, 'node_modules/.bin/postino')
    const runs = (data: string, words: string[], input?: string): string => {
      const shell = process.platform === 'win32'
      const options = { cwd: home, env, encoding: 'utf8', shell, input } as const
      const { status, stdout, stderr } = spawnSync(program, ['--data', data, ...words], options)
      assert.equal(status, 0, `${words.join(' ')}: ${stderr}${stdout}`)
      return stdout
    }
    const message = 'From: anna@example.it\r\nSubject: ciao\r\n\r\nPerch\xe9 no?\r\n.\r\nno last line end'

    await t.test('the program runs', () => {
      const { version } = JSON.parse(readFileSync(join(checkout, 'package.json'), 'utf8')) as { version: string }
      assert.equal(runs('data', ['--version']), `postino ${version}\n`)
      runs('data', ['user', 'add', 'mario', '--password-stdin'], 'a password\n')
      writeFileSync(join(home, 'in.eml'), message, 'latin1')
      runs('data', ['import', 'in.eml'])
      runs('data', ['import', 'in.eml'])
      runs('data', ['export', 'out', '--format', 'eml'])
      assert.deepEqual(readdirSync(join(home, 'out')), ['000001.eml'])
      assert.equal(readFileSync(join(home, 'out/000001.eml'), 'latin1'), message)
      const [first, ...others] = runs('data', ['list', '--json']).trimEnd().split('\n')
      const { id, subject, octets } = JSON.parse(first ?? '') as Record<string, unknown>
      // The last line gets its end on the wire.
      assert.deepEqual([id, subject, octets, others.length], [1, 'ciao', message.length + 2, 0])
      runs('data', ['check'])
    })

    await t.test(
      'it serves, and fetches from what it serves; the worker for the search index is in the package',
      async () => {
        const listen = ['--listen', 'pop3=127.0.0.1:0', '--listen', 'pop3s=127.0.0.1:0']
        const stdio = ['ignore', 'pipe', 'inherit'] as const
        const words = [
          join(home, 'node_modules/postino/bin/postino.js'),
          '--data',
          'data',
          '--quiet',
          'serve',
          ...listen,
        ]
        const server = spawn(process.execPath, words, { cwd: home, env, stdio: [...stdio] })
        const ended = once(server, 'exit')
        t.after(() => server.kill('SIGKILL'))
        let text = ''
        for await (const chunk of server.stdout) {
          text += String(chunk)
          if (/^ready$/m.test(text)) break
        }
        const port = /^listening pop3 .*:(\d+)$/m.exec(text)?.[1]
        const address = ['mario@example.it', '--server', `127.0.0.1:${port}`, '--tls', 'none', '--login', 'mario']
        runs('other', ['account', 'add', ...address, '--password-stdin'], 'a password\n')
        const report = JSON.parse(runs('other', ['fetch', '--json'])) as Record<string, unknown>
        assert.deepEqual([report['new'], report['failed']], [1, 0])
        assert.match(runs('other', ['search', 'perche']), /ciao/)
        // Nothing but the worker of `serve` makes this file before the first search.
        const index = join(home, 'data/users/mario/search.sqlite')
        for (let left = 600; left > 0 && !existsSync(index); left--) await wait(100)
        assert.ok(existsSync(index), 'the worker of `serve` does not index')
        assert.match(runs('data', ['search', 'perche']), /ciao/)
        server.kill('SIGTERM')
        assert.deepEqual(await ended, [0, null])
      },
    )

    await t.test('the modules work', () => {
      const lines = [
        "import { importMail, RefusedError } from 'postino'",
        "import { createPop3Server, Pop3Client, Pop3ClientEngine } from 'postino/pop3'",
        "import { MemoryStore } from 'postino/store'",
        'const engine = new Pop3ClientEngine()',
        "engine.receive(new TextEncoder().encode('+OK hello\\r\\n'))",
        'const event = engine.next()',
        "const mail = await new MemoryStore().open('mario')",
        "const report = await importMail(mail, ['in.eml'])",
        "const read = () => new TextEncoder().encode('hello\\r\\n')",
        "const openMaildrop = () => ({ messages: [{ uniqueId: 'a', read }], remove: () => undefined })",
        'const server = createPop3Server({ authenticate: (login) => login, openMaildrop })',
        'const { port } = await server.listen({ port: 0 })',
        "const client = await Pop3Client.connect({ host: '127.0.0.1', port, tls: 'none' })",
        "await client.logIn({ login: 'mario', password: 'secret' })",
        'const { octets } = await client.stat()',
        'await client.quit()',
        'await server.close()',
        'console.log(event.kind, event.ok, report.new, typeof RefusedError, octets)',
      ]
      writeFileSync(join(home, 'use.js'), lines.join('\n'))
      assert.equal(node(home, ['use.js']).trim(), 'greeting true 1 function 7')
    })

    await t.test('postino/pop3 loads no other package', () => {
      const alone = join(folder, 'alone')
      cpSync(join(home, 'node_modules/postino'), join(alone, 'node_modules/postino'), { recursive: true })
      writeFileSync(join(alone, 'package.json'), JSON.stringify({ name: 'alone', private: true, type: 'module' }))
      assert.deepEqual(readdirSync(join(alone, 'node_modules')), ['postino'])
      writeFileSync(join(alone, 'use.js'), "console.log(typeof (await import('postino/pop3')).createPop3Server)")
      assert.equal(node(alone, ['use.js']).trim(), 'function')
    })

    await t.test('TypeScript sees the types', () => {
      const lines = [
        "import { fetchPop3, type FetchReport } from 'postino'",
        "import { type ClientEvent, createPop3Server, Pop3Client, Pop3ClientEngine } from 'postino/pop3'",
        "import { MemoryStore, type UserMail } from 'postino/store'",
        'const engine = new Pop3ClientEngine()',
        "engine.send({ verb: 'RETR', number: 1 })",
        'export const event: ClientEvent | undefined = engine.next()',
        "const client = await Pop3Client.connect({ host: 'localhost' })",
        'export const octets: Uint8Array = await client.retrieve(1)',
        'export const server = createPop3Server({ authenticate: (login) => login, openMaildrop: () => ({ messages: [], remove: () => {} }) })',
        "export const mail: UserMail = await new MemoryStore().open('mario')",
        'export const fetch: (...args: Parameters<typeof fetchPop3>) => Promise<FetchReport> = fetchPop3',
        '// @ts-expect-error -- a message-number is a number: were this no error, the types would not be there',
        "engine.send({ verb: 'RETR', number: 'one' })",
        '// @ts-expect-error -- the same for the client',
        "await client.retrieve('one')",
        '// @ts-expect-error -- the same for the store',
        'await new MemoryStore().open(1)',
      ]
      writeFileSync(join(home, 'use.ts'), lines.join('\n'))
      const options = {
        strict: true,
        module: 'nodenext',
        target: 'es2024',
        lib: ['es2024', 'esnext.disposable'],
        noEmit: true,
        types: ['node'],
        typeRoots: [join(checkout, 'node_modules/@types')],
      }
      writeFileSync(join(home, 'tsconfig.json'), JSON.stringify({ compilerOptions: options, files: ['use.ts'] }))
      node(home, [join(checkout, 'node_modules/typescript/bin/tsc'), '-p', '.'])
    })
  },
)
