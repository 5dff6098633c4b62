import { connect, type Socket } from 'node:net'
import { PeerError } from '../errors.ts'
import { type ControlLine, controlPath, type ControlRequest } from './control-words.ts'

/**
 * Asks the `serve` of this data folder, and takes its answers. False: none runs, or it takes no requests. Rejects with PeerError where
 * it ends in the middle: what it was asked for may go on, or not.
 */
export async function askServer(
  data: string,
  request: ControlRequest,
  take: (line: ControlLine) => Promise<void>,
): Promise<boolean> {
  const socket = await reached(data)
  if (socket === undefined) return false
  try {
    const { createInterface } = await import('node:readline')
    socket.write(`${JSON.stringify(request)}\n`)
    for await (const text of createInterface({ input: socket })) {
      const line = JSON.parse(text) as ControlLine
      await take(line)
      if (line.done === true) return true
    }
  } catch (error) {
    if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).syscall === undefined) throw error
  } finally {
    socket.destroy()
  }
  throw new PeerError('connection-lost', 'the running `postino serve` ended before all was fetched; try again')
}

async function reached(data: string): Promise<Socket | undefined> {
  try {
    const socket = connect(controlPath(data))
    await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject))
    return socket
  } catch {
    return undefined
  }
}
