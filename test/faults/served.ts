import { readFileSync, writeFileSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { postino, type Postino, type RunOptions, type Serving } from '../cli/postino.ts'

/** A real `postino serve` with the mail of mario, whose password is `secret`. */
export interface Served extends Postino {
  readonly serving: Serving
  readonly port: number
}

export const intoIt = 'USER mario\r\nPASS secret\r\n'

/** Imports these messages for mario, in their order, and serves them. */
export async function served(
  t: TestContext,
  messages: readonly (string | Uint8Array)[],
  env: RunOptions['env'] = {},
): Promise<Served> {
  const mine = await postino(t)
  await mine.run(['user', 'add', 'mario', '--password-stdin'], { input: 'secret\n' })
  await importThese(mine, messages, 'first')
  const serving = await mine.serve(['--listen', 'pop3=127.0.0.1:0'], { env })
  return { ...mine, serving, port: serving.ports['pop3'] ?? 0 }
}

/** Another process brings these into mario's mail. */
export async function importThese(
  mine: Postino,
  messages: readonly (string | Uint8Array)[],
  folder: string,
): Promise<void> {
  const from = join(mine.data, '..', folder)
  await mkdir(from, { recursive: true })
  for (const [place, message] of messages.entries())
    await writeFile(join(from, `${String(place).padStart(6, '0')}.eml`), message)
  const { code, stderr } = await mine.run(['import', from, '--user', 'mario', '--quiet'])
  if (code !== 0) throw new Error(`import: ${stderr}`)
}

/** Says all of it, however slowly it is taken, and gives all that is heard until the server closes. */
export async function talk(port: number, said: Iterable<string | Uint8Array> | AsyncIterable<string>): Promise<Buffer> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true, allowHalfOpen: true })
  const heard: Buffer[] = []
  socket.on('data', (octets: Buffer) => heard.push(octets))
  const over = closed(socket)
  for await (const piece of said) {
    if (socket.destroyed) break
    if (!socket.write(piece)) await Promise.race([over, new Promise((resolve) => socket.once('drain', resolve))])
  }
  socket.end()
  await over
  return Buffer.concat(heard)
}

/** Resolves when the connection is over, in whatever way. */
export function closed(socket: Socket): Promise<void> {
  socket.on('error', () => undefined)
  return new Promise((resolve) => void socket.on('close', () => resolve()))
}

/** What a process had resident at most while the work was done, above what it had before (octets); 0 where nothing tells that. */
export async function growthWhile(pid: number, work: () => Promise<void>): Promise<number> {
  const before = resident(pid, 'VmRSS')
  try {
    // proc(5): the peak is what it is now.
    writeFileSync(`/proc/${pid}/clear_refs`, '5')
  } catch {
    // Then it is the peak of its life: more than that of the work.
  }
  await work()
  return Math.max(0, resident(pid, 'VmHWM') - before)
}

function resident(pid: number, what: 'VmRSS' | 'VmHWM'): number {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8')
    return Number(new RegExp(`^${what}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? 0) * 1024
  } catch {
    return 0
  }
}

/** How often a text stands in what was heard. */
export function countOf(heard: Buffer, text: string): number {
  let count = 0
  for (let at = heard.indexOf(text); at !== -1; at = heard.indexOf(text, at + text.length)) count++
  return count
}
