import assert from 'node:assert/strict'
import { test } from 'node:test'
import { postino } from '../cli/postino.ts'
import { available, run, runWell } from './run.ts'

// GNU SASL's client, as a library: mpop brings it along, but does not use its channel binding. OpenSSL's client has the TLS part.
// The numbers are those of gsasl.h: GSASL_AUTHID, GSASL_PASSWORD, GSASL_CB_TLS_EXPORTER.
const program = `
import base64, ctypes, re, subprocess, sys
port, login, password, spoil = sys.argv[1:]
client = subprocess.Popen(
    ['openssl', 's_client', '-connect', '127.0.0.1:' + port,
     '-keymatexport', 'EXPORTER-Channel-Binding', '-keymatexportlen', '32'],
    stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0)

def wanted(pattern):
    for line in client.stdout:
        found = re.match(pattern, line.strip())
        if found:
            return found
    sys.exit('the connection ended')

def say(line):
    client.stdin.write(line + b'\\r\\n')

binding = bytes.fromhex(wanted(rb'Keying material: ([0-9A-F]{64})$').group(1).decode())
if spoil == 'yes':
    binding = bytes(32)
wanted(rb'\\+OK')
gsasl = ctypes.CDLL('libgsasl.so.18')
context, session = ctypes.c_void_p(), ctypes.c_void_p()
assert gsasl.gsasl_init(ctypes.byref(context)) == 0
assert gsasl.gsasl_client_start(context, b'SCRAM-SHA-256-PLUS', ctypes.byref(session)) == 0
for name, value in ((1, login.encode()), (3, password.encode()), (25, base64.b64encode(binding))):
    gsasl.gsasl_property_set(session, name, value)

def step(challenge):
    answer = ctypes.c_char_p()
    code = gsasl.gsasl_step64(session, challenge, ctypes.byref(answer))
    return code, answer.value or b''

code, answer = step(b'')
say(b'AUTH SCRAM-SHA-256-PLUS ' + answer)
while True:
    reply = wanted(rb'(\\+ (.*)|\\+OK.*|-ERR.*)')
    if reply.group(2) is None:
        break
    code, answer = step(reply.group(2))
    say(answer)
print(code, reply.group(1).decode())
client.kill()
`

test('RFC 9266: GNU SASL logs in by SCRAM-SHA-256-PLUS, bound to the TLS connection and to no other', async (t) => {
  for (const name of ['python3', 'openssl']) if (!available(name)) return t.skip(`${name} is not installed`)
  const load = 'import ctypes; ctypes.CDLL("libgsasl.so.18")'
  if ((await run('python3', ['-c', load])).code !== 0) return t.skip('libgsasl is not installed')
  const { run: postinoRun, serve } = await postino(t)
  const password = 'perché ½ no' // RFC 4013: GNU SASL sends "1⁄2" for the one character
  await postinoRun(['user', 'add', 'mario', '--password-stdin'], { input: `${password}\n` })
  const { ports } = await serve(['--listen', 'pop3s=127.0.0.1:0'])
  const logIn = async (secret: string, spoil: 'yes' | 'no'): Promise<string> =>
    (
      await runWell('python3', ['-c', program, String(ports['pop3s']), 'mario+phone', secret, spoil], {
        signal: AbortSignal.timeout(300_000),
      })
    ).stdout
  // 0 is GSASL_OK: it has verified the server, too.
  assert.match(await logIn(password, 'no'), /^0 \+OK /)
  assert.match(await logIn('altro', 'no'), /-ERR \[AUTH\]/)
  assert.match(await logIn(password, 'yes'), /-ERR \[AUTH\]/)
})
