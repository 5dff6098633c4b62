import type { ClientMechanism } from '../sasl/mechanism.ts'
import { fromBase64, toBase64 } from '../wire/base64.ts'

/** No mechanism has so many challenges: a server that goes on asking is one that never answers. */
const mostChallenges = 16

/** The client's side of one AUTH (RFC 5034 §4): the lines that carry a SASL mechanism. */
export class ClientExchange {
  readonly #mechanism: ClientMechanism
  /** The first response, for a server that asks for it with an empty challenge. */
  #first: string | undefined
  #challenges = 0
  /** The command. */
  readonly line: string

  /** `bare`: the first response waits for the server to ask for it, however short it is. */
  constructor(mechanism: ClientMechanism, bare = false) {
    this.#mechanism = mechanism
    const first = mechanism.first()
    this.#first = first && toBase64(first)
    const name = `AUTH ${mechanism.name}\r\n`
    // "=" is an initial response of no octets, and one that would make the line longer than 255 octets must wait.
    const line = this.#first === undefined || bare ? name : `AUTH ${mechanism.name} ${this.#first || '='}\r\n`
    this.line = line.length > 255 ? name : line
  }

  /** Whether a +OK may be believed. */
  get finished(): boolean {
    return this.#mechanism.finished
  }

  /** The line that answers the line with a challenge; "*" cancels. Undefined: there have been too many. */
  answer(line: string): string | undefined {
    if (++this.#challenges > mostChallenges) return undefined
    const challenge = fromBase64(line.slice(1).trim())
    const first = this.#first
    this.#first = undefined
    // Servers are seen to ask for what they have been given, some in words.
    if (first !== undefined && (challenge === undefined || challenge.length === 0)) return `${first}\r\n`
    const answer = challenge && this.#mechanism.answer(challenge)
    return answer === undefined ? '*\r\n' : `${toBase64(answer)}\r\n`
  }
}
