import { spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { makeCertificate } from '../../src/net/certificate.ts'

const program = fileURLToPath(new URL('../../bin/postino.js', import.meta.url))

/** How one run of the program ended. */
export interface Finished {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface RunOptions {
  /** What is on stdin; nothing unless said. */
  readonly input?: string
  readonly env?: Readonly<Record<string, string>>
}

/** `postino` on one data folder. */
export interface Postino {
  readonly data: string
  readonly run: (words: readonly string[], options?: RunOptions) => Promise<Finished>
  /** What it printed as JSON lines; throws where anything else is on stdout. */
  readonly json: (words: readonly string[], options?: RunOptions) => Promise<Record<string, unknown>[]>
  /** Runs `serve` until it is ready. */
  readonly serve: (words?: readonly string[], options?: RunOptions) => Promise<Serving>
}

/** A `postino serve` that is ready. */
export interface Serving {
  readonly pid: number
  /** By service. */
  readonly ports: Readonly<Record<string, number>>
  readonly lines: readonly string[]
  stderr(): string
  signal(name: NodeJS.Signals): void
  /** Sends SIGTERM and waits for the end. */
  stop(): Promise<Finished>
}

/** A new data folder, removed at the end of the test. */
export async function postino(t: TestContext): Promise<Postino> {
  const folder = await mkdtemp(join(tmpdir(), 'postino-cli-'))
  t.after(() => rm(folder, { recursive: true, force: true, maxRetries: 3 }))
  const data = join(folder, 'data')
  const start = (words: readonly string[], { input = '', env }: RunOptions = {}) => {
    const child = spawn(process.execPath, [program, '--data', data, ...words], {
      env: { ...process.env, TZ: 'UTC', NODE_OPTIONS: '', POSTINO_DATA: '', POSTINO_DEBUG: '', ...env },
    })
    const finished = Promise.withResolvers<Finished>()
    let stdout = ''
    let stderr = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
    child.stdin.on('error', () => undefined).end(input)
    child.on('error', finished.reject)
    child.on('close', (code) => finished.resolve({ code, stdout, stderr }))
    t.after(() => child.kill('SIGKILL'))
    return { child, finished: finished.promise, out: () => stdout, err: () => stderr }
  }
  const run = (words: readonly string[], options?: RunOptions): Promise<Finished> => start(words, options).finished
  return {
    data,
    run,
    async json(words, options) {
      const { stdout } = await run([...words, '--json'], options)
      return stdout
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as Record<string, unknown>)
    },
    async serve(words = ['--listen', 'pop3=127.0.0.1:0', '--listen', 'pop3s=127.0.0.1:0'], options = {}) {
      const { child, finished, out, err } = start(['serve', ...words], options)
      await new Promise<void>((resolve, reject) => {
        child.stdout.on('data', () => {
          if (/^(?:ready|\{"ready":true\})$/m.test(out())) resolve()
        })
        void finished.then(({ code, stderr }) => reject(new Error(`serve ended with ${code}: ${stderr}`)))
      })
      const lines = out().trimEnd().split('\n')
      const ports = Object.fromEntries(
        lines.flatMap((line) => {
          const [, service = '', port] =
            /^listening (\S+) \S+:(\d+)$/.exec(line) ?? /^\{"listening":"(\w+)",.*"port":(\d+)\}$/.exec(line) ?? []
          return port === undefined ? [] : [[service, Number(port)]]
        }),
      )
      return {
        pid: child.pid ?? 0,
        ports,
        lines,
        stderr: err,
        signal: (name) => void child.kill(name),
        stop: () => {
          child.kill('SIGTERM')
          return finished
        },
      }
    },
  }
}

/** The same with the user mario, whose password is "secret", and who has two messages. */
export async function house(t: TestContext): Promise<Postino> {
  const made = await postino(t)
  await made.run(['user', 'add', 'mario', '--password-stdin'], { input: 'secret\n' })
  await writeFile(join(made.data, 'mail.mbox'), mbox(2))
  await made.run(['import', join(made.data, 'mail.mbox')])
  return made
}

/** Configures a new certificate in a data folder, and gives it. */
export async function ownCertificate(data: string): Promise<string> {
  const { cert, key } = makeCertificate()
  await writeFile(join(data, 'own.pem'), cert)
  await writeFile(join(data, 'own.key'), key)
  await writeFile(join(data, 'postino.toml'), '[tls]\ncertificate = "own.pem"\nkey = "own.key"\n')
  return cert
}

/** Some messages as files of one mbox. */
export function mbox(count: number): string {
  const message = (number: number): string =>
    `From sender@example.it Mon Nov 23 10:00:0${number % 10} 2026\nFrom: Anna Bianchi <anna@example.it>\nTo: mario@example.it\n` +
    `Date: Mon, 23 Nov 2026 10:00:00 +0100\nSubject: Message ${number}\n\nThe text of number ${number}, perché no.\n\n`
  return Array.from({ length: count }, (_, index) => message(index + 1)).join('')
}

/** A conversation with a POP3 server in the clear: sends the lines one after the other, gives the first line of each reply. */
export async function pop3(port: number, lines: readonly string[]): Promise<string[]> {
  const { connect } = await import('node:net')
  const socket = connect(port, '127.0.0.1').setEncoding('latin1')
  const replies: string[] = []
  let waiting = ''
  const queue = [...lines]
  await new Promise<void>((resolve, reject) => {
    socket.on('error', reject).on('close', () => resolve())
    socket.on('data', (text: string) => {
      waiting += text
      for (let end = waiting.indexOf('\r\n'); end !== -1; end = waiting.indexOf('\r\n')) {
        replies.push(waiting.slice(0, end))
        waiting = waiting.slice(end + 2)
        const next = queue.shift()
        if (next === undefined) socket.end()
        else socket.write(`${next}\r\n`)
      }
    })
  })
  return replies
}
