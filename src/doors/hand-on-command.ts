import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Writable } from 'node:stream'
import type { CommandTarget } from '../accounts/hand-on-target.ts'
import { endGroup, ownGroup } from '../accounts/process-group.ts'
import { PeerError } from '../errors.ts'
import { type Courier, type Outcome, type Parcel, unreadable } from './hand-on-courier.ts'

/** For whom a command runs, and how long it may. */
export interface CommandCourierOptions {
  /** The address that brought the messages in. */
  readonly account: string
  readonly signal?: AbortSignal | undefined
  /** A command that runs longer (milliseconds) is ended; ten minutes unless said. */
  readonly longest?: number
}

/** So much of what a command says (octets) is kept to tell why it failed. */
const enough = 2000

/** sysexits.h: EX_TEMPFAIL. */
const tryLater = 75

/** Gives each message to a shell command on its standard input, one after the other. */
export function commandCourier({ command }: CommandTarget, options: CommandCourierOptions): Courier {
  return {
    most: 1,
    // Only the command knows what it has done: it can tell by POSTINO_MESSAGE_ID that a message comes again.
    mark: () => Promise.resolve(''),
    carry: async (parcels, tell) => {
      for (const parcel of parcels) tell(parcel, await run(command, parcel, options))
    },
    close: () => Promise.resolve(),
  }
}

async function run(command: string, parcel: Parcel, options: CommandCourierOptions): Promise<Outcome> {
  const { account, signal, longest = 600_000 } = options
  const goOn = (): void => {
    if (signal?.aborted === true) throw new PeerError('connection-lost', 'stopped')
  }
  goOn()
  const contents = await parcel.contents().catch(unreadable)
  if ('kind' in contents) return contents
  const child = spawn(command, {
    shell: true,
    env: { ...process.env, ...environmentOf(parcel, account) },
    stdio: ['pipe', 'ignore', 'pipe'],
    ...ownGroup,
  })
  let complaint = ''
  child.stderr.on('data', (octets: Buffer) => (complaint = `${complaint}${octets.toString()}`.slice(-enough)))
  const ended = new Promise<string | undefined>((resolve) => {
    child.once('error', (error) => resolve(`cannot be started: ${error.message}`))
    child.once('close', (code, killedBy) => resolve(faultOf(code, killedBy)))
    // What it has left running in the background may hold on to stderr.
    child.once('exit', (code, killedBy) => setTimeout(() => resolve(faultOf(code, killedBy)), code === 0 ? 0 : 100))
  })
  let stopped: string | undefined
  const stop = (why: string): void => {
    stopped ??= why
    endGroup(child)
  }
  const timer = setTimeout(() => stop(`was ended after ${longest / 1000} s`), longest)
  const abort = (): void => stop('stopped')
  signal?.addEventListener('abort', abort, { once: true })
  try {
    await feed(child.stdin, contents.octets()).catch(() => {
      // With half a message it must not come to a good end.
      if (parcel.fault !== undefined) endGroup(child)
    })
    const fault = await ended
    goOn()
    if (parcel.fault !== undefined) return unreadable(parcel.fault)
    const why = stopped ?? fault
    if (why === undefined) return { kind: 'taken', reply: 'exit code 0' }
    const said = complaint.trim().split('\n').at(-1)?.trim() ?? ''
    return { kind: 'refused', why: `the command ${why}${said === '' ? '' : ` and said: ${said}`}` }
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', abort)
    child.stdin.destroy()
    child.stderr.destroy()
  }
}

function environmentOf({ message, attempts }: Parcel, account: string): Record<string, string> {
  return {
    POSTINO_ACCOUNT: account,
    POSTINO_MESSAGE_ID: message.uniqueId,
    POSTINO_SHA256: message.hash,
    POSTINO_SIZE: String(message.size),
    POSTINO_RECEIVED: new Date(message.received).toISOString(),
    POSTINO_FLAGS: message.flags.join(' '),
    POSTINO_ATTEMPT: String(attempts + 1),
  }
}

function faultOf(code: number | null, killedBy: NodeJS.Signals | null): string | undefined {
  if (code === 0) return undefined
  if (code === tryLater) return 'wants the message later (exit code 75)'
  return code === null ? `was ended by ${killedBy}` : `failed (exit code ${code})`
}

/** A command need not read all of it, and may be gone before it is written: what counts is how it ends. */
async function feed(stdin: Writable, octets: AsyncIterable<Uint8Array>): Promise<void> {
  let gone = false
  stdin.on('error', () => (gone = true))
  for await (const piece of octets) {
    if (gone) return
    if (!stdin.write(piece)) await Promise.race([once(stdin, 'drain'), once(stdin, 'close')]).catch(() => undefined)
  }
  stdin.end()
}
