import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readMaildir } from './maildir.ts'
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

// Net::POP3 gives lines that end with LF, whatever they ended with.
const perlProgram = `
use strict;
use Net::POP3;
my ($host, $port, $tls, $login, $password, $folder) = @ARGV;
my @lax = (SSL_verify_mode => 0);
my $maildrop = Net::POP3->new($host, Port => $port, Timeout => 120, $tls eq 'implicit' ? (SSL => 1, @lax) : ()) or die $@;
if ($tls eq 'starttls') { $maildrop->starttls(@lax) or die $maildrop->message }
my $count = $maildrop->login($login, $password) or die $maildrop->message;
for my $number (1 .. $count) {
  open my $file, '>:raw', "$folder/$number" or die $!;
  $maildrop->get($number, $file) or die $maildrop->message;
  close $file;
}
$maildrop->quit or die $maildrop->message;
`

/** Every message as Perl's Net::POP3 reads it, in order of message-number; each line ends with LF. */
export async function readWithPerl(reading: Reading): Promise<Buffer[]> {
  return collectFiles(async (folder) => {
    const { host, port, tls = 'none', login, password } = reading
    await runWell('perl', ['-e', perlProgram, host, String(port), tls, login, password, folder])
  })
}

/** Every message as mutt fetches it into a Maildir, in no order; each line ends with LF. mutt needs a terminal: Python has one. */
export async function readWithMutt(reading: Reading & { readonly certificate?: string }): Promise<Buffer[]> {
  const { host, port, tls = 'none', login, password, certificate } = reading
  const folder = mkdtempSync(join(tmpdir(), 'postino-mutt-'))
  try {
    const lines = [
      `set pop_host="pop${tls === 'implicit' ? 's' : ''}://${login}@${host}:${port}"`,
      `set pop_pass="${password}"`,
      'set pop_delete=no pop_last=no pop_authenticators="user"',
      `set ssl_starttls=${tls === 'starttls' ? 'yes' : 'no'} ssl_force_tls=${tls === 'starttls' ? 'yes' : 'no'} ssl_verify_host=no`,
      `set certificate_file="${certificate ?? ''}"`,
      `set mbox_type=Maildir spoolfile="${folder}/Maildir" folder="${folder}" record="" header_cache=""`,
      'set quit=yes confirmcreate=no confirmappend=no wait_key=no',
    ]
    writeFileSync(join(folder, 'muttrc'), `${lines.join('\n')}\n`)
    for (const name of ['cur', 'new', 'tmp']) mkdirSync(join(folder, 'Maildir', name), { recursive: true })
    const terminal = 'import pty, sys; sys.exit(pty.spawn(sys.argv[1:]) >> 8)'
    const words = ['mutt', '-n', '-F', join(folder, 'muttrc'), '-e', 'push "<fetch-mail><exit>"']
    await runWell('python3', ['-c', terminal, ...words], {
      env: { TERM: 'xterm', HOME: folder, LC_ALL: 'C.UTF-8' },
      signal: AbortSignal.timeout(300_000),
    })
    return readMaildir(join(folder, 'Maildir'))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
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
