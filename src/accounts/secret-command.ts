import { spawn } from 'node:child_process'
import { MisuseError } from '../errors.ts'
import { endGroup, ownGroup } from './process-group.ts'

/** How long the command may take, milliseconds. */
const patience = 60_000
/** How long what it printed is used again, milliseconds: several sessions begin at once, and each might ask a person. */
const lifetime = 60_000
/** A line is at most so long, octets. */
const most = 4096

const printed = new Map<string, { readonly password: Promise<string>; readonly until: number }>()

/**
 * The first line that a command prints, run by the shell. Rejects with MisuseError, which tells how it ended but nothing of what it
 * said, and nothing of the command: either may hold the password.
 */
export async function passwordOfCommand(address: string, command: string, limit: number = patience): Promise<string> {
  const known = printed.get(command)
  const now = performance.now()
  const entry =
    known !== undefined && known.until > now ? known : { password: run(command, limit), until: now + lifetime }
  printed.set(command, entry)
  try {
    return await entry.password
  } catch (cause) {
    // It is run again the next time.
    if (printed.get(command) === entry) printed.delete(command)
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new MisuseError('configuration', `the password command of ${address} ${why}; run it by hand to see why`)
  }
}

function run(command: string, limit: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, { shell: true, stdio: ['ignore', 'pipe', 'ignore'], ...ownGroup })
    const timer = setTimeout(() => {
      reject(new Error(`did not end within ${limit / 1000} s`))
      child.stdout.destroy()
      endGroup(child)
    }, limit)
    let text = Buffer.alloc(0)
    child.stdout.on('data', (chunk: Buffer) => {
      if (text.length <= most) text = Buffer.concat([text, chunk])
    })
    child.on('error', () => {
      clearTimeout(timer)
      reject(new Error('could not be started'))
    })
    child.on('close', (code, signal) => {
      clearTimeout(timer)
      const [line = ''] = text.toString('utf8').split(/\r?\n/, 1)
      if (code !== 0) reject(new Error(code === null ? `was ended by ${signal}` : `ended with exit code ${code}`))
      else if (line === '') reject(new Error('printed nothing, or an empty line'))
      else if (Buffer.byteLength(line) > most) reject(new Error(`printed a line of more than ${most} octets`))
      else resolve(line)
    })
  })
}
