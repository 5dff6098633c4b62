import { once } from 'node:events'
import type { Socket } from 'node:net'
import { connect as secure } from 'node:tls'
import type { Line } from './follow.ts'

/** So long silence (milliseconds) means that the server has no more to say. */
const silence = 5
/** So long a player waits for what must come. */
const patience = 60_000

/** A connection over a socket. */
export function socketLine(first: Socket): Line {
  let socket = first
  let said = ''
  let over = false
  let wake = (): void => undefined
  const attend = (): void => {
    socket.setNoDelay(true)
    socket.on('data', (octets: Buffer) => {
      said += octets.toString('latin1')
      wake()
    })
    socket.on('error', () => undefined)
    const ended = (): void => {
      over = true
      wake()
    }
    socket.on('end', ended)
    socket.on('close', ended)
  }
  attend()
  const news = (milliseconds: number): Promise<void> =>
    new Promise((resolve) => {
      const timer = setTimeout(resolve, milliseconds)
      wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  return {
    send(octets) {
      socket.write(octets)
    },
    async hear(quiet) {
      if (said === '' && !over) await news(quiet ? silence : patience)
      const text = said
      said = ''
      return text
    },
    async closed() {
      const until = performance.now() + patience
      while (!over && performance.now() < until) await news(100)
      return over
    },
    async drop() {
      if (socket.destroyed) return
      socket.destroy()
      await once(socket, 'close')
    },
    async handshake() {
      socket.removeAllListeners('data')
      socket = secure({ socket, rejectUnauthorized: false })
      await once(socket, 'secureConnect')
      attend()
    },
  }
}
