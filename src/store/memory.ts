import type { MessageId, ModSeq } from '../ids.ts'
import { MisuseError, StoreError } from '../errors.ts'
import { Drafting } from './drafting.ts'
import { mustNotBeHeld } from './holding.ts'
import { Measure } from './measure.ts'
import { MemoryIndex } from './memory-index.ts'
import type { Draft, Staged, Range, Staging, Store, Taker, UserMail, View } from './store.ts'

/** A store that forgets everything when the process ends: for tests, the demo's remote server, and as the model of the disk store. */
export class MemoryStore implements Store {
  readonly #now: () => number
  readonly #users = new Map<string, MemoryMail>()

  constructor(options: { now?: () => number } = {}) {
    this.#now = options.now ?? Date.now
  }

  async open(user: string): Promise<UserMail> {
    let mail = this.#users.get(user)
    if (mail === undefined) {
      mail = new MemoryMail(user, this.#now)
      this.#users.set(user, mail)
      await mail.change((draft) => draft.openMailbox('INBOX'))
    }
    return mail
  }

  async remove(user: string): Promise<void> {
    const mail = this.#users.get(user)
    if (mail !== undefined) await mustNotBeHeld(mail)
    this.#users.delete(user)
  }

  close(): Promise<void> {
    return Promise.resolve()
  }
}

class MemoryMail implements UserMail {
  readonly user: string
  readonly #now: () => number
  readonly #index = new MemoryIndex()

  constructor(user: string, now: () => number) {
    this.user = user
    this.#now = now
  }

  modseq(): ModSeq {
    return this.#index.modseq
  }

  async read<T>(look: (view: View) => T): Promise<T> {
    return look(this.#index)
  }

  async change<T>(work: (draft: Draft) => T): Promise<T> {
    const append = (_: unknown, staged?: Staged): Uint8Array | undefined => {
      if (staged === undefined) return undefined
      if (staged instanceof MemoryStaged) return staged.octetsHeld
      throw new MisuseError('state', 'this message was staged by another store')
    }
    return this.#index.attempt(() => work(new Drafting(this.#index, append, { now: this.#now, isWhole: () => true })))
  }

  stage(form: 'wire' | 'unknown' = 'unknown'): Staging {
    const measure = new Measure(form === 'wire')
    const chunks: Uint8Array[] = []
    return {
      write: (chunk) => {
        measure.update(chunk)
        chunks.push(chunk)
        return undefined
      },
      finish: () => new MemoryStaged(measure, Buffer.concat(chunks)),
      discard: () => void chunks.splice(0),
    }
  }

  async *bytes(id: MessageId, range?: Range): AsyncIterable<Uint8Array> {
    const whole = this.#octets(id)
    const octets = range === undefined ? whole : whole.subarray(Math.max(0, range.from), Math.max(0, range.to))
    if (octets.length > 0) yield octets
  }

  lend(id: MessageId, take: Taker): Promise<void> | undefined {
    const answer = take([this.#octets(id)])
    return answer === 'enough' ? undefined : answer
  }

  close(): Promise<void> {
    return Promise.resolve()
  }

  #octets(id: MessageId): Uint8Array {
    const message = this.#index.message(id)
    const octets = message && this.#index.body(message.hash)
    if (octets === undefined) throw new StoreError('no-such-message', `there is no message ${id}`)
    return octets
  }
}

class MemoryStaged implements Staged {
  readonly hash: Staged['hash']
  readonly size: number
  readonly octets: number
  readonly lineEnds: Staged['lineEnds']
  readonly crc: Staged['crc']
  readonly dots: boolean
  readonly surrogate: number | undefined
  readonly octetsHeld: Uint8Array

  constructor(measure: Measure, octetsHeld: Uint8Array) {
    const content = measure.finish()
    this.hash = content.hash
    this.size = content.size
    this.octets = content.octets
    this.lineEnds = content.lineEnds
    this.crc = content.crc
    this.dots = content.dots
    this.surrogate = content.surrogate
    this.octetsHeld = octetsHeld
  }

  discard(): void {}
}
