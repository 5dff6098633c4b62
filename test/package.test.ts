import assert from 'node:assert/strict'
import { spawnSync, type SpawnSyncReturns } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test } from 'node:test'

const checkout = join(import.meta.dirname, '..')

/** What `npm pack` needs; copied, so that nothing in the checkout is written. */
const needed = /^(?:src|bin|docs|scripts|package\.json|tsconfig.*\.json|LICENSE|[A-Z]+\.md)$/

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
    for (const path of ['package.json', 'LICENSE', 'README.md', 'bin/postino.js', 'dist/index.js', 'dist/index.d.ts']) {
      assert.ok(paths.includes(path), `${path} is missing in the package`)
    }
    assert.deepEqual(
      paths.filter((path) => /\.test\.|^src\/|^test\/|(?<!\.d)\.ts$/.test(path)),
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

    await t.test('the program runs', () => {
      assert.ok(existsSync(join(home, 'node_modules/.bin/postino')))
      const run = (args: string[], input?: string): string =>
        node(home, ['node_modules/postino/bin/postino.js', '--data', 'data', ...args], input)
      const { version } = JSON.parse(readFileSync(join(checkout, 'package.json'), 'utf8')) as { version: string }
      assert.match(run(['--version']), new RegExp(`\\b${version.replaceAll('.', '\\.')}\\b`))
      run(['user', 'add', 'mario', '--password-stdin'], 'a password\n')
      const message = 'From: anna@example.it\r\nSubject: ciao\r\n\r\nPerch\xe9 no?\r\n.\r\nno last line end'
      writeFileSync(join(home, 'in.eml'), message, 'latin1')
      run(['import', 'in.eml'])
      run(['import', 'in.eml'])
      run(['export', 'out', '--format', 'eml'])
      assert.deepEqual(readdirSync(join(home, 'out')), ['000001.eml'])
      assert.equal(readFileSync(join(home, 'out/000001.eml'), 'latin1'), message)
      assert.match(run(['search', 'perche']), /ciao/)
      run(['check'])
    })

    await t.test('the modules work', () => {
      const lines = [
        "import { importMail, RefusedError } from 'postino'",
        "import { Pop3Client } from 'postino/pop3'",
        "import { MemoryStore } from 'postino/store'",
        'const client = new Pop3Client()',
        "client.receive(new TextEncoder().encode('+OK hello\\r\\n'))",
        'const event = client.next()',
        "const mail = await new MemoryStore().open('mario')",
        "const report = await importMail(mail, ['in.eml'])",
        'console.log(event.kind, event.ok, report.new, typeof RefusedError)',
      ]
      writeFileSync(join(home, 'use.js'), lines.join('\n'))
      assert.equal(node(home, ['use.js']).trim(), 'greeting true 1 function')
    })

    await t.test('TypeScript sees the types', () => {
      const lines = [
        "import { fetchPop3, type FetchReport } from 'postino'",
        "import { type ClientEvent, Pop3Client } from 'postino/pop3'",
        "import { MemoryStore, type UserMail } from 'postino/store'",
        'const client = new Pop3Client()',
        "client.send({ verb: 'RETR', number: 1 })",
        'export const event: ClientEvent | undefined = client.next()',
        "export const mail: UserMail = await new MemoryStore().open('mario')",
        'export const fetch: (...args: Parameters<typeof fetchPop3>) => Promise<FetchReport> = fetchPop3',
        '// @ts-expect-error -- a message-number is a number: were this no error, the types would not be there',
        "client.send({ verb: 'RETR', number: 'one' })",
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
