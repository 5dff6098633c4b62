import { spawn } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { chmodSync, chownSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { makeCertificate } from '../../src/net/certificate.ts'
import { dovecotConfig } from './dovecot-config.ts'
import type { DovecotProtocol } from './dovecot-config.ts'
import { fillMaildir, letMailOwnerIn, mailOwner, tallyMaildir } from './maildir.ts'
import type { Tally } from './maildir.ts'
import { run, whereIs } from './run.ts'
import type { Finished } from './run.ts'

export interface DovecotOptions {
  /** An empty folder, or one that Dovecot was started in before; the mail is in `users/NAME/Maildir`. */
  readonly folder: string
  /** Names with their passwords. */
  readonly users: Readonly<Record<string, string>>
  /** Default: POP3 only. */
  readonly protocols?: readonly DovecotProtocol[]
  /** STLS, and implicit TLS at ports of its own, with a certificate for 127.0.0.1 made here, or with this one. */
  readonly tls?: boolean | { readonly cert: string; readonly key: string }
  /** More lines of configuration; they come last and so win. */
  readonly settings?: string
}

/** A Dovecot that runs on 127.0.0.1 at ports that were free. */
export interface Dovecot {
  readonly host: '127.0.0.1'
  /** `pop3` and `imap`; with TLS `pop3s` and `imaps` too. */
  readonly ports: Readonly<Record<string, number>>
  /** For `doveadm -c`. */
  readonly config: string
  readonly folder: string
  /** The file that clients trust, in PEM; there only with TLS. */
  readonly certificate: string
  /** The process that all others belong to. */
  readonly pid: number
  maildir(user: string): string
  /** Puts messages into a user's Maildir. */
  fill(user: string, messages: Iterable<Uint8Array>): Tally
  /** What is in a user's Maildir now. */
  tally(user: string): Tally
  doveadm(...words: string[]): Promise<Finished>
  log(): string
  stop(): Promise<void>
}

/** Starts Dovecot in a folder, as root or not, and waits until it answers. Stop it in the end: its processes outlive a crash. */
export async function startDovecot(options: DovecotOptions): Promise<Dovecot> {
  const program = whereIs('dovecot')
  if (program === undefined) throw new Error('dovecot is not installed (Debian: apt-get install dovecot-pop3d)')
  const { folder } = options
  const protocols = options.protocols ?? ['pop3']
  const tls = options.tls ?? false
  const base = mkdtempSync(join(tmpdir(), 'dovecot-'))
  chmodSync(base, 0o755)
  mkdirSync(join(folder, 'users'), { recursive: true })
  letMailOwnerIn(join(folder, 'users'))
  const owner = mailOwner()
  for (const user of Object.keys(options.users)) {
    mkdirSync(join(folder, 'users', user), { recursive: true, mode: 0o700 })
    chownSync(join(folder, 'users', user), owner.uid, owner.gid)
  }
  const lines = Object.entries(options.users).map(([user, password]) => `${user}:{PLAIN}${password}\n`)
  writeFileSync(join(folder, 'passwords'), lines.join(''), { mode: 0o644 })
  const certificate = join(folder, 'certificate.pem')
  if (tls !== false) {
    const pair = tls === true ? makeCertificate() : tls
    writeFileSync(certificate, pair.cert)
    writeFileSync(join(folder, 'key.pem'), pair.key, { mode: 0o600 })
  }
  const names = protocols.flatMap((protocol) => (tls === false ? [protocol] : [protocol, `${protocol}s`]))
  const ports: Record<string, number> = Object.fromEntries(
    (await freePorts(names.length)).map((port, index) => [names[index] as string, port]),
  )
  // Not in the folder, for two may run with the same mail; and Dovecot has a dovecot.conf of its own in its base.
  const config = join(base, 'configuration')
  const settings = options.settings ?? ''
  writeFileSync(config, dovecotConfig({ base, folder, ports, protocols, tls: tls !== false, settings }))
  const log = (): string => readIfThere(join(folder, 'dovecot.log'))

  const child = spawn(program, ['-F', '-c', config], { stdio: ['ignore', 'ignore', 'pipe'] })
  let complaint = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (complaint += text))
  const ended = new Promise<void>((resolve) => {
    child.once('error', (error) => {
      complaint += error.message
      resolve()
    })
    child.once('close', () => resolve())
  })
  let gone = false
  void ended.then(() => (gone = true))
  const killed = (): void => void child.kill('SIGTERM')
  process.once('exit', killed)
  for (const [name, port] of Object.entries(ports)) {
    for (let tries = 0; !(await (name.endsWith('s') ? answers(port) : greets(port))); tries++) {
      if (gone || tries > 3000) {
        child.kill('SIGTERM')
        throw new Error(`dovecot does not answer at port ${port}: ${complaint}${log()}`)
      }
      await wait(20)
    }
  }
  return {
    host: '127.0.0.1',
    ports,
    config,
    folder,
    certificate,
    pid: child.pid as number,
    maildir: (user) => join(folder, 'users', user, 'Maildir'),
    fill: (user, messages) => fillMaildir(join(folder, 'users', user, 'Maildir'), messages),
    tally: (user) => tallyMaildir(join(folder, 'users', user, 'Maildir')),
    doveadm: (...words) => run(whereIs('doveadm') ?? 'doveadm', ['-c', config, ...words]),
    log,
    stop: async () => {
      process.off('exit', killed)
      child.kill('SIGTERM')
      await ended
      rmSync(base, { recursive: true, force: true })
    },
  }
}

/**
 * Ports of 127.0.0.1 that nobody listens at just now. They are none that the system gives to who asks for any (32768 and up on Linux):
 * another test could be given such a one before the server is there.
 */
export async function freePorts(count: number): Promise<number[]> {
  const found = new Set<number>()
  while (found.size < count) {
    const port = randomInt(15_000, 32_000)
    if (await isFree(port)) found.add(port)
  }
  return [...found]
}

function isFree(port: number): Promise<boolean> {
  const server = createServer()
  return new Promise((resolve) => {
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}

/** Whether somebody accepts connections at a port of 127.0.0.1. */
export function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}

/** Whether a server at a port of 127.0.0.1 says something to who connects. */
export function greets(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('data', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
    socket.once('close', () => resolve(false))
  })
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
