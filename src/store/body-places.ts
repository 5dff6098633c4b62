import type { MessageId } from '../ids.ts'
import type { Body } from './body-reader.ts'
import { segmentPath } from './layout.ts'
import type { SqliteIndex } from './sqlite-index.ts'
import { noCrc, noPlaces, type PlaceColumns } from './sqlite-places.ts'

/** How many are looked up at once. */
const together = 256

/**
 * Where messages' octets are, and what proves them while they are lent. Whoever asks for one will ask for the next, so many are
 * looked up with one statement.
 */
export class BodyPlaces {
  readonly #index: () => SqliteIndex
  readonly #folder: string
  readonly #paths = new Map<number, string>()
  #known: PlaceColumns = noPlaces
  /** Which of them was asked for last. */
  #at = -1

  constructor(index: () => SqliteIndex, folder: string) {
    this.#index = index
    this.#folder = folder
  }

  /** A message's body as it is lent; undefined where there is no such message. A body stays where it is. */
  find(id: MessageId): Body | undefined {
    if (!this.#goTo(id)) return undefined
    const { segments, starts, sizes, crcs } = this.#known
    const at = this.#at
    const place = { segment: segments[at] ?? 0, start: starts[at] ?? 0, size: sizes[at] ?? 0 }
    const crc = crcs[at] ?? noCrc
    return crc === noCrc ? this.findByHash(id) : { path: this.#path(place.segment), place, proof: crc }
  }

  /** The same with the hash as its proof. */
  findByHash(id: MessageId): Body | undefined {
    const found = this.#index().bodyOf(id)
    return found && { path: this.#path(found.place.segment), place: found.place, proof: found.hash }
  }

  /** Forgets all; for whoever takes messages away or moves bodies. */
  forget(): void {
    this.#known = noPlaces
    this.#at = -1
  }

  #goTo(id: MessageId): boolean {
    const { ids } = this.#known
    if (ids[this.#at + 1] === id) {
      this.#at++
      return true
    }
    // After the one that was asked last, several are worth it; out of order, only this one.
    const last = ids.at(-1) ?? 0
    const inOrder = id > last && id - last <= together && this.#at === ids.length - 1
    if (!inOrder) {
      this.#at = ids.indexOf(id)
      if (this.#at !== -1) return true
    }
    this.#known = this.#index().placesFrom(id, inOrder ? together : 1)
    this.#at = this.#known.ids[0] === id ? 0 : -1
    return this.#at === 0
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
