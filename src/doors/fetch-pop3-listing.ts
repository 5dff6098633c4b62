import { PeerError } from '../errors.ts'
import type { Listed } from '../intake/ledger.ts'
import type { Pop3Connection } from './pop3-connection.ts'

/** What a remote maildrop says it holds. */
export interface Listing {
  /** In message-number order. */
  readonly messages: Listed[]
  /** What was odd about it, for a person. */
  readonly problems: string[]
}

/** No maildrop that a person has lists so many messages; a server that goes on and on must not fill the memory. */
const longestListing = 2_000_000

/** Asks UIDL and LIST. `longest`: more lines than this end the session with PeerError `reply-too-long`. A server may have no UIDL (RFC 1939 §7 makes it optional); LIST it must have. */
export async function listMaildrop(connection: Pop3Connection, longest: number = longestListing): Promise<Listing> {
  const uniqueIds = new Map<number, string>()
  const sizes = new Map<number, number>()
  const problems: string[] = []
  let bad = 0
  const counter = (verb: string): ((lines: number) => void) => {
    let count = 0
    return (lines) => {
      count += lines
      if (count > longest)
        throw new PeerError('reply-too-long', `the server's answer to ${verb} is longer than ${longest} lines may be`)
    }
  }
  const countUniqueIds = counter('UIDL')
  const countSizes = counter('LIST')
  const [uidl] = await Promise.all([
    connection.ask({ verb: 'UIDL' }, (event) => {
      if (event.kind !== 'unique-ids') return undefined
      bad += event.bad.length
      countUniqueIds(event.bad.length)
      for (const { number, uniqueId } of event.uniqueIds) {
        // RFC 1939 §7: at most 70 octets. One that is far longer counts for more than one.
        countUniqueIds(1 + (uniqueId.length >> 7))
        uniqueIds.set(number, uniqueId)
      }
      return undefined
    }),
    connection.must({ verb: 'LIST' }, 'to list the maildrop', (event) => {
      if (event.kind !== 'sizes') return undefined
      bad += event.bad.length
      countSizes(event.bad.length + event.sizes.length)
      for (const { number, octets } of event.sizes) sizes.set(number, octets)
      return undefined
    }),
  ])
  const numbers = [...new Set([...sizes.keys(), ...uniqueIds.keys()])].toSorted((a, b) => a - b)
  if (!uidl.ok && numbers.length > 0)
    problems.push('the server has no UIDL: every message is downloaded each time and known by its octets')
  if (bad > 0) problems.push(`${bad} lines of the server's listings make no sense and were passed over`)
  return {
    messages: numbers.map((number) => ({ number, uniqueId: uniqueIds.get(number) ?? '', octets: sizes.get(number) })),
    problems,
  }
}
