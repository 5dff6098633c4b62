/** A change of counts: each name, and by how much. */
export type TallyChanges = readonly (readonly [name: string, by: number])[]

/** Counts by name that several processes keep together: each counts its own, and is told what the others count. */
export class Tally {
  readonly #own = new Map<string, number>()
  readonly #others = new Map<string, number>()
  /** What the others have not been told yet. */
  readonly #fresh = new Map<string, number>()
  readonly #onFresh: (() => void) | undefined

  /** `onFresh`: called at the first change after `changes`; without it there are no others. */
  constructor(onFresh?: () => void) {
    this.#onFresh = onFresh
  }

  /** In all processes, as far as is known here. */
  count(name: string): number {
    return (this.#own.get(name) ?? 0) + (this.#others.get(name) ?? 0)
  }

  add(name: string, by: number): void {
    sum(this.#own, name, by)
    if (this.#onFresh === undefined) return
    if (this.#fresh.size === 0) this.#onFresh()
    sum(this.#fresh, name, by)
  }

  /** What has changed here since it was last asked. */
  changes(): TallyChanges {
    const changes = [...this.#fresh]
    this.#fresh.clear()
    return changes
  }

  /** What has changed in the others. */
  hear(changes: TallyChanges): void {
    for (const [name, by] of changes) sum(this.#others, name, by)
  }

  /** All that is counted here. */
  all(): TallyChanges {
    return [...this.#own]
  }
}

/** Adds to a count; those that are 0 are not kept. */
function sum(counts: Map<string, number>, name: string, by: number): void {
  const after = (counts.get(name) ?? 0) + by
  if (after === 0) counts.delete(name)
  else counts.set(name, after)
}
