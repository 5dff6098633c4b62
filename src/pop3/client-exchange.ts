import { LineExchange } from '../sasl/line-exchange.ts'
import type { ClientMechanism } from '../sasl/mechanism.ts'

/** The client's side of one AUTH (RFC 5034 §4): the lines that carry a SASL mechanism. */
export class ClientExchange {
  readonly #exchange: LineExchange
  /** The command. */
  readonly line: string

  /** `bare`: the first response waits for the server to ask for it, however short it is. */
  constructor(mechanism: ClientMechanism, bare = false) {
    const exchange = new LineExchange(mechanism)
    this.#exchange = exchange
    const name = `AUTH ${exchange.name}\r\n`
    // An initial response that would make the line longer than 255 octets must wait.
    const line = exchange.initial === undefined || bare ? name : `AUTH ${exchange.name} ${exchange.initial}\r\n`
    this.line = line.length > 255 ? name : line
  }

  /** Whether a +OK may be believed. */
  get finished(): boolean {
    return this.#exchange.finished
  }

  /** The line that answers the line with a challenge; "*" cancels. Undefined: there have been too many. */
  answer(line: string): string | undefined {
    const answer = this.#exchange.answer(line.slice(1))
    return answer === undefined ? undefined : `${answer}\r\n`
  }
}
