import { PeerError } from '../errors.ts'
import { spelt } from '../net/connect.ts'
import { Pop3Connection, refused, type Patience } from './pop3-connection.ts'
import type { Remote } from './fetching.ts'

/** Connects, begins TLS where it is wanted, and logs in. Rejects with PeerError or RefusedError. */
export async function logIn(
  remote: Remote,
  options: { patience?: Patience; signal?: AbortSignal },
): Promise<Pop3Connection> {
  const to = { host: remote.host, port: remote.port }
  const connection = await Pop3Connection.open(to, {
    tls: remote.tls === 'implicit',
    ...(options.patience === undefined ? {} : { patience: options.patience }),
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  })
  try {
    // A server may know no CAPA: then it has none.
    await connection.ask({ verb: 'CAPA' })
    if (remote.tls === 'starttls') {
      if (!connection.capabilities.stls) {
        throw new PeerError(
          'tls',
          `${spelt(to)} does not offer STLS: the password would go in the clear, so it was not sent; try --tls implicit`,
        )
      }
      await connection.secure()
      // RFC 2595 §4: what was said before TLS does not count.
      await connection.ask({ verb: 'CAPA' })
    }
    await authenticate(connection, remote)
    return connection
  } catch (error) {
    connection.drop()
    throw error
  }
}

async function authenticate(connection: Pop3Connection, { login, password = '' }: Remote): Promise<void> {
  const { sasl, user, all } = connection.capabilities
  const doing = `to log in ${login}`
  // RFC 5034; PASS says nothing about octets beyond ASCII, PLAIN is UTF-8 (RFC 4616 §2).
  if (sasl.includes('PLAIN')) {
    await connection.must({ verb: 'AUTH', mechanism: 'PLAIN', login, password }, doing)
    return
  }
  if (all.size > 0 && !user) {
    const offered = sasl.length === 0 ? 'none' : sasl.join(', ')
    throw new PeerError(
      'protocol',
      `${spelt(connection.to)} offers no way to log in with a password that Postino knows (it offers: ${offered})`,
    )
  }
  // RFC 2449 §6.6: with PIPELINING both leave together.
  const [userReply, passReply] = await Promise.all([
    connection.ask({ verb: 'USER', name: login }),
    connection.capabilities.pipelining ? connection.ask({ verb: 'PASS', password }) : undefined,
  ])
  if (!userReply.ok) throw refused(connection.to, userReply, doing)
  const answer = passReply ?? (await connection.ask({ verb: 'PASS', password }))
  if (!answer.ok) throw refused(connection.to, answer, doing)
}
