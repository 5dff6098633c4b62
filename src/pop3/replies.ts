import { pop3Code, type Reason } from '../reasons.ts'
import { toBase64 } from '../wire/base64.ts'
import type { Gather } from '../wire/gather.ts'
import { toOctets } from '../wire/octets.ts'
import { matchLanguage } from './languages.ts'
import { plainAscii } from './plain-ascii.ts'
import { english } from './texts-en.ts'
import type { Say, Texts } from './texts.ts'

/** RFC 2449 §4: 512 octets at most, CRLF among them. */
const replyLimit = 510
const unusual = /[^\x20-\x7e]/
// oxlint-disable-next-line no-control-regex
const crammed = /[\0-\x1f\x7f-\x9f\u2028\u2029]/g

/** Spells the replies of a server, in the language of the session. */
export class Replies {
  readonly #out: Gather
  /** Those that the client may choose from. */
  readonly languages: readonly Texts[]
  language: Texts
  /** Whether texts may go out as UTF-8 (RFC 6856): else ASCII is all that RFC 1939 §3 allows. */
  unicode = false

  /** Speaks the first of these languages; English where there is none. */
  constructor(out: Gather, languages: readonly Texts[]) {
    this.#out = out
    this.languages = languages
    this.language = languages[0] ?? english
  }

  /** Speaks as in the beginning. */
  reset(): void {
    this.language = this.languages[0] ?? english
    this.unicode = false
  }

  /** LANG (RFC 6856 §3.2). */
  speak(range: string): void {
    if (this.languages.length === 0) return this.err((texts) => texts.notOffered('LANG'))
    if (range === '') {
      const listing = this.languages.map(({ tag, name }) => `${tag} ${name}`)
      return this.lines(this.language.languages, listing)
    }
    const texts = matchLanguage(range, this.languages)
    if (texts === undefined) return this.err((current) => current.unknownLanguage)
    this.language = texts
    this.unicode = true
    this.ok(`${texts.tag} ${texts.languageChosen}`)
  }

  /** `+OK`, and these words where there are any. */
  ok(text: string): void {
    this.#line(text === '' ? '+OK' : `+OK ${text}`)
  }

  /** `-ERR`, the response code of the reason, and why. */
  err(say: Say, reason: Reason = 'no'): void {
    const code = pop3Code[reason]
    const text = say(this.language)
    // RFC 2449 §3: "[" begins a response code and nothing else.
    this.#line(code === '' ? `-ERR ${text.replaceAll('[', '(')}` : `-ERR ${code} ${text}`)
  }

  /** A multi-line reply: these words, these lines, and the end. Lines are UTF-8, and none begins with a dot. */
  lines(text: string, lines: readonly string[]): void {
    this.ok(text)
    this.#out.octets(toOctets([...lines, '.', ''].join('\r\n')))
  }

  /** A challenge of SASL (RFC 5034 §4). */
  challenge(octets: Uint8Array): void {
    this.#out.text(`+ ${toBase64(octets)}\r\n`)
  }

  #line(line: string): void {
    if (!unusual.test(line) && line.length <= replyLimit) return this.#out.text(`${line}\r\n`)
    const clean = line.replace(crammed, '?')
    const octets = toOctets(this.unicode ? clean : plainAscii(clean))
    let end = Math.min(octets.length, replyLimit)
    // Never within a character.
    while (end < octets.length && ((octets[end] ?? 0) & 0xc0) === 0x80) end--
    this.#out.octets(octets.subarray(0, end))
    this.#out.text('\r\n')
  }
}
