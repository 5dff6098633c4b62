import { MisuseError } from '../errors.ts'

/** The name of a mailbox as it is kept: INBOX in any case is INBOX (RFC 9051 §5.1); no control characters, no empty parts. Throws MisuseError. */
export function mailboxName(name: string): string {
  const parts = name.normalize('NFC').split('/')
  // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
  if (name.length > 255 || parts.some((part) => part.trim() === '' || /[\u0000-\u001f\u007f]/.test(part))) {
    throw new MisuseError('usage', `not a name for a mailbox: ${JSON.stringify(name.slice(0, 80))}`)
  }
  if (parts[0]?.toUpperCase() === 'INBOX') parts[0] = 'INBOX'
  return parts.join('/')
}
