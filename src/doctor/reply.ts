/** The first line of what a server answers. */
export interface Reply {
  /** `+`: go on, in a SASL exchange (RFC 5034 §4). `other`: no status that POP3 knows. */
  readonly status: '+OK' | '-ERR' | '+' | 'other'
  /** The whole line in Latin-1 (each octet a character), without its end. */
  readonly line: string
  /** What follows the status and a space. */
  readonly text: string
  /** The response code in upper case, without brackets: `IN-USE` (RFC 2449 §8). */
  readonly code: string | undefined
}

/** Reads a line that ought to be a reply; a status in the wrong case is one too (RFC 1939 §3 asks for upper case). */
export function readReply(line: string): Reply {
  const [, word = ''] = /^(\+OK|-ERR|\+)(?= |$)/i.exec(line) ?? []
  const status = statuses.find((one) => one === word.toUpperCase()) ?? 'other'
  const text = status === 'other' ? line : line.slice(word.length + 1)
  const code = status === '+OK' || status === '-ERR' ? /^\[([^\]]*)\]/.exec(text)?.[1]?.toUpperCase() : undefined
  return { status, line, text, code }
}

const statuses = ['+OK', '-ERR', '+'] as const

/** A line of the server's for people: quoted, cut, without what could steer a terminal. */
export function quoted(line: string): string {
  const plain = line.replace(/[^ -~]/g, (octet) => `\\x${octet.charCodeAt(0).toString(16).padStart(2, '0')}`)
  return `"${plain.length > 120 ? `${plain.slice(0, 120)}…` : plain}"`
}
