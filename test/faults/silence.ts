import { subscribe } from 'node:diagnostics_channel'
import type { Socket } from 'node:net'

/** The connections that were made in this process and are not closed yet, by the port that they have on their own side. */
const made = new Map<number, Socket>()

subscribe('net.client.socket', (message) => {
  const { socket } = message as { socket: Socket }
  socket.once('connect', () => {
    const { localPort = 0 } = socket
    made.set(localPort, socket)
    socket.once('close', () => made.delete(localPort))
  })
})

/** Between two looks whether there is somebody to be told (milliseconds). */
const every = 10

/**
 * For a server that will say nothing more, though it owes something: tells its client, where that is in this process, that its time is over,
 * as soon as it has read all that was said. So a test need not wait until time runs out, and its patience can be such that it never does where
 * it should not, however busy the machine is. A client that has not asked to be told (`Socket.setTimeout`) is not told, and would hang; one in
 * another process waits its own time. Gives what ends it.
 */
export function saysNothingMore(server: Socket): () => void {
  const timer = setInterval(() => {
    const client = made.get(server.remotePort ?? 0)
    if (client === undefined || (client.timeout ?? 0) === 0 || client.bytesRead < server.bytesWritten) return
    client.emit('timeout')
  }, every)
  const end = (): void => clearInterval(timer)
  server.once('close', end)
  return end
}
