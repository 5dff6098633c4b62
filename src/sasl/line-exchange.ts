import { fromBase64, toBase64 } from '../wire/base64.ts'
import type { ClientMechanism } from './mechanism.ts'

/** No mechanism has so many challenges: a server that goes on asking is one that never answers. */
const mostChallenges = 16

/** The client's side of one exchange in the base64 of a line protocol (RFC 5034 §4, RFC 4954 §4, RFC 9051 §6.2.2). */
export class LineExchange {
  readonly #mechanism: ClientMechanism
  /** The first response, for a server that asks for it with an empty challenge. */
  #first: string | undefined
  #challenges = 0
  /** What may go along with the mechanism's name; `=` stands for no octets. Undefined: the server speaks first. */
  readonly initial: string | undefined

  constructor(mechanism: ClientMechanism) {
    this.#mechanism = mechanism
    const first = mechanism.first()
    this.#first = first && toBase64(first)
    this.initial = this.#first === undefined ? undefined : this.#first || '='
  }

  get name(): ClientMechanism['name'] {
    return this.#mechanism.name
  }

  /** Whether a yes may be believed. */
  get finished(): boolean {
    return this.#mechanism.finished
  }

  /** The answer to a challenge; `*` cancels. Undefined: there have been too many. */
  answer(text: string): string | undefined {
    if (++this.#challenges > mostChallenges) return undefined
    const challenge = fromBase64(text.trim())
    const first = this.#first
    this.#first = undefined
    // Servers are seen to ask for what they have been given, some in words.
    if (first !== undefined && (challenge === undefined || challenge.length === 0)) return first
    const answer = challenge && this.#mechanism.answer(challenge)
    return answer === undefined ? '*' : toBase64(answer)
  }
}
