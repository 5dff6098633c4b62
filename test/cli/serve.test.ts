import assert from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import { connect as connectTcp } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import { ownCertificate, mbox, pop3, postino } from './postino.ts'

test('serve says where it listens, then ready; a second one ends with 75; SIGTERM ends with 0', async (t) => {
  const { run, serve } = await postino(t)
  const serving = await serve(['--listen', 'pop3=127.0.0.1:0'])
  assert.equal(serving.lines.length, 2)
  assert.match(serving.lines[0] ?? '', /^listening pop3 127\.0\.0\.1:\d+$/)
  assert.equal(serving.lines[1], 'ready')
  const second = await run(['serve', '--listen', 'pop3=127.0.0.1:0'])
  assert.equal(second.code, 75)
  assert.match(second.stderr, /^postino: another `postino serve` works on [^\n]*\n$/)
  assert.equal((await serving.stop()).code, 0)
  assert.equal((await (await serve()).stop()).code, 0)
})

test('a serve that was killed leaves no lock behind', async (t) => {
  const { serve } = await postino(t)
  const killed = await serve()
  killed.signal('SIGKILL')
  await killed.stop()
  assert.equal((await (await serve()).stop()).code, 0)
})

test('with --json stdout and stderr are JSON lines, a session among them', async (t) => {
  const { run, data } = await postino(t)
  await run(['user', 'add', 'mario', '--password-stdin'], { input: 'secret\n' })
  const file = join(data, 'mail.mbox')
  await writeFile(file, mbox(2))
  await run(['import', file])
  const { spawn } = await import('node:child_process')
  const child = spawn(
    process.execPath,
    ['bin/postino.js', '--data', data, 'serve', '--json', '--listen', 'pop3=127.0.0.1:0'],
    {
      cwd: new URL('../..', import.meta.url),
    },
  )
  t.after(() => child.kill('SIGKILL'))
  let stdout = ''
  let stderr = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  await new Promise<void>((resolve) => {
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text
      if (stdout.includes('ready')) resolve()
    })
  })
  const [listening] = stdout.split('\n').map((line) => (line === '' ? {} : (JSON.parse(line) as { port?: number })))
  await pop3(listening?.port ?? 0, ['USER mario', 'PASS secret', 'DELE 1', 'QUIT'])
  child.kill('SIGTERM')
  assert.equal(await new Promise((resolve) => child.once('close', resolve)), 0)
  const entries = stderr
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
  const session = entries.find(({ kind }) => kind === 'session')
  assert.deepEqual([session?.['user'], session?.['removed'], session?.['address']], ['mario', 1, '127.0.0.1'])
})

test('SIGTERM lets a reply that is being given come to its end', async (t) => {
  const { run, serve, data } = await postino(t)
  await run(['user', 'add', 'mario', '--password-stdin'], { input: 'secret\n' })
  const file = join(data, 'big.eml')
  const body = `${'x'.repeat(76)}\r\n`.repeat(400_000)
  await writeFile(file, `Subject: big\r\n\r\n${body}`)
  await run(['import', file])
  const serving = await serve()
  const socket = connectTcp(serving.ports['pop3'] ?? 0, '127.0.0.1').setEncoding('latin1')
  let received = 0
  let tail = ''
  let sent = false
  let stopping: Promise<{ code: number | null }> | undefined
  await new Promise<void>((resolve, reject) => {
    socket.on('error', reject).on('close', () => resolve())
    socket.on('data', (text: string) => {
      received += text.length
      tail = (tail + text).slice(-200)
      if (!sent) {
        sent = true
        socket.write('USER mario\r\nPASS secret\r\nRETR 1\r\n')
      }
      if (received > 1_000_000) stopping ??= serving.stop()
    })
  })
  assert.equal((await stopping)?.code, 0)
  assert(received > body.length, `only ${received} octets came`)
  assert.match(tail, /\r\n\.\r\n/)
})

test('SIGHUP: a new certificate is used at once, and a faulty configuration changes nothing', async (t) => {
  const { data, serve } = await postino(t)
  await mkdir(data, { recursive: true })
  const first = await ownCertificate(data)
  const serving = await serve()
  const trusts = (ca: string): Promise<boolean> =>
    new Promise((resolve) => {
      const socket: TLSSocket = connectTls({ host: '127.0.0.1', port: serving.ports['pop3s'], ca }, () => {
        resolve(true)
        socket.destroy()
      })
      socket.once('error', () => resolve(false))
    })
  const says = async (what: RegExp): Promise<void> => {
    while (!what.test(serving.stderr())) await new Promise((resolve) => void setTimeout(resolve, 20))
  }
  assert.equal(await trusts(first), true)
  const second = await ownCertificate(data)
  assert.equal(await trusts(second), false)
  serving.signal('SIGHUP')
  await says(/read the configuration and the certificate anew/)
  assert.equal(await trusts(second), true)
  await writeFile(join(data, 'postino.toml'), '[tls]\ncertificat = "own.pem"\n')
  serving.signal('SIGHUP')
  await says(/nothing was changed: .*did you mean tls\.certificate\?/)
  assert.equal(await trusts(second), true)
  assert.equal((await serving.stop()).code, 0)
})

test('serve fetches on schedule, by itself, and goes on when an account fails', async (t) => {
  const remote = await postino(t)
  await remote.run(['user', 'add', 'mario@example.it', '--password-stdin'], { input: 'secret\n' })
  await writeFile(join(remote.data, 'mail.mbox'), mbox(3))
  await remote.run(['import', join(remote.data, 'mail.mbox')])
  const { ports } = await remote.serve()
  const { run, json, serve } = await postino(t)
  await run(['user', 'add', 'mario', '--password-stdin'], { input: 'home\n' })
  const add = (address: string, password: string) =>
    run(
      [
        'account',
        'add',
        address,
        '--server',
        `127.0.0.1:${ports['pop3']}`,
        '--tls',
        'none',
        '--no-check',
        '--password-stdin',
      ].concat('--login', 'mario@example.it'),
      { input: `${password}\n` },
    )
  await add('bad@example.it', 'guess')
  await add('good@example.it', 'secret')
  const serving = await serve(['--listen', 'pop3=127.0.0.1:0'], { env: { POSTINO_FETCH_EVERY: '1s' } })
  while (
    !/fetch good@example\.it: 3 new/.test(serving.stderr()) ||
    !/fetch bad@example\.it: .*refused/.test(serving.stderr())
  )
    await new Promise((resolve) => void setTimeout(resolve, 50))
  const replies = await pop3(serving.ports['pop3'] ?? 0, ['USER mario', 'PASS home', 'STAT', 'QUIT'])
  assert.match(replies[3] ?? '', /^\+OK 3 /)
  assert.equal((await serving.stop()).code, 0)
  assert.equal((await json(['search', 'perche'])).length, 3)
})
