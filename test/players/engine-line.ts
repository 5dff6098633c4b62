import { createHash, createHmac, pbkdf2Sync } from 'node:crypto'
import { Downgrader, isInternational } from '../../src/message/downgrade.ts'
import { languages } from '../../src/pop3/languages.ts'
import { Maildrop, type MaildropMessage } from '../../src/pop3/maildrop.ts'
import type { Credentials, Need } from '../../src/pop3/need.ts'
import type { Policy, ServerOptions } from '../../src/pop3/server-options.ts'
import type { Say, Texts } from '../../src/pop3/texts.ts'
import type { ChannelBindings } from '../../src/sasl/mechanism.ts'
import { keysOf, type SaslCrypto, type ScramKeys } from '../../src/sasl/scram.ts'
import type { Line } from './follow.ts'
import { latin1, type Transcript, type TranscriptMessage } from './transcript.ts'

export type Refusal = 'bad-login' | 'in-use' | 'login-delay' | 'try-later' | 'broken'

/** What this player uses of a server engine: so that a copy with a mistake in it can stand in for ours. */
export interface ServerEngine {
  readonly utf8: boolean
  receive(octets: Uint8Array): void
  next(): Need | undefined
  take(): Uint8Array[]
  loggedIn(maildrop: Maildrop, policy?: Policy): void
  keys(keys: ScramKeys): void
  refuse(reason: Refusal, say: Say): void
  message(octets: Uint8Array): boolean
  messageEnd(): void
  messageFailed(reason: 'broken' | 'needs-utf8', say: Say): void
  updated(): void
  secured(bindings?: ChannelBindings): void
}

export type MakeServer = (options: ServerOptions) => ServerEngine

/** Why a log-in of a transcript is refused, in its options. */
export const refusals: readonly Refusal[] = ['in-use', 'login-delay', 'try-later', 'broken']
export const sayWhy: Readonly<Record<Refusal, Say>> = {
  'bad-login': (texts) => texts.wrongLogin,
  'in-use': (texts) => texts.inUse('192.0.2.1', 90),
  'login-delay': (texts) => texts.loginDelay(900),
  'try-later': (texts) => texts.cannotOpen(texts.whyBusy),
  broken: (texts) => texts.cannotOpen(texts.whyDamaged),
}

const timestamp = '<1896.697170952@postino.example>'
/** The same in every transcript, so that what goes over the wire is too. */
const fixed: SaslCrypto = {
  sha256: (octets) => createHash('sha256').update(octets).digest(),
  hmac: (key, octets) => createHmac('sha256', key).update(octets).digest(),
  random: (count) => Uint8Array.from({ length: count }, (_, at) => at),
}
const bindings: ChannelBindings = (type) => Buffer.from(`the binding of ${type}`)

const salt = Buffer.from('the salt of mario')
const keys = { ...keysOf(pbkdf2Sync('secret', salt, 4096, 32, 'sha256'), fixed), salt, iterations: 4096 }

/** The keys of `secret`; those of anybody but mario are as good as invented. */
export function keysFor(login: string): ScramKeys {
  return { ...keys, known: login === 'mario' }
}

/** Who is known in every transcript. */
const users: ReadonlyMap<string, string> = new Map([
  ['mario', 'secret'],
  ['niccolò', 'perché no?'],
])

/** Whether these credentials are right, in every transcript. */
export function isRight(credentials: Credentials): boolean {
  switch (credentials.by) {
    case 'password':
      return users.get(credentials.login) === credentials.password
    case 'apop': {
      const digest = createHash('md5').update(`${credentials.timestamp}secret`).digest('hex')
      return credentials.login === 'mario' && credentials.digest === digest
    }
    case 'scram':
      return credentials.proven
    case 'bearer':
      return credentials.token === 'mario-s.token' && (credentials.login === 'mario' || credentials.login === '')
  }
}

/** The languages that a transcript offers. */
export function languagesOf({ languages: tags }: Transcript): readonly Texts[] | undefined {
  return tags && languages.filter(({ tag }) => tags.includes(tag))
}

