import { Letter, base64Of, dateField, encodedWords, messageId } from './generate-mime.ts'
import type { Place } from './generate-mime.ts'
import { base64Lines } from './generate-random.ts'
import type { Random } from './generate-random.ts'
import { italian, japanese, makePerson, paragraph, sentence } from './generate-words.ts'
import { wrap } from './generate-realistic.ts'

type Make = (letter: Letter, random: Random, place: Place) => void

/** What can be odd in a message, by name. Each is still lines that end in CRLF, so that any POP3 server gives it unchanged. */
export const oddities: Readonly<Record<string, Make>> = {
  'lines that start with dots': (letter, random, place) => {
    fields(letter, random, place).line()
    for (const line of ['.', '..', '...', '.hidden', '. ', '..two', '', '.', '.']) letter.line(line)
  },
  'a body of dots only': (letter, random, place) => {
    fields(letter, random, place).line().line('.')
  },
  'a line of 100,000 octets': (letter, random, place) => {
    fields(letter, random, place).line().line(random.token(100_000)).line('.'.repeat(3000))
  },
  '8-bit octets that are no UTF-8': (letter, random, place) => {
    fields(letter, random, place).line('Content-Type: text/plain; charset=iso-8859-1').line()
    letter.octets(Buffer.from('Perché no? È già così: caffè, città, virtù.\r\n', 'latin1'))
    letter.octets(Buffer.from([0x80, 0x81, 0xfe, 0xff, 0xc0, 0xaf, 0x0d, 0x0a]))
  },
  'no body and no empty line': (letter, random, place) => {
    fields(letter, random, place)
  },
  'an empty body': (letter, random, place) => {
    fields(letter, random, place).line()
  },
  'empty lines only': (letter, random, place) => {
    fields(letter, random, place)
      .line()
      .lines('\n'.repeat(random.between(5, 50)))
  },
  'no header': (letter, _random, place) => {
    letter.line().line(`Only a body, ${messageId(place, 'odd.example')}.`)
  },
  'no Date': (letter, random, place) => {
    fields(letter, random, place, { date: false }).line().line(sentence(random, italian))
  },
  'a Date that is none': (letter, random, place) => {
    fields(letter, random, place, { date: false }).line('Date: yesterday, 25:61').line().line(sentence(random, italian))
  },
  'a line before the header that is no field': (letter, random, place) => {
    letter.line('>From somebody Thu Jan  1 00:00:00 1970')
    fields(letter, random, place).line('this is not a field').line().line(sentence(random, italian))
  },
  'a field folded over 500 lines': (letter, random, place) => {
    fields(letter, random, place).line('References:')
    for (let i = 0; i < 500; i++) letter.line(` <${random.hex(24)}@odd.example>`)
    letter.line().line(sentence(random, italian))
  },
  'a boundary that never comes': (letter, random, place) => {
    fields(letter, random, place)
      .line('MIME-Version: 1.0')
      .line('Content-Type: multipart/mixed; boundary="never"')
      .line()
    letter.lines(wrap(paragraph(random, italian)))
  },
  'a multipart that is never closed': (letter, random, place) => {
    fields(letter, random, place)
      .line('MIME-Version: 1.0')
      .line('Content-Type: multipart/mixed; boundary="open"')
      .line()
    letter.line('--open').line('Content-Type: text/html').line().line('<p>Perché <b>no').line('--open')
    letter.line('Content-Type: application/octet-stream').line('Content-Transfer-Encoding: base64').line()
    letter.line('this is *not* base64 =====')
  },
  'multiparts 120 deep': (letter, random, place) => {
    fields(letter, random, place).line('MIME-Version: 1.0').line('Content-Type: multipart/mixed; boundary="b0"').line()
    for (let depth = 0; depth < 120; depth++) {
      letter
        .line(`--b${depth}`)
        .line(`Content-Type: multipart/mixed; boundary="b${depth + 1}"`)
        .line()
    }
    letter.line('--b120').line().line('At the bottom.')
  },
  'an unknown charset and encoding': (letter, random, place) => {
    fields(letter, random, place).line('Content-Type: text/plain; charset="x-klingon"; charset=utf-8; =')
    letter.line('Content-Transfer-Encoding: x-rot13').line().line('Creqhéè')
  },
  'Italian in quoted-printable encoded-words': (letter, random, place) => {
    fields(letter, random, place, { subject: encodedWords('Perché la città è così bella? Già, perché…', 'Q') })
    letter
      .line('Content-Type: text/plain; charset=UTF-8')
      .line()
      .lines(wrap(paragraph(random, italian)))
  },
  'Japanese in UTF-8': (letter, random, place) => {
    fields(letter, random, place, { subject: encodedWords(random.pick(japanese.subjects)) })
    letter.line('MIME-Version: 1.0').line('Content-Type: text/plain; charset=UTF-8')
    letter.line('Content-Transfer-Encoding: base64').line()
    letter.octets(base64Of(Buffer.from(`${random.pick(japanese.greetings)}\r\n${paragraph(random, japanese)}\r\n`)))
  },
  'Japanese in ISO-2022-JP': (letter, random, place) => {
    // 日本語のメール and テスト, between ESC $ B and ESC ( B (RFC 1468).
    fields(letter, random, place, { subject: '=?ISO-2022-JP?B?GyRCRnxLXDhsJE4lYSE8JWsbKEI=?=' })
    letter.line('MIME-Version: 1.0').line('Content-Type: text/plain; charset=ISO-2022-JP')
    letter.line('Content-Transfer-Encoding: 7bit').line()
    letter.line('\u001b$BF|K\\8l$N%a!<%k\u001b(B Postino \u001b$B%F%9%H\u001b(B')
  },
  'raw UTF-8 in the header': (letter, random, place) => {
    fields(letter, random, place, { subject: 'Perché non così: 日本語 🙂' }).line().line(sentence(random, italian))
  },
  'broken encoded-words': (letter, random, place) => {
    fields(letter, random, place, { subject: '=?UTF-8?B?////?= =?utf-8?q?=C3?= =?x-none?q?hm?= =?UTF-8?B?UGVyY2g=' })
    letter.line().line(sentence(random, italian))
  },
  'certified mail with its signature': (letter, random, place) => pec(letter, random, place),
}

