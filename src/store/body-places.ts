import type { MessageId } from '../ids.ts'
import type { Body } from './body-reader.ts'
import { segmentPath } from './layout.ts'
import type { SqliteIndex } from './sqlite-index.ts'

/** How many are looked up at once. */
const together = 256

/** Where messages' octets are. Whoever asks for one will ask for the next, so many are looked up with one statement. */
export class BodyPlaces {
  readonly #index: SqliteIndex
  readonly #folder: string
  readonly #paths = new Map<number, string>()
  #known = new Map<MessageId, Body>()

  constructor(index: SqliteIndex, folder: string) {
    this.#index = index
    this.#folder = folder
  }

  /** A message's body; undefined where there is no such message. A body stays where it is. */
  find(id: MessageId): Body | undefined {
    const known = this.#known.get(id)
    if (known !== undefined) return known
    // After the one that was asked last, several are worth it; out of order, only this one.
    const found = this.#index.bodiesFrom(id, this.#known.has((id - 1) as MessageId) || id === 1 ? together : 1)
    const bodies = new Map<MessageId, Body>()
    for (const { id: number, hash, place, crc } of found)
      bodies.set(number, { path: this.#path(place.segment), place, hash, crc })
    this.#known = bodies
    return bodies.get(id)
  }

  /** Forgets all; for whoever takes messages away or moves bodies. */
  forget(): void {
    this.#known.clear()
  }

  #path(segment: number): string {
    let path = this.#paths.get(segment)
    if (path === undefined) {
      path = segmentPath(this.#folder, segment)
      this.#paths.set(segment, path)
    }
    return path
  }
}