/** The engine as a server of a transcript's maildrop, which lasts over connections. Octets reach it in chunks of `size`. */
export function engineLines(
  transcript: Transcript,
  make: MakeServer,
  size: number,
  drop: (messages: readonly MaildropMessage[]) => Maildrop = (messages) => Maildrop.of(messages),
): () => Line {
  const { options } = transcript
  let messages = transcript.messages
  return () => {
    const spoken = languagesOf(transcript)
    const server = make({
      secure: options.has('tls'),
      stls: options.has('stls'),
      clearLogin: !options.has('no-clear-login'),
      utf8: !options.has('no-utf8'),
      crypto: fixed,
      ...(options.has('tls') && { bindings }),
      ...(options.has('apop') && { timestamp }),
      ...(transcript.mechanisms && { mechanisms: transcript.mechanisms }),
      ...(transcript.policy && { policy: transcript.policy }),
      ...(spoken && { languages: spoken }),
    })
    let said = ''
    let closed = false
    let handshake = false
    const take = (): void => {
      for (const piece of server.take()) said += latin1(piece)
    }
    const update = (wanted: readonly number[]): void => {
      const removed = options.has('nothing-removed') ? [] : options.has('one-removed') ? wanted.slice(0, 1) : wanted
      messages = messages.filter((_, place) => !removed.includes(place + 1))
      if (removed.length === wanted.length) server.updated()
      else if (removed.length === 0) server.refuse('try-later', (texts) => texts.nothingRemoved(texts.whyDiskFull))
      else {
        server.refuse('try-later', (texts) => texts.partlyRemoved(removed.length, wanted.length, texts.whyDiskFull))
      }
    }
    const run = (): void => {
      for (let need = server.next(); need !== undefined; need = server.next()) {
        take()
        switch (need.kind) {
          case 'log-in': {
            const refusal = refusals.find((reason) => options.has(reason))
            if (!isRight(need.credentials)) server.refuse('bad-login', sayWhy['bad-login'])
            else if (refusal !== undefined) server.refuse(refusal, sayWhy[refusal])
            else {
              const maildrop = drop(messages.map(entry))
              server.loggedIn(server.utf8 ? maildrop : maildrop.downgraded, transcript.userPolicy)
            }
            break
          }
          case 'keys':
            server.keys(keysFor(need.login))
            break
          case 'read':
            read(server, messages[need.number - 1], size)
            break
          case 'update':
            update(need.removed)
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
        server.secured(bindings)
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

/** What an engine must know of a message. */
export function entry(message: TranscriptMessage): MaildropMessage {
  const { uniqueId, lineEnds } = message
  const surrogate = surrogateOf(message)
  return {
    uniqueId,
    octets: wireOctets(message),
    lineEnds,
    ...(surrogate && { surrogate: wireOctets({ ...message, kept: surrogate }) }),
  }
}

/** What a client that did not say UTF8 gets in place of a message. */
function surrogateOf({ kept }: TranscriptMessage): Uint8Array | undefined {
  const end = /\r?\n\r?\n|$/.exec(latin1(kept))?.index
  if (!isInternational(kept.subarray(0, end))) return undefined
  const pieces: Uint8Array[] = []
  const downgrader = new Downgrader((octets) => pieces.push(octets.slice()) > 0)
  downgrader.write(kept)
  downgrader.end()
  return Buffer.concat(pieces)
}

function read(server: ServerEngine, message: TranscriptMessage | undefined, size: number): void {
  const damaged: Say = (texts) => texts.cannotRead(1, texts.whyDamaged)
  if (message === undefined || message.trouble === 'unreadable') return server.messageFailed('broken', damaged)
  const { trouble } = message
  const kept = (server.utf8 ? undefined : surrogateOf(message)) ?? message.kept
  if (trouble === 'needs-utf8') return server.messageFailed('needs-utf8', (texts) => texts.needsUtf8)
  const end = trouble === 'breaks' ? kept.indexOf(10) + 1 : kept.length
  for (let at = 0; at < end; at += size) if (!server.message(kept.subarray(at, Math.min(end, at + size)))) break
  if (trouble === 'breaks') server.messageFailed('broken', damaged)
  else server.messageEnd()
}
