// The demo's remote POP3 server, in a process of its own as a provider's is: what it sends crosses a real socket.
import { createHash, timingSafeEqual } from 'node:crypto'
import { createPop3Server, type ServedMessage } from '../src/library/index.ts'
import { demoCorpus, generateMessages } from '../test/corpus/generate.ts'
import { openLine } from './demo-line.ts'

/** What the server tells its parent once it listens. */
export interface RemoteReady {
  readonly port: number
  readonly messages: number
  readonly octets: number
}

const login = process.env['DEMO_LOGIN'] ?? ''
const digest = (text: string): Buffer => createHash('sha256').update(text).digest()
const password = digest(process.env['DEMO_PASSWORD'] ?? '')

// Ctrl-C goes to every process of the terminal; this one stays until its parent has cleaned up.
process.on('SIGINT', () => undefined)
process.on('disconnect', () => process.exit(0))

const messages: ServedMessage[] = []
let octets = 0
for (const message of generateMessages(demoCorpus)) {
  messages.push({ uniqueId: `demo${messages.length}`, octets: message.length, read: () => message })
  octets += message.length
}

const server = createPop3Server({
  authenticate: (user, given) => (user === login && timingSafeEqual(digest(given), password) ? user : undefined),
  // It is there for one fetch, and what that deletes is never asked for again.
  openMaildrop: () => ({ messages, remove: () => undefined }),
})
const at = await server.listen({ port: 0 })
const rate = Number(process.env['DEMO_OCTETS_PER_SECOND'])
const { port } = rate > 0 ? await openLine(at.port, rate) : at
const ready: RemoteReady = { port, messages: messages.length, octets }
process.send?.(ready)
