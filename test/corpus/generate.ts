import { Letter, base64Of, dateField, encodedWords, messageId } from './generate-mime.ts'
import type { Place } from './generate-mime.ts'
import { oddMessage } from './generate-odd.ts'
import { Random, base64Lines } from './generate-random.ts'
import { envelopeFields, realisticMessage, smallMessage, wrap } from './generate-realistic.ts'
import { italian, japanese, makePerson, paragraph } from './generate-words.ts'

/**
 * `realistic`: about 60 KB on average. `small`: 2 KB each. `odd`: what real mail holds and careless programs break on.
 * `demo`: a year of one person's mail: plain, HTML, Italian, Japanese, attachments, some odd, and one message of 20 MB.
 */
export type Profile = 'realistic' | 'small' | 'odd' | 'demo'

export interface Corpus {
  readonly seed: number
  readonly count: number
  readonly profile: Profile
}

/** A word of the text of exactly one message of each corpus that is not `odd`. */
export const rareWord = 'ornitorinco'

/** Which message of so many holds the rare word, from 0. */
export function rareIndex(count: number): number {
  return Math.floor(count * 0.7)
}

/**
 * The messages of a corpus, one after the other: the same octets for the same seed, everywhere. Every line ends with CRLF, no
 * two are equal, and each that has a header at all has a Message-ID of its own.
 */
export function* generateMessages(corpus: Corpus): Generator<Uint8Array, void, void> {
  for (let index = 0; index < corpus.count; index++) yield generateMessage(corpus, index)
}

/** One message of a corpus, by its place from 0, without making those before it. */
export function generateMessage(corpus: Corpus, index: number): Uint8Array {
  const random = new Random(corpus.seed * 1_000_003 + index)
  // From 1 January 2024, in order, spread over two years.
  const date = 1_704_067_200_000 + Math.floor(((index + random.fraction()) / corpus.count) * 2 * 365 * 86_400) * 1000
  const place: Place = { seed: corpus.seed, index, date }
  const extra = index === rareIndex(corpus.count) ? `Un ${rareWord} allo zoo.` : undefined
  switch (corpus.profile) {
    case 'realistic':
      return realisticMessage(random, place, extra)
    case 'small':
      return smallMessage(random, place, extra)
    case 'odd':
      return oddMessage(random, place)
    case 'demo':
      return demoMessage(random, place, extra, corpus.count)
  }
}

/** The mailbox that `npm run demo` fetches. */
export const demoCorpus: Corpus = { seed: 7, count: 300, profile: 'demo' }

function demoMessage(random: Random, place: Place, extra: string | undefined, count: number): Uint8Array {
  if (extra !== undefined) return smallMessage(random, place, extra)
  if (place.index === Math.floor(count / 2)) return bigMessage(random, place, 20_000_000)
  const kind = random.fraction()
  if (kind < 0.25) return smallMessage(random, place)
  if (kind < 0.4) return japaneseMessage(random, place)
  if (kind < 0.55) return oddMessage(random, place)
  return realisticMessage(random, place)
}

/** A message with one attachment, about so many octets in all. */
export function bigMessage(random: Random, place: Place, octets: number): Uint8Array {
  const from = makePerson(random)
  const letter = new Letter()
  envelopeFields(letter, random, place, italian, from)
  letter.line('Content-Type: multipart/mixed; boundary="big"').line()
  letter.line('--big').line('Content-Type: text/plain; charset=UTF-8').line('Content-Transfer-Encoding: 8bit').line()
  letter.lines(wrap(paragraph(random, italian)))
  letter.line('--big').line('Content-Type: video/mp4; name="vacanza.mp4"').line('Content-Transfer-Encoding: base64')
  letter.line('Content-Disposition: attachment; filename="vacanza.mp4"').line()
  return letter.octets(base64Lines(random, octets)).line('--big--').finish()
}

function japaneseMessage(random: Random, place: Place): Uint8Array {
  const from = makePerson(random)
  const letter = new Letter()
  letter.line(`From: ${encodedWords(from.name)} <${from.address}>`).line('To: u@example.test')
  letter.line(`Subject: ${encodedWords(random.pick(japanese.subjects))}`).line(`Date: ${dateField(place.date)}`)
  letter.line(`Message-ID: ${messageId(place, from.domain)}`).line('MIME-Version: 1.0')
  letter.line('Content-Type: text/plain; charset=UTF-8').line('Content-Transfer-Encoding: base64').line()
  const text = [random.pick(japanese.greetings), paragraph(random, japanese), random.pick(japanese.closings), from.name]
  return letter.octets(base64Of(Buffer.from(text.join('\r\n\r\n') + '\r\n'))).finish()
}
