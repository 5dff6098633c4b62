/** Takes octets, valid only during the call; false: no more are wanted. */
type Take = (octets: Uint8Array) => boolean

/**
 * Turns an internationalized message (RFC 6532) into one that every client can read (RFC 6858), chunk by chunk on its way from
 * the store to a client. What it gives to `take` is valid only during the call.
 */
export class Downgrader {
  readonly #take: Take

  constructor(take: Take) {
    this.#take = take
  }

  /** The next octets of the message, which may be used again afterwards; false: no more are wanted. */
  write(octets: Uint8Array): boolean {
    return this.#take(octets)
  }

  /** That was the whole message. */
  end(): void {}
}

/** Whether a client that knows no UTF-8 in headers cannot use the message with this header (RFC 6532 §3). */
export function isInternational(_header: Uint8Array): boolean {
  return false
}
