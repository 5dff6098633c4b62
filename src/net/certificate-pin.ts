import type { X509Certificate } from 'node:crypto'
import { MisuseError } from '../errors.ts'

/** Reads the SHA-256 of a certificate, as `openssl x509 -fingerprint -sha256`, browsers and we print it: 64 small hexadecimal digits. Throws MisuseError `usage`. */
export function parsePin(text: string): string {
  const digits = text
    .trim()
    .replace(/^sha-?256(?:\s+fingerprint)?\s*[:=]\s*/i, '')
    .replace(/[:\s]/g, '')
  if (/^[0-9a-f]{64}$/i.test(digits)) return digits.toLowerCase()
  // curl's --pinnedpubkey.
  const why = text.includes('//')
    ? 'it looks like that of a key, not of a certificate'
    : 'that has 64 hexadecimal digits'
  throw new MisuseError('usage', `"${text}" is not the SHA-256 of a certificate: ${why}; give it as sha256:0123…cdef`)
}

/** How a pin is shown; `parsePin` reads it. */
export function spellPin(pin: string): string {
  return `sha256:${pin}`
}

/** The pin of a certificate: the SHA-256 of the whole. */
export function pinOf(certificate: X509Certificate): string {
  return certificate.fingerprint256.replaceAll(':', '').toLowerCase()
}

/** Whom a certificate names, who issued it, and how long it is good; in one line, whatever is in it. */
export function describeCertificate(certificate: X509Certificate): string {
  const { subject, issuer, validTo } = certificate
  const expires = new Date(validTo)
  const until = Number.isNaN(expires.getTime()) ? validTo : expires.toISOString().slice(0, 10)
  return `for ${oneLine(subject)}, issued by ${subject === issuer ? 'itself' : oneLine(issuer)}, good until ${oneLine(until)}`
}

function oneLine(name: string | undefined): string {
  const line = (name ?? '').replaceAll('\n', ', ').replace(/[^ -~]/g, '?')
  return line === '' ? '(nobody)' : line.length > 100 ? `${line.slice(0, 100)}…` : line
}
