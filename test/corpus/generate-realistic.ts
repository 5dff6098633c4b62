import {
  Letter,
  dateField,
  encodedWords,
  mailboxField,
  messageId,
  quotedPrintable,
  traceFields,
} from './generate-mime.ts'
import type { Place } from './generate-mime.ts'
import { base64Lines } from './generate-random.ts'
import type { Random } from './generate-random.ts'
import { english, italian, makeCompany, makePerson, paragraph, sentence } from './generate-words.ts'
import type { Language } from './generate-words.ts'

/**
 * A message as most mail is today, about 60 KB on average: nearly nine in ten are machine-made, 3 to 30 KB of HTML with its plain
 * text; the others are written by people, half of these with attachments of 50 KB to 3 MB. `extra` is put into the text.
 */
export function realisticMessage(random: Random, place: Place, extra?: string): Uint8Array {
  const language = random.chance(0.6) ? italian : english
  return random.chance(0.885) ? newsletter(random, place, language, extra) : personal(random, place, language, extra)
}

/** A short notification of 2 KB. */
export function smallMessage(random: Random, place: Place, extra?: string): Uint8Array {
  const language = random.chance(0.6) ? italian : english
  const from = makeCompany(random)
  const letter = new Letter()
  letter.line(`Return-Path: <bounce+${random.hex(10)}@${from.domain}>`)
  letter.line(`Received: from mx${random.between(1, 60)}.${from.domain} by in.provider.example with ESMTPS;`)
  letter.line(`\t${dateField(place.date + 1000)}`)
  envelopeFields(letter, random, place, language, from)
  letter.line('Content-Type: text/plain; charset=UTF-8').line('Content-Transfer-Encoding: 8bit').line()
  let octets = 600
  if (extra !== undefined) letter.line(extra)
  while (octets < 1900) {
    const text = wrap(sentence(random, language))
    letter.lines(text)
    octets += Buffer.byteLength(text) + 2
  }
  return letter.finish()
}

function newsletter(random: Random, place: Place, language: Language, extra?: string): Uint8Array {
  const from = makeCompany(random)
  const boundary = `=_${random.hex(24)}`
  const sections = random.betweenLogarithmic(2, 16)
  const letter = new Letter()
  traceFields(letter, random, place, from)
  envelopeFields(letter, random, place, language, from)
  letter.line(`List-Unsubscribe: <https://${from.domain}/u/${random.hex(40)}>`)
  letter.line('List-Unsubscribe-Post: List-Unsubscribe=One-Click')
  letter.line(`X-Mailer-Campaign: ${random.hex(20)}`)
  letter.line(`Content-Type: multipart/alternative; boundary="${boundary}"`).line()
  const paragraphs = Array.from({ length: sections }, () => paragraph(random, language))
  if (extra !== undefined) paragraphs.push(extra)
  const plain = [random.pick(language.greetings), ...paragraphs, random.pick(language.closings), from.name]
  letter.line(`--${boundary}`).line('Content-Type: text/plain; charset=utf-8')
  letter.line('Content-Transfer-Encoding: quoted-printable').line()
  letter.octets(quotedPrintable(plain.map(wrap).join('\n\n')))
  letter.line(`--${boundary}`).line('Content-Type: text/html; charset=utf-8')
  letter.line('Content-Transfer-Encoding: quoted-printable').line()
  letter.octets(quotedPrintable(page(random, language, from.domain, paragraphs)))
  letter.line(`--${boundary}--`)
  return letter.finish()
}

const styleSheet = `<style type="text/css">
body { margin: 0; padding: 0; background-color: #f4f4f4; font-family: Helvetica, Arial, sans-serif; }
table { border-collapse: collapse; mso-table-lspace: 0pt; mso-table-rspace: 0pt; }
.wrapper { width: 100%; table-layout: fixed; } .main { margin: 0 auto; max-width: 600px; }
.button { background-color: #0b5fff; border-radius: 4px; color: #ffffff; padding: 12px 24px; text-decoration: none; }
@media only screen and (max-width: 620px) { .main { width: 100% !important; } .hide { display: none !important; } }
</style>`

