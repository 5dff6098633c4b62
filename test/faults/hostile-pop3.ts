import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { HostileSession } from './hostile-session.ts'
import type { Hostility, RemoteMessage, Step } from './hostility.ts'

export { hashOf, type Hostility, type RemoteMessage, type Step } from './hostility.ts'

/**
 * A POP3 server that breaks the rules on purpose, and keeps a diary. It shares no code with Postino. Its maildrop changes as a
 * real one does: messages marked by DELE go away when the session comes to QUIT.
 */
export class HostilePop3 {
  hostility: Hostility = {}
  messages: RemoteMessage[]
  readonly steps: Step[] = []
  /** Octets written to all sessions. */
  sent = 0
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  #sessions = 0
  #open = 0

  private constructor(messages: readonly RemoteMessage[]) {
    this.messages = [...messages]
    this.#server = createServer((socket) => {
      this.#sockets.add(socket)
      socket.on('error', () => undefined).on('close', () => this.#sockets.delete(socket))
      const session = new HostileSession(this, socket, ++this.#sessions)
      this.#open++
      session
        .run()
        .catch(() => socket.destroy())
        .finally(() => this.#open--)
    })
  }

  static async start(messages: readonly RemoteMessage[], hostility: Hostility = {}): Promise<HostilePop3> {
    const server = new HostilePop3(messages)
    server.hostility = hostility
    await new Promise<void>((resolve) => server.#server.listen(0, '127.0.0.1', resolve))
    return server
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** The commands of all sessions, or one, in order. */
  commands(session?: number): string[] {
    return this.steps
      .filter((step) => step.what === 'command' && (session === undefined || step.session === session))
      .map((step) => step.text)
  }

  /** The messages deleted in a session that came to QUIT, by their octets. */
  committed(): Step[] {
    return this.steps.filter((step) => step.what === 'committed')
  }

  note(step: Step): void {
    this.steps.push(step)
    this.hostility.onStep?.(step)
  }

  /** Ends all sessions, also those that hang. */
  hangUp(): void {
    for (const socket of this.#sockets) socket.destroy()
  }

  /** Resolves when no session is open. */
  async idle(): Promise<void> {
    while (this.#sockets.size > 0 || this.#open > 0) await sleep(2)
  }

  async close(): Promise<void> {
    this.hangUp()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}
