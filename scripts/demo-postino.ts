import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { explain, say, showCommand } from './demo-terminal.ts'

const program = fileURLToPath(new URL('../bin/postino.js', import.meta.url))

/** The demo was stopped from outside. */
export class Stopped extends Error {}

/** A `postino serve` that is ready. */
export interface Serving {
  readonly port: number
  readonly tlsPort: number
  /** Resolves when it has ended, by itself or by a stop; throws where it did not end well. */
  readonly ended: Promise<void>
  stop(): void
}

/** The real command line on one data folder, on this terminal. */
export class Postino {
  readonly #data: string
  readonly #stop: AbortSignal

  /** `stop`: ends what runs. */
  constructor(data: string, stop: AbortSignal) {
    this.#data = data
    this.#stop = stop
  }

  /** Shows a command and runs it. Throws where it fails. `input`: a line for its stdin. */
  async run(words: readonly string[], input?: string): Promise<void> {
    const child = this.#start(words, [input === undefined ? 'ignore' : 'pipe', 'inherit', 'inherit'])
    child.stdin?.on('error', () => undefined).end(`${input}\n`)
    await this.#wellEnded(child, words)
    if (this.#stop.aborted) throw new Stopped()
  }

  /** Shows and starts `serve` on free ports, and waits until it is ready. */
  async serve(): Promise<Serving> {
    const words = ['serve', '--listen', 'pop3=127.0.0.1:0', '--listen', 'pop3s=127.0.0.1:0']
    const child = this.#start(words, ['ignore', 'pipe', 'inherit'])
    const ended = this.#wellEnded(child, words)
    ended.catch(() => undefined)
    const text = await untilReady(child)
    const port = (service: string): number =>
      Number(new RegExp(`^listening ${service} .*:(\\d+)$`, 'm').exec(text)?.[1] ?? 0)
    if (!/^ready$/m.test(text)) {
      await ended
      throw new Stopped()
    }
    return { port: port('pop3'), tlsPort: port('pop3s'), ended, stop: () => void child.kill('SIGTERM') }
  }

  #start(words: readonly string[], stdio: ('ignore' | 'pipe' | 'inherit')[]): ChildProcess {
    if (this.#stop.aborted) throw new Stopped()
    explain()
    showCommand(`postino ${words.join(' ')}`)
    // What is configured for the real Postino of this machine is not meant here.
    const own = Object.entries(process.env).filter(([name]) => !name.startsWith('POSTINO_'))
    const env = { ...Object.fromEntries(own), POSTINO_DATA: this.#data }
    const child = spawn(process.execPath, [program, ...words], { env, stdio })
    const kill = (): void => void child.kill('SIGTERM')
    this.#stop.addEventListener('abort', kill)
    child.on('exit', () => this.#stop.removeEventListener('abort', kill))
    return child
  }

  async #wellEnded(child: ChildProcess, words: readonly string[]): Promise<void> {
    const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null]
    if (code !== 0 && !this.#stop.aborted)
      throw new Error(`postino ${words[0]} ended with ${signal ?? code}, and 0 was expected`)
  }
}

/** What it printed until it was ready, shown as it comes. */
async function untilReady(child: ChildProcess): Promise<string> {
  let text = ''
  await new Promise<void>((resolve) => {
    child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
      process.stdout.write(chunk)
      text += chunk
      if (/^ready$/m.test(text)) resolve()
    })
    child.stdout?.on('close', resolve)
  })
  return text
}

/** How to read the mail that `serve` has. */
export function tellHowToRead(
  { port, tlsPort }: Serving,
  home: { readonly user: string; readonly password: string },
  commands: readonly string[],
): void {
  explain('Read it with any mail program, as a new POP3 account:', '')
  say('  server    127.0.0.1')
  say(`  port      ${port} without TLS or with STARTTLS, ${tlsPort} with SSL/TLS`)
  say('            (a self-signed certificate: the program asks whether to trust it)')
  say(`  user      ${home.user}`)
  say(`  password  ${home.password}`)
  explain('or from another terminal, in this folder:', '')
  for (const text of commands) showCommand(text)
  say()
}
