import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chownSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { test } from 'node:test'
import { follow, type Line } from './follow.ts'
import { readTranscripts, type Step, type Transcript } from './transcript.ts'
import { available } from '../peers/run.ts'

const path = [process.env['PATH'] ?? '', '/usr/sbin', '/usr/local/sbin'].join(delimiter)
/** Dovecot gives no mail to root; nobody's mail is nobody's. */
const root = process.getuid?.() === 0
const nobody = 65534
/** So long a player waits for what must come (milliseconds). */
const patience = 60_000

/** Why Dovecot cannot follow at all; undefined: it can. */
function absence(): string | undefined {
  const { stdout, error } = spawnSync('dovecot', ['--version'], { env: { PATH: path }, encoding: 'utf8' })
  if (error !== undefined || !available('doveadm')) return 'dovecot is not installed'
  return stdout.startsWith('2.3.') ? undefined : `dovecot ${stdout.trim()} is configured in another way than 2.3`
}

const preamble: readonly string[] = ['+OK *', 'USER mario\r\n', '+OK *', 'PASS secret\r\n', '+OK *']

/** The transcript behind the log-in, which a Dovecot at the end of a pipe does not have; undefined where it is about that. */
function behindLogIn(transcript: Transcript): Transcript | undefined {
  const steps: Step[] = []
  let rest = transcript.steps
  for (;;) {
    const open = rest.slice(0, preamble.length).map((step) => {
      if (step.kind === 'client') return Buffer.from(step.octets).toString('latin1')
      return step.kind === 'server' ? step.pattern : step.kind
    })
    if (open.join() !== preamble.join()) return undefined
    const next = rest.findIndex((step) => step.kind === 'connect')
    steps.push(...rest.slice(preamble.length, next === -1 ? undefined : next + 1))
    if (next === -1) break
    rest = rest.slice(next + 1)
  }
  return steps.some((step) => step.kind === 'handshake') ? undefined : { ...transcript, steps }
}

/** A Maildir with the messages of the transcript, and a configuration for it. */
function prepare(transcript: Transcript): string {
  const folder = mkdtempSync(join(tmpdir(), 'postino-dovecot-'))
  const maildir = join(folder, 'Maildir')
  for (const name of ['cur', 'new', 'tmp']) mkdirSync(join(maildir, name), { recursive: true })
  let list = `3 V1 N${transcript.messages.length + 1} G0123456789abcdef0123456789abcdef\n`
  for (const [place, message] of transcript.messages.entries()) {
    writeFileSync(join(maildir, 'cur', `${message.uniqueId}:2,`), message.kept)
    list += `${place + 1} :${message.uniqueId}\n`
  }
  writeFileSync(join(maildir, 'dovecot-uidlist'), list)
  const owner = root ? nobody : (process.getuid?.() ?? 0)
  const configuration = [
    `base_dir = ${join(folder, 'run')}`,
    `log_path = ${join(folder, 'log')}`,
    'ssl = no',
    'protocols = pop3',
    'first_valid_uid = 1',
    'first_valid_gid = 1',
    `mail_uid = ${owner}`,
    `mail_gid = ${root ? nobody : (process.getgid?.() ?? 0)}`,
    `mail_location = maildir:${maildir}`,
    'pop3_uidl_format = %f',
  ]
  writeFileSync(join(folder, 'dovecot.conf'), `${configuration.join('\n')}\n`)
  if (root) {
    for (const name of [
      '',
      'dovecot.conf',
      'Maildir',
      'Maildir/dovecot-uidlist',
      'Maildir/cur',
      'Maildir/new',
      'Maildir/tmp',
    ])
      chownSync(join(folder, name), nobody, nobody)
    for (const message of transcript.messages) chownSync(join(maildir, 'cur', `${message.uniqueId}:2,`), nobody, nobody)
  }
  return folder
}

function pipe(folder: string, onEnd: (end: () => void) => void): Line {
  const child = spawn('doveadm', ['-c', join(folder, 'dovecot.conf'), 'exec', 'pop3'], {
    env: { PATH: path, USER: 'mario', HOME: folder },
    cwd: folder,
    stdio: ['pipe', 'pipe', 'ignore'],
    ...(root && { uid: nobody, gid: nobody }),
  })
  onEnd(() => child.kill('SIGKILL'))
  let said = ''
  let over = false
  let wake = (): void => undefined
  child.stdout.on('data', (octets: Buffer) => {
    said += octets.toString('latin1')
    wake()
  })
  child.stdin.on('error', () => undefined)
  child.on('close', () => {
    over = true
    wake()
  })
  const news = (milliseconds: number): Promise<void> =>
    new Promise((resolve) => {
      const timer = setTimeout(resolve, milliseconds)
      wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  return {
    send: (octets) => void child.stdin.write(octets),
    async hear(quiet) {
      if (said === '' && !over) await news(quiet ? 5 : patience)
      const text = said
      said = ''
      return text
    },
    async closed() {
      const until = performance.now() + patience
      while (!over && performance.now() < until) await news(100)
      return over
    },
    async drop() {
      if (over) return
      child.stdin.destroy()
      child.stdout.resume()
      await once(child, 'close')
    },
    handshake() {
      throw new Error('there is no TLS at the end of a pipe')
    },
  }
}

const absent = absence()

for (const whole of readTranscripts()) {
  const transcript = behindLogIn(whole)
  if (transcript === undefined) continue
  test(`dovecot: ${transcript.name}`, async (t) => {
    if (absent !== undefined) return t.skip(absent)
    if (transcript.dovecot !== undefined) return t.skip(transcript.dovecot)
    const folder = prepare(transcript)
    t.after(() => rmSync(folder, { recursive: true, force: true }))
    await follow(transcript, () => pipe(folder, (end) => t.after(end)))
  })
}
