import { isIP } from 'node:net'
import { isLoopback } from './place.ts'

/** Whether a host, as a URL or a person names it, is this machine itself: nobody else hears what goes there. */
export function isThisMachine(host: string): boolean {
  const name = host.toLowerCase().replace(/^\[(.*)\]$/, '$1')
  if (isIP(name) !== 0) return isLoopback(name)
  // RFC 6761 §6.3: it never means anybody else.
  return name === 'localhost' || name.endsWith('.localhost')
}
