/** Where a message's sender is looked for (octets). */
const farEnough = 16 << 10

/** The sender's address as it stands in the header, in lower case: mail of one sender is alike. Empty where none is found. */
export function senderOf(octets: Buffer): string {
  const head = octets.toString('latin1', 0, farEnough)
  const [, field = ''] = /^from:([^\r\n]*(?:\r?\n[ \t][^\r\n]*)*)/im.exec(head) ?? []
  const [, address = field] = /<([^<>]*)>[^<>]*$/.exec(field) ?? []
  return address.trim().toLowerCase()
}
