import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { password } from './corpora.ts'

/** Logs users in, some at once, and leaves their sessions open until `close`. */
export async function openSessions(port: number, users: readonly string[]): Promise<{ close(): Promise<void> }> {
  const open: Socket[] = []
  const rest = users.values()
  const some = Array.from({ length: 8 }, async () => {
    for (const user of rest) open.push(await logIn(port, user))
  })
  await Promise.all(some)
  return {
    close: async () => {
      await Promise.all(
        open.map(
          (socket) =>
            new Promise<void>((resolve) => {
              socket.once('close', () => resolve()).resume()
              socket.end('QUIT\r\n')
            }),
        ),
      )
    },
  }
}

/** Resolves once the server has said +OK to the connection, USER, PASS and STAT. */
function logIn(port: number, user: string): Promise<Socket> {
  const socket = connect(port, '127.0.0.1').setEncoding('latin1')
  const commands = [`USER ${user}`, `PASS ${password}`, 'STAT']
  return new Promise((resolve, reject) => {
    let said = ''
    socket.on('error', reject)
    socket.on('close', () => reject(new Error(`the server hung up on ${user}: ${said}`)))
    socket.on('data', (text: string) => {
      said += text
      if (!said.endsWith('\n')) return
      if (!said.startsWith('+OK')) return void socket.destroy()
      said = ''
      const next = commands.shift()
      if (next === undefined) resolve(socket)
      else socket.write(`${next}\r\n`)
    })
  })
}
