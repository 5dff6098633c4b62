import assert from 'node:assert/strict'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { connect as connectTls } from 'node:tls'
import { freePorts } from '../peers/dovecot.ts'
import { house, ownCertificate, pop3, postino, type Serving } from './postino.ts'

const listen = ['--listen', 'pop3=127.0.0.1:0', '--listen', 'pop3s=127.0.0.1:0', '--listen', 'metrics=127.0.0.1:0']
const two = ['--workers', '2', ...listen]

/** The processes that serve connections. */
async function workersOf({ pid }: Pick<Serving, 'pid'>): Promise<number[]> {
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')
  return children.split(' ').filter(Boolean).map(Number)
}

/** Which process holds the other end of each of these connections: by the sockets that it has open. */
async function socketsOf(pid: number): Promise<string[]> {
  const folder = `/proc/${pid}/fd`
  const { readlink } = await import('node:fs/promises')
  const links = (await readdir(folder)).map((name) => readlink(join(folder, name)).catch(() => ''))
  return (await Promise.all(links)).filter((link) => link.startsWith('socket:'))
}

/** A connection that is greeted, and the lines it is told. */
async function session(
  t: TestContext,
  port: number,
): Promise<{ socket: Socket; ask: (line: string) => Promise<string> }> {
  const socket = connect(port, '127.0.0.1').setEncoding('latin1')
  t.after(() => socket.destroy())
  const lines: string[] = []
  let waiting: ((line: string) => void) | undefined
  let rest = ''
  const next = (): Promise<string> =>
    new Promise((resolve) => {
      waiting = resolve
      give()
    })
  const give = (): void => {
    const line = waiting === undefined ? undefined : lines.shift()
    if (line === undefined) return
    waiting?.(line)
    waiting = undefined
  }
  socket.on('error', () => undefined)
  socket.on('close', () => {
    lines.push('closed')
    give()
  })
  socket.on('data', (text: string) => {
    const parts = (rest + text).split('\r\n')
    rest = parts.pop() ?? ''
    lines.push(...parts)
    give()
  })
  await next()
  return {
    socket,
    ask(line) {
      if (line !== '') socket.write(`${line}\r\n`)
      return next()
    },
  }
}

