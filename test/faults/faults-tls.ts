import { makeSelfSigned, type SelfSigned } from '../../src/net/self-signed.ts'
import type { Fault } from './fault.ts'
import type { Hostility } from './hostility.ts'

const day = 86_400_000

function made(name: string, options: { hosts?: readonly string[]; until?: number } = {}): SelfSigned {
  const { hosts = ['localhost'], until = Date.now() + 30 * day } = options
  return makeSelfSigned({ name, hosts, addresses: [], from: Date.now() - 90 * day, until })
}

const good = made('good')
const expired = made('expired', { until: Date.now() - day })
const elsewhere = made('elsewhere', { hosts: ['pop.example.com'] })
const unknown = made('unknown')

const capabilities = ['USER', 'UIDL', 'TOP', 'STLS', 'PIPELINING']
const stls: Hostility = { tls: good, capabilities }
const trust = [good, expired, elsewhere].map(({ cert }) => cert).join('')
const account: Fault['account'] = { tls: 'starttls', host: 'localhost', reach: { trust } }

/** The same certificate by STLS; implicit TLS is another account. */
function shows(certificate: SelfSigned): Hostility {
  return { tls: certificate, capabilities }
}

const byStls = { account, manners: stls, secret: true } as const
const implicit = {
  account: { ...account, tls: 'implicit' },
  manners: { tls: { ...good, implicit: true } },
  secret: true,
} as const satisfies Partial<Fault>

export const tls: readonly Fault[] = [
  {
    ...byStls,
    name: 'does not offer STLS',
    does: 'does not send the password',
    ways: () => [{ capabilities: ['USER', 'UIDL'] }, { unknown: ['CAPA'] }],
    ends: ['tls'],
    says: /^localhost:\d+ does not offer STLS: the password would go in the clear, so it was not sent; try --tls implicit$/,
  },
  {
    ...byStls,
    name: 'offers STLS and refuses it',
    does: 'does not send the password',
    ways: () => [{ instead: { STLS: '-ERR no TLS now\r\n' } }],
    ends: ['refused'],
    says: /^localhost:\d+ refused to begin TLS: no TLS now$/,
  },
  {
    ...byStls,
    name: 'agrees to STLS and does not begin TLS',
    does: 'does not send the password',
    ways: () => [{ instead: { STLS: '+OK begin\r\n' } }, { hang: 'STLS' }],
    inVain: true,
    // A handshake that does not end.
    patience: { connect: 2500 },
    ends: ['timed-out'],
    says: /^localhost:\d+ (did not finish the TLS handshake within 2\.5 s|has been silent for 30 s)$/,
  },
  {
    ...byStls,
    name: 'sends answers in the clear behind its answer to STLS',
    does: 'hangs up: they may be from somebody in between; the password is not sent',
    ways: () =>
      ['+OK\r\nUSER\r\n.\r\n', '+OK\r\n', '-ERR [AUTH] no\r\n', 'x'].map((injected) => ({
        ...stls,
        tls: { ...good, injected },
      })),
    ends: ['protocol', 'tls', 'connection-lost'],
    says: /sent octets in the clear behind its answer to STLS|TLS/,
  },
  {
    ...byStls,
    name: 'agrees to STLS and goes on in the clear',
    does: 'hangs up; the password is not sent',
    ways: () => [{ instead: { STLS: '+OK begin\r\nthis is no handshake\r\n' } }],
    ends: ['protocol'],
    says: /sent octets in the clear behind its answer to STLS/,
  },
  {
    ...byStls,
    name: 'shows a certificate for another host',
    does: 'does not send the password; tells the SHA-256, for `--pin`',
    ways: () => [shows(elsewhere)],
    ends: ['tls'],
    says: /its TLS certificate is not for localhost; check the server name\. It is for CN=elsewhere.*--pin sha256:[0-9a-f]{64}/,
  },
  {
    ...byStls,
    name: 'shows a certificate that has expired',
    does: 'does not send the password; tells since when',
    ways: () => [shows(expired)],
    ends: ['tls'],
    says: /its TLS certificate has expired; the provider must renew it\. It is for CN=expired.* good until \d{4}.*--pin sha256:[0-9a-f]{64}/,
  },
  {
    ...byStls,
    name: 'shows a certificate that nobody vouches for',
    does: 'does not send the password; tells how to pin it',
    ways: () => [shows(unknown)],
    ends: ['tls'],
    says: /its TLS certificate is not trusted \(it is self-signed\)\. It is for CN=unknown.*--pin sha256:[0-9a-f]{64}/,
  },
  {
    ...implicit,
    name: 'shows a wrong, an expired, an unknown certificate with implicit TLS',
    does: 'the same',
    ways: () => [elsewhere, expired, unknown].map((certificate) => ({ tls: { ...certificate, implicit: true } })),
    ends: ['tls'],
    says: /its TLS certificate (is not for localhost|has expired|is not trusted)/,
  },
  {
    ...implicit,
    name: 'speaks no TLS where it should',
    does: 'does not send the password',
    ways: () => [{ tls: { ...good } }],
    ends: ['tls'],
    says: /^localhost:\d+: what answers there is not TLS; check the port and --tls$/,
  },
]
