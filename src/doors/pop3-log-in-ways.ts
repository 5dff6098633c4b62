import type { ClientMechanismName } from '../sasl/mechanism.ts'
import { canBind } from './log-in.ts'
import type { Pop3Connection } from './pop3-connection.ts'

/** One way to log in. */
export interface Way {
  readonly name: ClientMechanismName | 'APOP' | 'USER'
  /** By AUTH, and the secret waits for the server to ask: for one that takes no initial response. */
  readonly bare?: boolean
}

/** Mechanisms that are used only where they are asked for: what goes over the line lets others guess the password. */
export type OnDemand = 'CRAM-MD5' | 'APOP'

/** What of a connection decides how to log in. */
export type Offer = Pick<Pop3Connection, 'capabilities' | 'timestamp' | 'binding'>

/** The ways in which a password can be proved to this server, the best first. */
export function waysOfPasswords(offer: Offer, allow: readonly OnDemand[] = []): Way[] {
  const { sasl, user } = offer.capabilities
  const offered = new Set<string>(sasl)
  if (!canBind((type) => offer.binding(type))) offered.delete('SCRAM-SHA-256-PLUS')
  if (!allow.includes('CRAM-MD5')) offered.delete('CRAM-MD5')
  if (allow.includes('APOP') && timestampOf(offer) !== undefined) offered.add('APOP')
  // One that says nothing of how to log in may still know what every server knew before there was CAPA.
  if (user || sasl.length === 0) offered.add('USER')
  const best = ['SCRAM-SHA-256-PLUS', 'SCRAM-SHA-256', 'CRAM-MD5', 'APOP', 'PLAIN', 'LOGIN', 'USER'] as const
  const ways: Way[] = best.filter((name) => offered.has(name)).map((name) => ({ name }))
  return offered.has('PLAIN') ? [...ways, { name: 'PLAIN', bare: true }] : ways
}

/** The ways in which a token can be shown to this server, the best first. */
export function waysOfTokens(offer: Offer): Way[] {
  const { sasl } = offer.capabilities
  const ways: Way[] = []
  if (sasl.includes('OAUTHBEARER')) ways.push({ name: 'OAUTHBEARER' })
  // Microsoft's servers know no initial response; and everybody who has XOAUTH2 must take a token too long to be one.
  // https://learn.microsoft.com/exchange/client-developer/legacy-protocols/how-to-authenticate-an-imap-pop-smtp-application-by-using-oauth
  if (sasl.includes('XOAUTH2')) ways.push({ name: 'XOAUTH2', bare: true })
  if (sasl.includes('OAUTHBEARER')) ways.push({ name: 'OAUTHBEARER', bare: true })
  return ways
}

/**
 * What APOP's digest is made over (RFC 1939 §7). Only a msg-id of plain ASCII: with octets of his choosing in it, somebody
 * between could find the password out, letter by letter, from the digests of some hundred log-ins.
 */
export function timestampOf({ timestamp }: Pick<Offer, 'timestamp'>): string | undefined {
  return timestamp !== undefined && /^<[\x21-\x3b\x3d\x3f-\x7e]+>$/.test(timestamp) ? timestamp : undefined
}

/** What the server offers, in words. */
export function offerText(offer: Offer): string {
  const { all, sasl, user } = offer.capabilities
  const names = [...sasl, ...(user ? ['USER'] : []), ...(offer.timestamp === undefined ? [] : ['APOP'])]
  if (names.length > 0) return `it offers ${names.join(', ')}`
  return all.size === 0 ? 'it does not say what it offers' : 'it offers none'
}
