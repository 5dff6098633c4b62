import { PeerError } from '../errors.ts'
import { spelt } from '../net/connect.ts'
import type { Remote } from './fetching.ts'
import { Loans } from './loans.ts'
import { type Patience, Pop3Connection } from './pop3-connection.ts'
import { logInPop3 } from './pop3-log-in.ts'

/**
 * Connects, begins TLS where it is wanted, and logs in. Rejects with PeerError or RefusedError. `meanwhile`: what can be done while the
 * server thinks about it.
 */
export async function logIn(
  remote: Remote,
  options: {
    patience?: Patience
    signal?: AbortSignal
    pipelining?: boolean | undefined
    meanwhile?: () => Promise<void>
  },
): Promise<Pop3Connection> {
  const { host, port, tls, reach } = remote
  const { patience, signal, pipelining } = options
  const to = { host, port }
  const connection = await Pop3Connection.open(to, {
    tls: tls === 'implicit',
    pipelining,
    loans: new Loans(),
    ...(patience && { patience }),
    ...(signal && { signal }),
    ...(reach && { reach }),
  })
  try {
    // A server may know no CAPA: then it has none.
    await connection.ask({ verb: 'CAPA' })
    if (tls === 'starttls') {
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
    // RFC 8314 §3: without TLS only where the person said so.
    await Promise.all([logInPop3(connection, { ...remote, inTheClear: tls === 'none' }), options.meanwhile?.()])
    return connection
  } catch (error) {
    connection.drop()
    throw error
  }
}
