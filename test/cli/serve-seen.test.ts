import assert from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { house, pop3, type Serving } from './postino.ts'

const listen = ['--listen', 'pop3=127.0.0.1:0', '--listen', 'metrics=127.0.0.1:0']

async function metrics(
  { ports }: Serving,
  path = '/metrics',
  method = 'GET',
): Promise<{ status: number; text: string }> {
  const answer = await fetch(`http://127.0.0.1:${ports['metrics']}${path}`, { method })
  return { status: answer.status, text: await answer.text() }
}

async function until(what: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 60_000
  while (!(await what())) {
    assert.ok(performance.now() < deadline, `it does not become so: ${String(what)}`)
    await new Promise((resolve) => void setTimeout(resolve, 20))
  }
}

test('a session is one line: who, from where, how, what, and how it ended', async (t) => {
  const { serve } = await house(t)
  const serving = await serve(listen)
  await pop3(serving.ports['pop3'] ?? 0, ['USER mario+phone', 'PASS secret', 'NOOP', 'DELE 1', 'TOP 2 0', 'QUIT'])
  await until(() => serving.stderr().includes('end='))
  assert.match(
    serving.stderr(),
    /^\S+Z pop3 user=mario device=phone from=127\.0\.0\.1 auth=USER size=2\/\d+ retr=0\/0 top=1 dele=1 in=\d+ out=\d+ ms=\d+ end=quit$/m,
  )
  assert.equal((await serving.stop()).code, 0)
})

test('neither the log nor the metrics tell a secret, though somebody types a password as the user name', async (t) => {
  for (const words of [listen, [...listen, '--workers', '1'], [...listen, '--json']]) {
    const { serve } = await house(t)
    const serving = await serve(words)
    const port = serving.ports['pop3'] ?? 0
    await pop3(port, ['USER hunter2', 'PASS hunter2', 'QUIT'])
    const plain = Buffer.from('\0hunter2\0hunter2').toString('base64')
    await pop3(port, [`AUTH PLAIN ${plain}`, 'USER mario', 'PASS secret', 'QUIT'])
    await pop3(port, ['USER hunter2+phone', 'PASS hunter2', 'hunter2', 'QUIT'])
    let text = ''
    // Those of a worker are counted where it answers in time.
    const counted = /postino_logins_total\{service="pop3",result="bad-login"\} 3/
    await until(async () => counted.test((text = (await metrics(serving)).text)))
    const { stdout, stderr } = await serving.stop()
    for (const said of [text, stdout, stderr]) assert.doesNotMatch(said, new RegExp(`hunter2|secret|${plain}`))
    assert.match(stderr, /failed/)
    assert.doesNotMatch(text, /mario/)
  }
})

test('the metrics say what was done, and the listener answers nothing else', async (t) => {
  const { serve } = await house(t)
  const serving = await serve(listen)
  await pop3(serving.ports['pop3'] ?? 0, ['USER mario', 'PASS secret', 'DELE 1', 'QUIT'])
  await until(async () => (await metrics(serving)).text.includes('postino_sessions_total'))
  const { text } = await metrics(serving)
  for (const line of text.trimEnd().split('\n'))
    assert.match(
      line,
      /^(?:# (?:HELP|TYPE) postino_\w+ .+|postino_\w+(?:\{\w+="[^"]*"(?:,\w+="[^"]*")*\})? [\d.e+-]+)$/,
    )
  for (const wanted of [
    'postino_sessions_total{service="pop3",end="quit"} 1',
    'postino_sessions{service="pop3"} 0',
    'postino_logins_total{service="pop3",result="ok"} 1',
    'postino_login_seconds_count 1',
    'postino_messages_deleted_total 1',
    'postino_workers 0',
  ])
    assert.ok(text.includes(`${wanted}\n`), wanted)
  assert.equal((await metrics(serving, '/')).status, 404)
  assert.equal((await metrics(serving, '/metrics', 'POST')).status, 405)
  assert.equal((await serving.stop()).code, 0)
})

test('without being asked for there is no metrics listener', async (t) => {
  const { serve } = await house(t)
  const serving = await serve(['--listen', 'pop3=127.0.0.1:0'])
  assert.deepEqual(Object.keys(serving.ports), ['pop3'])
  assert.equal((await serving.stop()).code, 0)
})

test('behind a proxy that is named, the client’s own address is what is logged and what may log in in the clear', async (t) => {
  const { serve, data } = await house(t)
  await mkdir(data, { recursive: true })
  await writeFile(join(data, 'postino.toml'), '[serve]\nproxy_from = ["127.0.0.0/8"]\n')
  const serving = await serve(listen)
  const said = async (header: string): Promise<string> => {
    const socket = connect(serving.ports['pop3'] ?? 0, '127.0.0.1').setEncoding('latin1')
    let heard = ''
    socket.on('data', (text: string) => (heard += text)).on('error', () => undefined)
    socket.write(`${header}USER mario\r\nPASS secret\r\nQUIT\r\n`)
    await new Promise((resolve) => socket.on('close', resolve))
    return heard
  }
  assert.match(await said('PROXY TCP4 127.0.0.9 192.0.2.1 40000 110\r\n'), /\+OK mario|maildrop/)
  const refused = await said('PROXY TCP4 192.0.2.7 192.0.2.1 40000 110\r\n')
  assert.match(refused, /^\+OK/)
  assert.match(refused, /-ERR/, 'in the clear from another machine')
  assert.equal(await said(''), '')
  await until(() => serving.stderr().includes('from=192.0.2.7') && serving.stderr().includes('from=127.0.0.9'))
  // At SIGHUP nobody is a proxy any more.
  await writeFile(join(data, 'postino.toml'), '')
  serving.signal('SIGHUP')
  await until(() => serving.stderr().includes('read the configuration'))
  assert.match(await said('PROXY TCP4 192.0.2.7 192.0.2.1 40000 110\r\n'), /^\+OK.*\r\n-ERR/)
  assert.equal((await serving.stop()).code, 0)
})