function page(random: Random, language: Language, domain: string, paragraphs: readonly string[]): string {
  const rows = paragraphs.map(
    (text) => `<tr>
<td class="content" align="left" valign="top" style="padding: 16px 24px; font-size: 15px; line-height: 22px; color: #333333;">
<img src="https://img.${domain}/${random.hex(24)}.png" width="552" height="${random.between(80, 300)}" alt="" style="display: block;">
<h2 style="font-size: 20px; line-height: 26px; margin: 12px 0;">${sentence(random, language)}</h2>
<p style="margin: 0 0 16px 0;">${text}</p>
<a class="button" href="https://click.${domain}/c/${random.hex(64)}?u=${random.hex(32)}" target="_blank">${random.pick(language.words)}</a>
</td>
</tr>`,
  )
  return `<!DOCTYPE html>
<html lang="${language.tag}">
<head>
<meta http-equiv="Content-Type" content="text/html; charset=utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${random.pick(language.subjects)}</title>
${styleSheet}
</head>
<body>
<center class="wrapper">
<table class="main" role="presentation" width="600" cellpadding="0" cellspacing="0">
${rows.join('\n')}
</table>
<img src="https://open.${domain}/o/${random.hex(64)}.gif" width="1" height="1" alt="">
</center>
</body>
</html>`
}

function personal(random: Random, place: Place, language: Language, extra?: string): Uint8Array {
  const from = makePerson(random)
  const letter = new Letter()
  traceFields(letter, random, place, from)
  envelopeFields(letter, random, place, language, from)
  const body = [random.pick(language.greetings)]
  for (let left = random.between(1, 8); left > 0; left--) body.push(paragraph(random, language))
  if (extra !== undefined) body.push(extra)
  body.push(random.pick(language.closings), from.name)
  const text = body.map(wrap).join('\n\n')
  if (random.chance(0.5)) {
    letter.line('Content-Type: text/plain; charset=UTF-8').line('Content-Transfer-Encoding: 8bit').line()
    return letter.lines(text).finish()
  }
  const boundary = `----=_Part_${place.index}_${random.hex(16)}`
  letter.line(`Content-Type: multipart/mixed; boundary="${boundary}"`).line()
  letter.line(`--${boundary}`).line('Content-Type: text/plain; charset=UTF-8')
  letter.line('Content-Transfer-Encoding: 8bit').line().lines(text)
  for (let files = random.chance(0.8) ? 1 : 2; files > 0; files--) {
    const [type, extension] = random.pick(attachmentTypes)
    letter.line(`--${boundary}`)
    letter.line(`Content-Type: ${type}; name="${random.pick(language.words).replaceAll(/[^a-z]/g, '')}.${extension}"`)
    letter.line('Content-Transfer-Encoding: base64').line('Content-Disposition: attachment').line()
    letter.octets(base64Lines(random, random.betweenLogarithmic(50_000, 3_000_000)))
  }
  letter.line(`--${boundary}--`)
  return letter.finish()
}

const attachmentTypes = [
  ['application/pdf', 'pdf'],
  ['image/jpeg', 'jpg'],
  ['application/vnd.openxmlformats-officedocument.wordprocessingml.document', 'docx'],
  ['application/zip', 'zip'],
] as const

/** From, To, Subject, Date, Message-ID, MIME-Version. */
export function envelopeFields(
  letter: Letter,
  random: Random,
  place: Place,
  language: Language,
  from: { readonly name: string; readonly address: string; readonly domain: string },
): void {
  const encoding = random.chance(0.5) ? 'B' : 'Q'
  const number = random.chance(0.6) ? ` ${random.between(1000, 999_999)}` : ''
  letter.line(`From: ${mailboxField(from, encoding)}`)
  letter.line('To: u@example.test')
  letter.line(`Subject: ${encodedWords(random.pick(language.subjects) + number, encoding)}`)
  letter.line(`Date: ${dateField(place.date)}`)
  letter.line(`Message-ID: ${messageId(place, from.domain)}`)
  letter.line('MIME-Version: 1.0')
}

/** Lines of at most 76 characters, broken at spaces. */
export function wrap(text: string): string {
  return text.replace(/(.{1,76})(?: +|$)\n?|(.{1,76})/g, '$1$2\n').trimEnd()
}
