import { PeerError } from '../errors.ts'
import { type UniqueIdEntry, readUniqueId } from './listing.ts'
import { ListingLines } from './listing-lines.ts'

/** RFC 1939 §7 allows some 80 octets. */
const lineLimit = 8192

/** Some lines of a UIDL reply. `bad`: lines that are no unique-id listing. */
export interface UniqueIdLines {
  readonly uniqueIds: UniqueIdEntry[]
  readonly bad: string[]
}

/** Reads what a raw UIDL gives. */
export class UniqueIdListing {
  readonly #lines = new ListingLines(lineLimit)

  /** The lines that these octets complete. Throws PeerError `line-too-long`. */
  take(octets: Uint8Array): UniqueIdLines {
    const lines = this.#lines.add(octets)
    if (lines === undefined)
      throw new PeerError('line-too-long', `the answer to UIDL has a line of more than ${lineLimit} octets`)
    const uniqueIds: UniqueIdEntry[] = []
    const bad: string[] = []
    for (const line of lines) {
      const entry = readUniqueId(line)
      if (entry === undefined) bad.push(line)
      else uniqueIds.push(entry)
    }
    return { uniqueIds, bad }
  }
}
