import { type EnvelopeChoice, isAddress } from '../accounts/hand-on-target.ts'
import { parseHeader } from '../message/header.ts'
import type { SmtpEnvelope } from './hand-on-smtp-session.ts'

/** Fields in which a server that took the message for somebody wrote whom it was for; the first that is there counts. */
const recipientFields = ['x-original-to', 'delivered-to', 'envelope-to', 'x-envelope-to', 'x-rcpt-to']

/**
 * Whom a message is from and for: as the servers wrote it into its header that had its envelope, as far as that is wanted. `account`: the
 * address that brought it in; the sender where no Return-Path says another.
 */
export function envelopeOf(head: Uint8Array, choice: EnvelopeChoice, account: string): SmtpEnvelope {
  const header = parseHeader(head)
  return { from: choice.from ?? senderOf(header.get('return-path')) ?? account, to: recipientOf() ?? choice.to }

  function recipientOf(): string | undefined {
    for (const field of recipientFields) {
      const address = header.get(field)?.replace(/^<(.*)>$/, '$1')
      if (address === undefined) continue
      // Whoever sends a message can write such a field: it chooses among our own addresses, and no others.
      const domain = address.slice(address.lastIndexOf('@') + 1).toLowerCase()
      if (isAddress(address) && choice.original.includes(domain)) return address
    }
    return undefined
  }
}

/** RFC 5321 §4.4: the reverse-path of the last delivery; empty for a notification, to which nobody may answer with another. */
function senderOf(returnPath: string | undefined): string | undefined {
  const address = /^<([^<>]*)>/.exec(returnPath ?? '')?.[1] ?? returnPath
  return address === '' || (address !== undefined && isAddress(address)) ? address : undefined
}
