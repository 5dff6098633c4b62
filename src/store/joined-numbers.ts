const [comma, zero] = [0x2c, 0x30]

/**
 * Reads whole numbers, none below 0, as SQLite's group_concat joins them, with commas between, into a column from a place on; gives the place
 * behind the last.
 */
export function readJoined(text: Uint8Array, into: Float64Array | Uint32Array | Uint8Array, from: number): number {
  let place = from
  let value = 0
  for (const octet of text) {
    if (octet === comma) {
      into[place++] = value
      value = 0
    } else value = value * 10 + (octet - zero)
  }
  into[place++] = value
  return place
}