interface FieldOptions {
  readonly date?: boolean
  readonly subject?: string
}

function fields(letter: Letter, random: Random, place: Place, options: FieldOptions = {}): Letter {
  const from = makePerson(random)
  letter.line(`From: ${encodedWords(from.name)} <${from.address}>`).line('To: u@example.test')
  letter.line(`Subject: ${options.subject ?? encodedWords(random.pick(italian.subjects))}`)
  if (options.date !== false) letter.line(`Date: ${dateField(place.date)}`)
  return letter.line(`Message-ID: ${messageId(place, 'odd.example')}`)
}

/** Shaped as Italian certified mail is: multipart/signed around text, the certificate of transport in XML, the message inside. */
function pec(letter: Letter, random: Random, place: Place): void {
  const signed = `----${random.hex(32).toUpperCase()}`
  const mixed = `----=_${random.hex(24)}`
  letter.line(`X-Trasporto: posta-certificata`).line(`X-Riferimento-Message-ID: ${messageId(place, 'dentro.example')}`)
  fields(letter, random, place, { subject: 'POSTA CERTIFICATA: Comunicazione' }).line('MIME-Version: 1.0')
  letter.line('Content-Type: multipart/signed; protocol="application/x-pkcs7-signature"; micalg="sha-256";')
  letter.line(` boundary="${signed}"`).line()
  letter.line('This is an S/MIME signed message').line()
  letter.line(`--${signed}`).line(`Content-Type: multipart/mixed; boundary="${mixed}"`).line()
  letter
    .line(`--${mixed}`)
    .line('Content-Type: text/plain; charset=UTF-8')
    .line('Content-Transfer-Encoding: 8bit')
    .line()
  letter.line('Messaggio di posta certificata: il giorno indicato è stato inviato il messaggio allegato.').line()
  letter.line(`--${mixed}`).line('Content-Type: application/xml; name="daticert.xml"')
  letter.line('Content-Disposition: attachment; filename="daticert.xml"').line()
  letter.line('<?xml version="1.0" encoding="UTF-8"?>').line('<postacert tipo="posta-certificata" errore="nessuno"/>')
  letter.line(`--${mixed}`).line('Content-Type: message/rfc822; name="postacert.eml"').line()
  letter
    .line(`Message-ID: ${messageId(place, 'dentro.example')}`)
    .line('Subject: Comunicazione')
    .line()
  letter.lines(wrap(paragraph(random, italian)))
  letter.line(`--${mixed}--`).line()
  letter.line(`--${signed}`).line('Content-Type: application/x-pkcs7-signature; name="smime.p7s"')
  letter.line('Content-Transfer-Encoding: base64').line('Content-Disposition: attachment; filename="smime.p7s"').line()
  letter.octets(base64Lines(random, 4000)).line().line(`--${signed}--`)
}

/** The oddities in turn, so that as many messages as there are of them show each once. */
export function oddMessage(random: Random, place: Place): Uint8Array {
  const makes = Object.values(oddities)
  const letter = new Letter()
  ;(makes[place.index % makes.length] as Make)(letter, random, place)
  return letter.finish()
}