async function metric(serving: Serving, name: string): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${serving.ports['metrics']}/metrics`)).text()
  const line = text.split('\n').find((one) => one.startsWith(`${name} `))
  return Number(line?.slice(name.length + 1))
}

async function until(what: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 60_000
  while (!(await what())) {
    assert.ok(performance.now() < deadline, `it does not become so: ${String(what)}`)
    await new Promise((resolve) => void setTimeout(resolve, 20))
  }
}

test('two workers serve the same maildrop on the same ports, one session at a time; SIGTERM ends all with 0', async (t) => {
  const { serve } = await house(t)
  const serving = await serve(two)
  const { pop3: port = 0 } = serving.ports
  assert.deepEqual(
    serving.lines.map((line) => line.replace(/\d+$/, 'N')),
    ['listening pop3 127.0.0.1:N', 'listening pop3s 127.0.0.1:N', 'listening metrics 127.0.0.1:N', 'ready'],
  )
  const workers = await workersOf(serving)
  assert.equal(workers.length, 2)
  const first = await session(t, port)
  await first.ask('USER mario')
  assert.match(await first.ask('PASS secret'), /^\+OK/)
  // So many that some come to the other worker.
  for (let i = 0; i < 12; i++) {
    const replies = await pop3(port, ['USER mario', 'PASS secret', 'QUIT'])
    assert.match(replies[2] ?? '', /^-ERR \[IN-USE\] .*127\.0\.0\.1/)
  }
  assert.match(await first.ask('QUIT'), /^\+OK/)
  assert.match((await pop3(port, ['USER mario', 'PASS secret', 'QUIT']))[2] ?? '', /^\+OK/)
  assert.equal((await serving.stop()).code, 0)
  for (const pid of workers) assert.throws(() => process.kill(pid, 0), { code: 'ESRCH' })
})

test('a worker killed in a session: its maildrop is free at once, another takes its place, nobody else notices', async (t) => {
  const { run, serve } = await house(t)
  for (let i = 0; i < 16; i++) await run(['user', 'add', `user${i}`, '--password-stdin'], { input: 'secret\n' })
  const serving = await serve(two)
  const { pop3: port = 0 } = serving.ports
  const before = await workersOf(serving)
  const sessions: { name: string; pid: number; ask: (line: string) => Promise<string> }[] = []
  // Until both workers have one.
  for (let i = 0; i < 16 && new Set(sessions.map(({ pid }) => pid)).size < 2; i++) {
    const counts = await Promise.all(before.map((pid) => socketsOf(pid)))
    const { ask } = await session(t, port)
    await ask(`USER user${i}`)
    assert.match(await ask('PASS secret'), /^\+OK/)
    const after = await Promise.all(before.map((pid) => socketsOf(pid)))
    const pid = before.find((_, at) => (after[at]?.length ?? 0) > (counts[at]?.length ?? 0)) ?? 0
    sessions.push({ name: `user${i}`, pid, ask })
  }
  const victim = sessions[0]?.pid ?? 0
  process.kill(victim, 'SIGKILL')
  for (const { pid, ask, name } of sessions) {
    if (pid !== victim) {
      assert.match(await ask('NOOP'), /^\+OK/, 'a session of the other worker goes on')
      continue
    }
    assert.equal(await ask(''), 'closed')
    await until(() => serving.stderr().includes(`worker ${victim} was killed by SIGKILL`))
    assert.match((await pop3(port, [`USER ${name}`, 'PASS secret', 'QUIT']))[2] ?? '', /^\+OK/)
  }
  await until(async () => (await workersOf(serving)).length === 2)
  assert.ok(!(await workersOf(serving)).includes(victim))
  await until(
    async () =>
      (await metric(serving, 'postino_sessions{service="pop3"}')) ===
      sessions.filter(({ pid }) => pid !== victim).length,
  )
  assert.equal(await metric(serving, 'postino_worker_crashes_total'), 1)
  assert.equal((await serving.stop()).code, 0)
})

test('limits hold between the workers', async (t) => {
  const { serve } = await house(t)
  const serving = await serve(two, { env: { POSTINO_SERVE_SESSIONS_PER_ADDRESS: '6' } })
  const { pop3: port = 0 } = serving.ports
  const open = []
  for (let i = 0; i < 6; i++) open.push(await session(t, port))
  await until(async () => (await metric(serving, 'postino_sessions{service="pop3"}')) === 6)
  // What one worker counts, the other knows soon; from then on neither lets anybody in.
  let [refused, inARow] = [0, 0]
  await until(async () => {
    const [greeting = ''] = await pop3(port, [])
    const isRefused = greeting.startsWith('-ERR [SYS/TEMP]')
    refused += Number(isRefused)
    inARow = isRefused ? inARow + 1 : 0
    return inARow === 12
  })
  await until(async () => (await metric(serving, 'postino_limited_total{limit="address"}')) === refused)
  for (const { socket } of open) socket.destroy()
  await until(async () => (await pop3(port, ['QUIT']))[0]?.startsWith('+OK') === true)
  assert.equal((await serving.stop()).code, 0)
})

test('SIGHUP: a new certificate is used by all workers at once; a faulty configuration changes nothing', async (t) => {
  const { data, serve } = await house(t)
  const first = await ownCertificate(data)
  const serving = await serve(two)
  const trusts = (ca: string): Promise<boolean> =>
    new Promise((resolve) => {
      const socket = connectTls({ host: '127.0.0.1', port: serving.ports['pop3s'], ca }, () => {
        resolve(true)
        socket.destroy()
      })
      socket.once('error', () => resolve(false))
    })
  const all = async (ca: string): Promise<boolean[]> => await Promise.all(Array.from({ length: 8 }, () => trusts(ca)))
  assert.ok((await all(first)).every(Boolean))
  const second = await ownCertificate(data)
  serving.signal('SIGHUP')
  await until(() => serving.stderr().includes('read the configuration and the certificate anew'))
  assert.ok((await all(second)).every(Boolean))
  await writeFile(join(data, 'postino.toml'), '[tls]\ncertificat = "own.pem"\n')
  serving.signal('SIGHUP')
  await until(() => /nothing was changed: .*did you mean tls\.certificate\?/.test(serving.stderr()))
  assert.ok((await all(second)).every(Boolean))
  assert.equal((await serving.stop()).code, 0)
})

for (const version of ['TLSv1.2', 'TLSv1.3'] as const)
  test(`a ${version} session that one worker began is resumed by any`, async (t) => {
    const { serve } = await house(t)
    const serving = await serve(two)
    const visit = (session?: Buffer): Promise<{ ticket: Buffer | undefined; reused: boolean; alpn: unknown }> =>
      new Promise((resolve, reject) => {
        const socket = connectTls({
          host: '127.0.0.1',
          port: serving.ports['pop3s'],
          rejectUnauthorized: false,
          maxVersion: version,
          ALPNProtocols: ['pop3'],
          ...(session !== undefined && { session }),
        })
        let ticket: Buffer | undefined
        let reused = false
        socket.on('session', (found) => (ticket = found))
        socket.on('secureConnect', () => (reused = socket.isSessionReused()))
        socket.on('error', reject)
        socket.once('data', () => socket.end('QUIT\r\n'))
        socket.on('close', () => resolve({ ticket, reused, alpn: socket.alpnProtocol }))
      })
    const first = await visit()
    assert.equal(first.reused, false)
    assert.equal(first.alpn, 'pop3')
    for (let i = 0; i < 10; i++) assert.equal((await visit(first.ticket)).reused, true)
    assert.equal((await serving.stop()).code, 0)
  })

test('mail that is fetched by the first process is there at the next log-in in the workers', async (t) => {
  const remote = await house(t)
  const { ports } = await remote.serve(listen)
  const { run, serve } = await postino(t)
  await run(['user', 'add', 'anna', '--password-stdin'], { input: 'home\n' })
  const words = ['--server', `127.0.0.1:${ports['pop3']}`, '--tls', 'none', '--login', 'mario', '--password-stdin']
  await run(['account', 'add', 'mario@example.it', ...words], { input: 'secret\n' })
  const serving = await serve(two, { env: { POSTINO_FETCH_EVERY: '1s' } })
  const { pop3: port = 0 } = serving.ports
  const stat = async (): Promise<string> => (await pop3(port, ['USER anna', 'PASS home', 'STAT', 'QUIT']))[3] ?? ''
  await stat()
  await until(() => /fetch mario@example\.it: 2 new/.test(serving.stderr()))
  for (let i = 0; i < 8; i++) assert.match(await stat(), /^\+OK 2 /)
  assert.equal(await metric(serving, 'postino_fetched_messages_total'), 2)
  assert.equal(await metric(serving, 'postino_fetch_accounts{state="ok"}'), 1)
  assert.equal((await serving.stop()).code, 0)
})

test('a worker that cannot listen ends serve with 2, and says why', async (t) => {
  const { serve, run } = await house(t)
  const serving = await serve(listen)
  const other = await postino(t)
  const taken = `pop3=127.0.0.1:${serving.ports['pop3']}`
  const { code, stderr } = await other.run(['serve', '--workers', '2', '--listen', taken])
  assert.equal(code, 2)
  assert.match(stderr, /^postino: cannot listen on 127\.0\.0\.1 port \d+: .*EADDRINUSE/m)
  assert.equal((await run(['serve', '--workers', 'many'])).code, 2)
})

test('SIGTERM lets a reply that a worker is giving come to its end', async (t) => {
  const { run, serve, data } = await house(t)
  const file = join(data, 'big.eml')
  const body = `${'x'.repeat(76)}\r\n`.repeat(300_000)
  await writeFile(file, `Subject: big\r\n\r\n${body}`)
  await run(['import', file])
  const serving = await serve(two)
  const socket = connect(serving.ports['pop3'] ?? 0, '127.0.0.1').setEncoding('latin1')
  let received = 0
  let tail = ''
  let stopping: Promise<{ code: number | null }> | undefined
  socket.write('USER mario\r\nPASS secret\r\nRETR 3\r\n')
  await new Promise<void>((resolve, reject) => {
    socket.on('error', reject).on('close', () => resolve())
    socket.on('data', (text: string) => {
      received += text.length
      tail = (tail + text).slice(-100)
      if (received > 1_000_000) stopping ??= serving.stop()
    })
  })
  assert.equal((await stopping)?.code, 0)
  assert(received > body.length, `only ${received} octets came`)
  assert.match(tail, /\r\n\.\r\n/)
  assert.match(serving.stderr(), /user=mario .*end=closing/)
})

test('a worker that crashes again and again is started after a growing pause, and serves in the end', async (t) => {
  const { serve } = await house(t)
  const serving = await serve(['--workers', '1', ...listen])
  for (const pause of ['', ' in 0.2 s', ' in 0.4 s']) {
    let pid: number | undefined
    await until(async () => (pid = (await workersOf(serving))[0]) !== undefined)
    process.kill(pid ?? 0, 'SIGKILL')
    await until(() =>
      serving.stderr().includes(`worker ${pid} was killed by SIGKILL; another takes its place${pause}\n`),
    )
  }
  // Nobody listens for a moment: there was but one.
  await until(
    async () => (await pop3(serving.ports['pop3'] ?? 0, ['QUIT']).catch(() => []))[0]?.startsWith('+OK') === true,
  )
  assert.equal((await serving.stop()).code, 0)
})

test('a worker that crashes while another is still starting is replaced', async (t) => {
  const { serve } = await house(t)
  const [port = 0] = await freePorts(1)
  const starting = serve(['--workers', '2', '--listen', `pop3=127.0.0.1:${port}`])
  let workers: number[] = []
  await until(async () => {
    const pid = (await workersOf(process)).at(-1)
    workers = pid === undefined ? [] : await workersOf({ pid }).catch(() => [])
    return workers.length === 2
  })
  const [quick = 0, slow = 0] = workers
  process.kill(slow, 'SIGSTOP')
  t.after(() => alive(slow) && process.kill(slow, 'SIGKILL'))
  // A connection that comes to the one that is stopped hangs: then another is made.
  const greeted = async (): Promise<boolean> =>
    (await pop3(port, ['QUIT']).catch(() => []))[0]?.startsWith('+OK') ?? false
  await until(() => Promise.race([greeted(), new Promise<false>((resolve) => setTimeout(resolve, 2000, false))]))
  process.kill(quick, 'SIGKILL')
  await until(() => !alive(quick))
  process.kill(slow, 'SIGCONT')
  const serving = await starting
  await until(async () => (await workersOf(serving)).length === 2)
  await until(() => /was killed by SIGKILL; another takes its place/.test(serving.stderr()))
  assert.equal((await serving.stop()).code, 0)
})

test('workers end with the first process, however that ends, and leave no lock behind', async (t) => {
  const { serve } = await house(t)
  const serving = await serve(two)
  const workers = await workersOf(serving)
  const { ask } = await session(t, serving.ports['pop3'] ?? 0)
  await ask('USER mario')
  assert.match(await ask('PASS secret'), /^\+OK/)
  serving.signal('SIGKILL')
  await until(() => workers.every((pid) => !alive(pid)))
  const again = await serve(two)
  assert.match((await pop3(again.ports['pop3'] ?? 0, ['USER mario', 'PASS secret', 'QUIT']))[2] ?? '', /^\+OK/)
  assert.equal((await again.stop()).code, 0)
})

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
