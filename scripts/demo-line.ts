import { type AddressInfo, connect, createServer } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'

/**
 * Opens a line to a port of this machine that carries no more than so many octets a second towards who connects, as a line
 * at home does. `port`: of its near end.
 */
export async function openLine(port: number, octetsPerSecond: number): Promise<{ port: number; close(): void }> {
  const server = createServer((near) => {
    const far = connect(port, '127.0.0.1')
    near.on('error', () => far.destroy()).on('close', () => far.destroy())
    far.on('error', () => near.destroy())
    near.pipe(far)
    const carry = async (): Promise<void> => {
      let due = 0
      for await (const chunk of far as AsyncIterable<Buffer>) {
        if (!near.write(chunk)) await drained(near)
        const now = performance.now()
        // The rate holds over many chunks, not for each: what a busy machine sleeps too long is made up for.
        due = Math.max(due, now - 100) + (chunk.length / octetsPerSecond) * 1000
        if (due - now > 2) await wait(due - now)
      }
      near.end()
    }
    carry().catch(() => near.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return { port: (server.address() as AddressInfo).port, close: () => void server.close() }
}

/** When what was written has left; also when it never will. */
function drained(socket: NodeJS.WritableStream): Promise<void> {
  return new Promise((resolve) => {
    socket.once('drain', resolve)
    socket.once('close', resolve)
  })
}
