import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runWell } from './run.ts'

/** Which maildrop to read, whole. Certificates are not verified. */
export interface Reading {
  readonly host: string
  readonly port: number
  readonly tls?: 'implicit' | 'starttls' | 'none'
  readonly login: string
  readonly password: string
}

// poplib gives lines without their ends, and refuses lines over 2048 octets where it is not told otherwise.
const poplibProgram = `
import poplib, ssl, sys
host, port, tls, login, password, folder = sys.argv[1:]
poplib._MAXLINE = 1 << 28
context = ssl.create_default_context()
context.check_hostname = False
context.verify_mode = ssl.CERT_NONE
if tls == 'implicit':
    maildrop = poplib.POP3_SSL(host, int(port), context=context)
else:
    maildrop = poplib.POP3(host, int(port))
    if tls == 'starttls':
        maildrop.stls(context)
maildrop.user(login)
maildrop.pass_(password)
count = maildrop.stat()[0]
for number in range(1, count + 1):
    with open(f'{folder}/{number}', 'wb') as file:
        for line in maildrop.retr(number)[1]:
            file.write(line + b'\\r\\n')
maildrop.quit()
`

/** Every message as Python's poplib reads it, in order of message-number; each line ends with CRLF. */
export async function readWithPoplib(reading: Reading): Promise<Buffer[]> {
  return collectFiles(async (folder) => {
    const { host, port, tls = 'none', login, password } = reading
    await runWell('python3', ['-c', poplibProgram, host, String(port), tls, login, password, folder])
  })
}

/** Every message as curl reads it, in order of message-number. */
export async function readWithCurl(reading: Reading): Promise<Buffer[]> {
  const { host, port, tls = 'none', login, password } = reading
  const url = `pop3${tls === 'implicit' ? 's' : ''}://${host}:${port}/`
  const common = ['--silent', '--show-error', '--insecure', '--user', `${login}:${password}`]
  if (tls === 'starttls') common.push('--ssl-reqd')
  const { stdout } = await runWell('curl', [...common, url])
  const count = stdout.split('\n').filter((line) => /^\d+ \d+/.test(line)).length
  if (count === 0) return []
  return collectFiles(async (folder) => {
    await runWell('curl', [...common, `${url}[1-${count}]`, '--output', join(folder, '#1')])
  })
}

/** What a program wrote into files named 1, 2, 3… of a folder made for it. */
async function collectFiles(fill: (folder: string) => Promise<void>): Promise<Buffer[]> {
  const folder = mkdtempSync(join(tmpdir(), 'postino-reader-'))
  try {
    await fill(folder)
    const messages: Buffer[] = []
    for (let number = 1; existsSync(join(folder, `${number}`)); number++) {
      messages.push(readFileSync(join(folder, `${number}`)))
    }
    return messages
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
