/** What is begun one after the other may be finished in any order, but is gone on with in that in which it was begun. */
export class Turns {
  #before: Promise<void> | undefined

  /** Nobody can be waiting: what is finished at once may go on at once. */
  get free(): boolean {
    return this.#before === undefined
  }

  /** Resolves, or rejects, as `finishing` does, and not before those that came earlier have. */
  async take<T>(finishing: Promise<T>): Promise<T> {
    const before = this.#before
    this.#before = Promise.allSettled([before, finishing]).then(() => undefined)
    await this.#before
    return await finishing
  }
}
