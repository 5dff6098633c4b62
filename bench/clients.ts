import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { available, runWell } from '../test/peers/run.ts'
import { root } from './harness.ts'

const sources = join(root, 'bench', 'clients')
const compiled = join(root, 'bench', 'work', 'clients')

/** In what the load clients are written that are used here: Python where no C compiler or no OpenSSL to compile with is. */
export const clientLanguage: 'C' | 'Python' =
  available('cc') && existsSync('/usr/include/openssl/ssl.h') ? 'C' : 'Python'

/** The words that run a load client of bench/clients; it is compiled where that is due. */
export function clientCommand(name: string): [string, string[]] {
  if (clientLanguage === 'Python') return ['python3', [join(sources, `${name}.py`)]]
  const program = join(compiled, name)
  const parts = [join(sources, `${name}.c`), join(sources, 'pop3.h')]
  if (!existsSync(program) || parts.some((part) => statSync(part).mtimeMs > statSync(program).mtimeMs)) {
    mkdirSync(compiled, { recursive: true })
    execFileSync('cc', ['-O2', '-Wall', '-o', program, parts[0] as string, '-lssl', '-lcrypto'])
  }
  return [program, []]
}

/** Runs a load client in a process of its own; gives what it printed as JSON. */
export async function runClient<T>(name: 'sessions' | 'drain' | 'listing', words: readonly string[]): Promise<T> {
  const [command, first] = clientCommand(name)
  const { stdout } = await runWell(command, [...first, ...words])
  return JSON.parse(stdout) as T
}
