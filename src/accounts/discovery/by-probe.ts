import { PeerError } from '../../errors.ts'
import { type Endpoint, type Protocol, usualPort } from '../provider.ts'
import { plain } from './by-srv.ts'
import { type Answer, type Question, wanted } from './found.ts'
import type { Look } from './look.ts'

/** What servers are called where nobody is told (RFC 8314 §3: TLS from the first octet goes before STARTTLS). */
const names: Readonly<Record<Protocol, readonly string[]>> = { pop3: ['pop3', 'pop', 'mail'], imap: ['imap', 'mail'] }
const ways = ['implicit', 'starttls'] as const

/** Knocks at the usual names of the domain, at all at once; the best that says hello, with a certificate for its name, is taken. */
export async function byProbe(question: Question, look: Look, signal: AbortSignal): Promise<Answer> {
  const { domain } = question
  const ended = new AbortController()
  const either = AbortSignal.any([signal, ended.signal])
  const servers = wanted(question).flatMap((protocol) =>
    ways.flatMap((tls) => {
      const port = usualPort(protocol, tls)
      return names[protocol].map((name) => ({ protocol, endpoint: { host: `${name}.${domain}`, port, tls } }))
    }),
  )
  const answers = servers.map(({ protocol, endpoint }) => knock(look, endpoint, protocol, either))
  const faults: string[] = []
  try {
    for (const [index, { protocol, endpoint }] of servers.entries()) {
      const fault = await answers[index]
      const { host: server, port, tls } = endpoint
      if (fault === undefined) {
        const from = `an answer of ${server} at port ${port}`
        return { found: plain(question, { protocol, server, port, tls, source: 'probe', from }) }
      }
      // Nobody there is what most names come to; a certificate for another name is worth telling.
      if (fault.code !== 'unreachable' && fault.code !== 'timed-out') faults.push(fault.message)
    }
  } finally {
    ended.abort()
    await Promise.all(answers)
  }
  const hosts = [...new Set(servers.map(({ endpoint }) => endpoint.host))]
  return { why: faults.length === 0 ? `nobody answers at ${hosts.join(', ')}` : faults.join('; ') }
}

/** Undefined where it says hello, else what went wrong. */
async function knock(
  look: Look,
  endpoint: Endpoint,
  protocol: Protocol,
  signal: AbortSignal,
): Promise<PeerError | undefined> {
  try {
    await look.hello(endpoint, protocol, signal)
    return undefined
  } catch (error) {
    if (error instanceof PeerError) return error
    throw error
  }
}
