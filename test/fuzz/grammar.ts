import assert from 'node:assert/strict'

/** How a conversation ended, as far as its replies are concerned. */
export interface Ended {
  /** The server closed the connection: the commands that are left got no reply. */
  readonly closed: boolean
  /** Its last reply was cut off on purpose, because a message could not be read on. */
  readonly cut: boolean
}

const statusLimit = 512

/**
 * Holds what a server said against the lines that it was sent: every line got one reply, and each reply is one (RFC 1939 §3,
 * RFC 2449 §3 and §8, RFC 5034 §4, RFC 6856 §2.2). Gives how many lines were answered.
 */
export function checkReplies(sent: Buffer, said: Buffer, { closed, cut }: Ended): number {
  const replies = new Replies(said)
  replies.status()
  const lines = sent.toString('latin1').split('\n').slice(0, -1)
  let exchange = false
  let answered = 0
  for (const line of lines) {
    if (replies.over) break
    const text = line.replace(/\r$/, '')
    const first = replies.status()
    answered++
    if (first.startsWith('+ ')) {
      assert.match(first, /^\+ [A-Za-z0-9+/]*={0,2}$/, 'a challenge is base64')
      exchange = true
      continue
    }
    if (first.startsWith('+OK') && !exchange && hasLines(text)) {
      if (!replies.body()) {
        assert.ok(closed && cut, `the reply to ${JSON.stringify(text)} has no end`)
        return answered
      }
    }
    exchange = false
  }
  // A line without an end gets a reply, too, and is the last.
  if (!replies.over) {
    assert.ok(closed, 'it said more than it was asked')
    assert.match(replies.status(), /^-ERR/)
  }
  assert.ok(replies.over, 'it said more than it was asked')
  if (!closed) assert.equal(answered, lines.length, 'a command got no reply')
  return answered
}

/** Whether +OK to this command is followed by lines. */
function hasLines(line: string): boolean {
  const [verb = '', ...words] = line.split(' ')
  const none = words.every((word) => word === '')
  switch (verb.toUpperCase()) {
    case 'RETR':
    case 'TOP':
    case 'CAPA':
      return true
    case 'LIST':
    case 'UIDL':
    case 'LANG':
    case 'AUTH':
      return none
    default:
      return false
  }
}

/** Reads what a server said. */
class Replies {
  readonly #said: Buffer
  #at = 0

  constructor(said: Buffer) {
    this.#said = said
  }

  get over(): boolean {
    return this.#at >= this.#said.length
  }

  /** One status line, or challenge. */
  status(): string {
    const end = this.#said.indexOf('\r\n', this.#at)
    assert.notEqual(end, -1, `no line: ${this.#said.subarray(this.#at, this.#at + 200).toString('latin1')}`)
    const octets = this.#said.subarray(this.#at, end)
    this.#at = end + 2
    const text = octets.toString('utf8')
    assert.match(text, /^(?:\+OK(?: .*)?|-ERR(?: .*)?|\+ .*)$/s)
    assert.ok(Buffer.from(text).equals(octets), 'a reply is UTF-8')
    assert.doesNotMatch(text, /\p{Cc}/u, 'no control characters in a reply')
    if (!text.startsWith('+ ')) assert.ok(octets.length + 2 <= statusLimit, `${octets.length} octets in a reply`)
    // RFC 2449 §8: "[" begins a response code.
    if (/^(?:\+OK|-ERR) \[/.test(text))
      assert.match(text, /^-ERR \[(?:IN-USE|LOGIN-DELAY|AUTH|SYS\/TEMP|SYS\/PERM|UTF8)\] /)
    return text
  }

  /** The lines up to the dot. False: they have no end. */
  body(): boolean {
    // The CRLF of the status line may be the first of the end.
    const end = this.#said.indexOf('\r\n.\r\n', this.#at - 2)
    if (end === -1) return false
    const body = this.#said.subarray(this.#at, end + 2).toString('latin1')
    assert.doesNotMatch(body, /(?:^|\r\n)\.(?!\.)/, 'a line begins with a dot that is not stuffed')
    this.#at = end + 5
    return true
  }
}
