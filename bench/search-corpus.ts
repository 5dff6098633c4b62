import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Random } from '../test/corpus/generate-random.ts'
import { italian, japanese, makePerson, paragraph, type Person } from '../test/corpus/generate-words.ts'

/** How many words there are; of real mail, about so many occur more than once. */
const vocabulary = 40_000
const persons = 2_000
const lists = 40
const start = Date.UTC(2016, 0, 1)
const span = 10 * 365 * 86_400_000

const everybody: readonly Person[] = Array.from({ length: persons }, (_, at) => makePerson(new Random(at + 77)))

/** The word of that rank: the more, the rarer. */
export function wordOf(rank: number): string {
  const common = italian.words[rank]
  if (common !== undefined) return common
  const random = new Random(rank)
  let word = ''
  for (let syllables = 3 + (rank % 3); syllables > 0; syllables--)
    word += random.pick('b c d f g l m n p r s t v z'.split(' ')) + random.pick(['a', 'e', 'i', 'o', 'u', 'ia', 'io'])
  return word
}

/** Zipf's law: the word of rank n is one nth as frequent as the first. */
function words(random: Random, count: number): string {
  const line: string[] = []
  for (let at = 0; at < count; at++) line.push(wordOf(Math.floor(vocabulary ** random.fraction()) - 1))
  return line.join(' ')
}

/** What a message answers; undefined: nothing. */
function parentOf(index: number): number | undefined {
  const random = new Random(index * 2 + 1)
  return index > 300 && random.chance(0.4) ? index - random.between(1, 200) : undefined
}

interface Made {
  readonly octets: Buffer
  /** Milliseconds since 1970. */
  readonly date: number
  /** As a Maildir names them. */
  readonly flags: string
}

/** A message of the mail that is searched: ten years, threads, mailing lists, attachments, and a twentieth of it in Japanese. */
export function searchMessage(index: number, count: number): Made {
  const random = new Random(index + 1_000_000)
  const chain: number[] = []
  for (let at = parentOf(index); at !== undefined && chain.length < 10; at = parentOf(at)) chain.unshift(at)
  const root = chain[0] ?? index
  const date = start + Math.floor((index / count) * span) + random.between(0, 86_400_000)
  const from = random.pickEarly(everybody)
  const to = random.pickEarly(everybody)
  const list = new Random(root).between(1, lists * 4)
  const lines = [
    `From: ${from.name} <${from.address}>`,
    `To: ${to.name} <${to.address}>`,
    `Date: ${new Date(date).toUTCString().replace('GMT', '+0000')}`,
    `Message-ID: <${index}@search.example>`,
    `Subject: ${chain.length > 0 ? 'Re: ' : ''}${words(new Random(root + 5_000_000), 5)}`,
    ...(chain.length > 0 ? [`References: ${chain.map((one) => `<${one}@search.example>`).join(' ')}`] : []),
    ...(list <= lists ? [`List-Id: Lista numero${list} <lista${list}.lists.example.org>`] : []),
    'MIME-Version: 1.0',
  ]
  const text = random.chance(0.05)
    ? paragraph(random, japanese)
    : Array.from({ length: random.between(3, 20) }, () => words(random, 12)).join('\n')
  const plain = ['Content-Type: text/plain; charset=utf-8', 'Content-Transfer-Encoding: 8bit', '', text]
  if (random.chance(0.08)) {
    const name = `${random.pick(['fattura', 'foto', 'contratto', 'ricevuta'])}-${index}.${random.pick(['pdf', 'jpg'])}`
    lines.push('Content-Type: multipart/mixed; boundary="=b"', '', '--=b', ...plain, '--=b')
    lines.push(`Content-Type: application/octet-stream; name="${name}"`, 'Content-Transfer-Encoding: base64')
    lines.push(`Content-Disposition: attachment; filename="${name}"`, '', random.token(76), '--=b--', '')
  } else lines.push(...plain, '')
  const flag = (letter: string, share: number): string => (random.chance(share) ? letter : '')
  const flags = flag('D', 0.005) + flag('F', 0.03) + flag('R', 0.15) + flag('S', 0.7)
  return { octets: Buffer.from(`${lines.join('\n')}\n`), date, flags }
}

/** Writes the mail into a new Maildir. */
export function writeSearchMail(folder: string, count: number): void {
  for (const name of ['cur', 'new', 'tmp']) mkdirSync(join(folder, name), { recursive: true })
  for (let index = 0; index < count; index++) {
    const { octets, date, flags } = searchMessage(index, count)
    const name = `${Math.floor(date / 1000)}.M${index}.search:2,${flags}`
    writeFileSync(join(folder, 'cur', name), octets)
  }
}
