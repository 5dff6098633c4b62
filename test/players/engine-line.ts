import { Maildrop, type MaildropMessage } from '../../src/pop3/maildrop.ts'
import type { Need } from '../../src/pop3/need.ts'
import type { ServerOptions } from '../../src/pop3/server.ts'
import type { Line } from './follow.ts'
import { latin1, type Transcript, type TranscriptMessage } from './transcript.ts'

/** What this player uses of a server engine: so that a copy with a mistake in it can stand in for ours. */
export interface ServerEngine {
  receive(octets: Uint8Array): void
  next(): Need | undefined
  take(): Uint8Array[]
  loggedIn(maildrop: Maildrop): void
  refuse(reason: 'bad-login' | 'in-use', text: string): void
  message(octets: Uint8Array): boolean
  messageEnd(): void
  messageFailed(reason: 'broken', text: string): void
  updated(): void
  secured(): void
}

export type MakeServer = (options: ServerOptions) => ServerEngine

/** The engine as a server of a transcript's maildrop, which lasts over connections. Octets reach it in chunks of `size`. */
export function engineLines(
  transcript: Transcript,
  make: MakeServer,
  size: number,
  drop: (messages: readonly MaildropMessage[]) => Maildrop = (messages) => new Maildrop(messages),
): () => Line {
  const { options } = transcript
  let messages = transcript.messages
  return () => {
    const server = make({
      secure: options.has('tls'),
      stls: options.has('stls'),
      clearLogin: !options.has('no-clear-login'),
    })
    let said = ''
    let closed = false
    let handshake = false
    const take = (): void => {
      for (const piece of server.take()) said += latin1(piece)
    }
    const run = (): void => {
      for (let need = server.next(); need !== undefined; need = server.next()) {
        take()
        switch (need.kind) {
          case 'log-in': {
            const { credentials } = need
            if (credentials.by !== 'password' || credentials.login !== 'mario' || credentials.password !== 'secret')
              server.refuse('bad-login', 'wrong login name or password')
            else if (options.has('in-use')) server.refuse('in-use', 'another session has this maildrop')
            else server.loggedIn(drop(messages.map(entry)))
            break
          }
          case 'read':
            read(server, messages[need.number - 1], size)
            break
          case 'update':
            messages = messages.filter((_, place) => !need.removed.includes(place + 1))
            server.updated()
            break
          case 'handshake':
            handshake = true
            return
          case 'close':
            closed = true
            return
          case 'write':
            break
        }
      }
      take()
    }
    run()
    return {
      send(octets) {
        for (let at = 0; at < octets.length && !closed; at += size) {
          server.receive(octets.slice(at, at + size))
          if (!handshake) run()
        }
      },
      hear() {
        const text = said
        said = ''
        return text
      },
      closed: () => closed,
      drop() {},
      handshake() {
        if (!handshake) throw new Error('no handshake is due')
        handshake = false
        server.secured()
        run()
      },
    }
  }
}

/** How many octets a message has on the wire. */
export function wireOctets(message: TranscriptMessage): number {
  const text = latin1(message.kept)
  const wire = message.lineEnds === 'lf' ? text.replaceAll('\n', '\r\n') : text
  return wire === '' || wire.endsWith('\r\n') ? wire.length : wire.length + 2
}

function entry(message: TranscriptMessage): { uniqueId: string; octets: number; lineEnds: 'crlf' | 'lf' } {
  return { uniqueId: message.uniqueId, octets: wireOctets(message), lineEnds: message.lineEnds }
}

function read(server: ServerEngine, message: TranscriptMessage | undefined, size: number): void {
  if (message === undefined || message.trouble === 'unreadable') return server.messageFailed('broken', 'it is damaged')
  const { kept, trouble } = message
  const end = trouble === 'breaks' ? kept.indexOf(10) + 1 : kept.length
  for (let at = 0; at < end; at += size) if (!server.message(kept.subarray(at, Math.min(end, at + size)))) break
  if (trouble === 'breaks') server.messageFailed('broken', 'it is damaged')
  else server.messageEnd()
}
