import { createHash, createHmac, pbkdf2Sync, randomBytes, timingSafeEqual, type X509Certificate } from 'node:crypto'
import type { TLSSocket } from 'node:tls'
import { base64, type Login } from './log-in.ts'
import type { Probe } from './probe.ts'
import type { Reply } from './reply.ts'
import { Untried } from './rule.ts'

/** How a SCRAM exchange went (RFC 5802, RFC 7677). */
export interface ScramOutcome {
  /** The reply that settled it. */
  readonly reply: Reply
  /** The server's nonce begins with ours and adds something. */
  readonly nonceExtended?: boolean
  readonly iterations?: number
  /** In base64. */
  readonly salt?: string
  /** The server has proved that it knows the keys; undefined: it did not try. */
  readonly signature?: boolean
}

export interface ScramOptions {
  /** The channel binding of -PLUS, or what is said of it without (RFC 5802 §6): `n` none, `y` the server seems to have none. */
  readonly binding?: 'tls-exporter' | 'tls-server-end-point' | 'n' | 'y'
}

/** Logs in by SCRAM. Rejects with PeerError; a server that says no, or nonsense, is an outcome. */
export async function scram(
  probe: Probe,
  mechanism: string,
  who: Login,
  options: ScramOptions = {},
): Promise<ScramOutcome> {
  const binding = options.binding ?? 'n'
  const bound = binding === 'n' || binding === 'y' ? Buffer.alloc(0) : channelBinding(probe.tls, binding)
  const gs2 = binding === 'n' || binding === 'y' ? `${binding},,` : `p=${binding},,`
  const nonce = randomBytes(18).toString('base64')
  const name = prepared(who.login).replaceAll('=', '=3D').replaceAll(',', '=2C')
  const clientFirst = `n=${name},r=${nonce}`

  const first = await askWithResponse(probe, mechanism, base64(gs2 + clientFirst))
  if (first.status !== '+') return { reply: first }
  const serverFirst = decoded(first.text)
  const { r = '', s = '', i = '' } = attributes(serverFirst)
  const iterations = Number(i)
  const nonceExtended = r.startsWith(nonce) && r.length > nonce.length
  if (!nonceExtended || s === '' || !(iterations > 0)) {
    return { reply: await probe.ask('*'), nonceExtended, iterations, salt: s }
  }

  const salted = pbkdf2Sync(prepared(who.password), Buffer.from(s, 'base64'), iterations, 32, 'sha256')
  const clientKey = hmac(salted, 'Client Key')
  const withoutProof = `c=${Buffer.concat([Buffer.from(gs2), bound]).toString('base64')},r=${r}`
  const authMessage = `${clientFirst},${serverFirst},${withoutProof}`
  const proof = xor(clientKey, hmac(createHash('sha256').update(clientKey).digest(), authMessage))
  const final = await probe.ask(base64(`${withoutProof},p=${proof.toString('base64')}`))
  if (final.status !== '+') return { reply: final, nonceExtended, iterations, salt: s }
  const signature = Buffer.from(attributes(decoded(final.text))['v'] ?? '', 'base64')
  const wanted = hmac(hmac(salted, 'Server Key'), authMessage)
  // RFC 5034 §4: POP3 has no data with success, so the server's last word was a challenge, answered by an empty line.
  const reply = await probe.ask('')
  return {
    reply,
    nonceExtended,
    iterations,
    salt: s,
    signature: signature.length === wanted.length && timingSafeEqual(signature, wanted),
  }
}

/** AUTH with an initial response, or with the response after an empty challenge where the command would be too long (RFC 5034 §4). */
async function askWithResponse(probe: Probe, mechanism: string, response: string): Promise<Reply> {
  const command = `AUTH ${mechanism} ${response}`
  if (command.length <= 253) return await probe.ask(command)
  const challenge = await probe.ask(`AUTH ${mechanism}`)
  return challenge.status === '+' ? await probe.ask(response) : challenge
}

/** RFC 9266 §2 and RFC 5929 §4. */
function channelBinding(secured: TLSSocket | undefined, type: 'tls-exporter' | 'tls-server-end-point'): Buffer {
  if (secured === undefined) throw new Untried('there is no TLS on this connection to bind to')
  if (type === 'tls-exporter') {
    if (secured.getProtocol() !== 'TLSv1.3') throw new Untried('tls-exporter is for TLS 1.3')
    return secured.exportKeyingMaterial(32, 'EXPORTER-Channel-Binding', Buffer.alloc(0))
  }
  const certificate = secured.getPeerX509Certificate()
  if (certificate === undefined) throw new Untried('the server has no certificate')
  return createHash(hashOf(certificate)).update(certificate.raw).digest()
}

/** RFC 5929 §4.1: the hash of the certificate's signature; SHA-256 for MD5 and SHA-1. */
function hashOf(certificate: X509Certificate): string {
  const bits = /sha-?(\d+)/i.exec(certificate.signatureAlgorithm ?? '')?.[1]
  return bits === '384' || bits === '512' ? `sha${bits}` : 'sha256'
}

/** RFC 4013, as far as it is what everybody does: compatibility forms made one. */
function prepared(text: string): string {
  return text.normalize('NFKC')
}

function attributes(message: string): Partial<Record<string, string>> {
  return Object.fromEntries(message.split(',').map((one) => [one.slice(0, 1), one.slice(2)]))
}

function decoded(text: string): string {
  return Buffer.from(text, 'base64').toString()
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest()
}

function xor(one: Buffer, other: Buffer): Buffer {
  return Buffer.from(one.map((octet, index) => octet ^ (other[index] ?? 0)))
}
