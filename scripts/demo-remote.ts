// The demo's remote POP3 server, in a process of its own as a provider's is: what it sends crosses a real socket.
import { createHash, timingSafeEqual } from 'node:crypto'
import { Pop3Door } from '../src/doors/serve-pop3.ts'
import { Intake } from '../src/intake/intake.ts'
import { MemoryStore } from '../src/store/memory.ts'
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

const store = new MemoryStore()
const mail = await store.open(login)
const intake = new Intake(mail)
let [messages, octets] = [0, 0]
for (const message of generateMessages(demoCorpus)) {
  const staging = intake.stage('wire')
  await staging.write(message)
  const origin = { account: 'demo', uniqueId: String(messages), nth: 0 }
  await intake.keep(await staging.finish(), { mailbox: 'INBOX', received: Date.now(), origin })
  messages++
  octets += message.length
}

const door = new Pop3Door({
  open: (user) => store.open(user),
  authenticate: async (user, given) => (user === login && timingSafeEqual(digest(given), password) ? user : undefined),
})
const at = await door.listen({ host: '127.0.0.1', port: 0, tls: false })
const rate = Number(process.env['DEMO_OCTETS_PER_SECOND'])
const { port } = rate > 0 ? await openLine(at.port, rate) : at
const ready: RemoteReady = { port, messages, octets }
process.send?.(ready)
