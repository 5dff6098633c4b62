import type { Random } from './generate-random.ts'
import type { Person } from './generate-words.ts'

/** A message under construction: lines of text and blocks of octets, in order. */
export class Letter {
  readonly #pieces: Buffer[] = []
  #text = ''

  /** Adds a line as UTF-8, and its CRLF. */
  line(text = ''): this {
    this.#text += text + '\r\n'
    return this
  }

  /** Adds text of many lines; each LF becomes CRLF. */
  lines(text: string): this {
    this.#text += text.replaceAll('\n', '\r\n') + '\r\n'
    return this
  }

  octets(block: Uint8Array): this {
    this.#flush()
    this.#pieces.push(Buffer.from(block.buffer, block.byteOffset, block.byteLength))
    return this
  }

  finish(): Uint8Array {
    this.#flush()
    return Buffer.concat(this.#pieces)
  }

  #flush(): void {
    if (this.#text !== '') this.#pieces.push(Buffer.from(this.#text, 'utf8'))
    this.#text = ''
  }
}

/** Text as encoded-words of UTF-8 where it is not ASCII (RFC 2047 §2), folded so that none is over 75 characters. */
export function encodedWords(text: string, encoding: 'B' | 'Q' = 'B'): string {
  if (/^[\x20-\x7e]*$/.test(text)) return text
  const words: string[] = []
  let run = ''
  for (const letter of [...Array.from(text), '']) {
    // RFC 2047 §5: a character is never split between two encoded-words.
    if (run !== '' && (letter === '' || Buffer.byteLength(run + letter) > (encoding === 'B' ? 39 : 18))) {
      words.push(`=?UTF-8?${encoding}?${encoding === 'B' ? Buffer.from(run).toString('base64') : qEncoding(run)}?=`)
      run = ''
    }
    run += letter
  }
  return words.join('\r\n ')
}

function qEncoding(text: string): string {
  let encoded = ''
  for (const octet of Buffer.from(text)) {
    if (octet === 0x20) encoded += '_'
    else if (/[A-Za-z0-9]/.test(String.fromCharCode(octet))) encoded += String.fromCharCode(octet)
    else encoded += '=' + octet.toString(16).toUpperCase().padStart(2, '0')
  }
  return encoded
}

const spelling: readonly string[] = Array.from({ length: 256 }, (_, octet) =>
  octet >= 0x20 && octet < 0x7f && octet !== 0x3d
    ? String.fromCharCode(octet)
    : '=' + octet.toString(16).toUpperCase().padStart(2, '0'),
)

/** Text in quoted-printable (RFC 2045 §6.7), CRLF at each line's end. */
export function quotedPrintable(text: string): Buffer {
  let encoded = ''
  for (const line of text.split('\n')) {
    let column = 0
    const octets = Buffer.from(line, 'utf8')
    for (const octet of octets) {
      const spelt = spelling[octet] as string
      if (column + spelt.length > 75) {
        encoded += '=\r\n'
        column = 0
      }
      encoded += spelt
      column += spelt.length
    }
    // RFC 2045 §6.7 rule 3: no line ends with a space.
    if (encoded.endsWith(' ')) encoded = encoded.slice(0, -1) + '=20'
    encoded += '\r\n'
  }
  return Buffer.from(encoded, 'latin1')
}

/** Octets as base64 in lines of 76 (RFC 2045 §6.8). */
export function base64Of(octets: Uint8Array): Buffer {
  const text = Buffer.from(octets).toString('base64')
  return Buffer.from(text.replace(/.{1,76}/g, '$&\r\n'), 'latin1')
}

const days = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat']
const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

/** A date as RFC 5322 §3.3 writes it, at +0100. */
export function dateField(milliseconds: number): string {
  const date = new Date(milliseconds + 3_600_000)
  const two = (value: number): string => String(value).padStart(2, '0')
  const time = `${two(date.getUTCHours())}:${two(date.getUTCMinutes())}:${two(date.getUTCSeconds())}`
  return `${days[date.getUTCDay()]}, ${date.getUTCDate()} ${months[date.getUTCMonth()]} ${date.getUTCFullYear()} ${time} +0100`
}

export function mailboxField(person: Person, encoding: 'B' | 'Q' = 'B'): string {
  return `${encodedWords(person.name, encoding)} <${person.address}>`
}

/** Where one message of a corpus stands, and what names it. */
export interface Place {
  readonly seed: number
  readonly index: number
  readonly date: number
}

/** Unlike that of any other message of any seed. */
export function messageId(place: Place, domain: string): string {
  return `<${place.index}.${place.seed}.${place.date.toString(36)}@${domain}>`
}

/** The fields that servers on the way add: trace, authentication, a signature's look (not one that verifies). */
export function traceFields(letter: Letter, random: Random, place: Place, from: Person): void {
  const hops = random.between(2, 5)
  for (let hop = 0; hop < hops; hop++) {
    const host = `mx${random.between(1, 60)}.${hop === hops - 1 ? from.domain : 'provider.example'}`
    letter.line(`Received: from ${host} (${host} [192.0.2.${random.between(1, 254)}])`)
    letter.line(
      `\tby in${random.between(1, 20)}.provider.example (Postfix) with ESMTPS id ${random.hex(12).toUpperCase()}`,
    )
    letter.line('\t(using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits))')
    letter.line(`\tfor <u@example.test>; ${dateField(place.date + (hops - hop) * 1000)}`)
  }
  letter.line('Authentication-Results: in.provider.example; dkim=pass')
  letter.line(`\theader.d=${from.domain}; spf=pass smtp.mailfrom=bounce+${random.hex(16)}@${from.domain}; dmarc=pass`)
  letter.line(`DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=${from.domain}; s=s${random.between(1, 9)};`)
  letter.line('\th=from:to:subject:date:message-id:mime-version:content-type:list-unsubscribe;')
  letter.line(`\tbh=${random.token(43)}=;`)
  for (let line = 0; line < 5; line++)
    letter.line(`\t${line === 0 ? 'b=' : ''}${random.token(68)}${line === 4 ? '==' : ''}`)
  if (!random.chance(0.4)) return
  for (const field of ['ARC-Seal: i=1; a=rsa-sha256; cv=none;', 'ARC-Message-Signature: i=1; a=rsa-sha256;']) {
    letter.line(field)
    for (let line = 0; line < 5; line++) letter.line(`\t${line === 0 ? 'b=' : ''}${random.token(68)}`)
  }
}
