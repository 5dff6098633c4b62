/** Octets of a dictionary. Several times what is usual: it is written once a segment, and shared by all of its chunks. */
export const dictionarySize: number = 256 * 1024
/** Octets of each sample that are looked at; the beginning of a message is what others have too. */
export const sampleSize: number = 32 * 1024
/** Octets of all samples together; of more, samples are left out here and there. */
const mostLookedAt = 8 << 20

/** Octets that are compared as one word, and of the stretches that a dictionary is put together from. */
const wordSize = 8
const stretchSize = 256
const wordsInStretch = stretchSize - wordSize + 1
/** Words are counted by their hash: where two share one, a stretch looks a little better than it is. */
const hashBits = 18

/** A stretch is only worth its room where half of its words are those of two samples, or so. */
const leastScore = wordsInStretch

const dictionaryMagic = 0xec30a437

/**
 * Learns what samples have in common, as a raw dictionary for zstd (RFC 8878 §5): the stretches whose words occur in most samples.
 * The same samples give the same octets; they are undefined where there is too little to learn from. Bounded in time and memory,
 * however many samples there are: about a second.
 */
export function learnDictionary(samples: readonly Uint8Array[], most: number = dictionarySize): Buffer | undefined {
  const { text, starts } = joined(samples)
  const words = countWords(text, starts)
  const wanted = Math.floor(most / stretchSize)
  // One from each equal share of the text, so that what was common once, or with one sender, gets in as well.
  const share = Math.max(stretchSize, Math.floor(text.length / wanted))
  const chosen: Stretch[] = []
  for (let from = 0; from + stretchSize <= text.length && chosen.length < wanted; from += share) {
    const best = bestStretch(text, from, Math.min(from + share, text.length), words)
    if (best === undefined) continue
    chosen.push(best)
    // What is in the dictionary is no reason to take it in again.
    for (let at = best.at; at < best.at + wordsInStretch; at++) words.counts[wordAt(text, at)] = 0
  }
  if (chosen.length === 0) return undefined
  // The best come last: they are nearest to what is compressed.
  chosen.sort((one, other) => one.score - other.score || one.at - other.at)
  const octets = Buffer.concat(chosen.map(({ at }) => text.subarray(at, at + stretchSize)))
  // RFC 8878 §5: what begins with this number is no raw dictionary, and whoever sends mail could have brought it.
  return octets.readUInt32LE(0) === dictionaryMagic ? octets.subarray(1) : octets
}

interface Stretch {
  readonly at: number
  readonly score: number
}

/** By a word's hash. */
interface Words {
  /** In how many samples it occurs; 0 where it is only one. */
  readonly counts: Uint16Array
  /** How often it is in the stretch that is looked at. */
  readonly inside: Uint16Array
}

function joined(samples: readonly Uint8Array[]): { text: Buffer; starts: number[] } {
  const octets = samples.reduce((sum, { length }) => sum + Math.min(length, sampleSize), 0)
  const pieces: Uint8Array[] = []
  const starts: number[] = []
  let length = 0
  const step = Math.max(1, octets / mostLookedAt)
  for (let index = 0; index < samples.length && length < mostLookedAt; index += step) {
    const piece = samples[Math.floor(index)]?.subarray(0, sampleSize) ?? new Uint8Array()
    starts.push(length)
    pieces.push(piece)
    length += piece.length
  }
  return { text: Buffer.concat(pieces), starts }
}

function wordAt(text: Buffer, at: number): number {
  const low = (text[at] ?? 0) | ((text[at + 1] ?? 0) << 8) | ((text[at + 2] ?? 0) << 16) | ((text[at + 3] ?? 0) << 24)
  const high =
    (text[at + 4] ?? 0) | ((text[at + 5] ?? 0) << 8) | ((text[at + 6] ?? 0) << 16) | ((text[at + 7] ?? 0) << 24)
  return (Math.imul(low, 0x9e3779b1) ^ Math.imul(high ^ (low >>> 15), 0x85ebca6b)) >>> (32 - hashBits)
}

function countWords(text: Buffer, starts: readonly number[]): Words {
  const counts = new Uint16Array(1 << hashBits)
  const lastSeen = new Int32Array(1 << hashBits)
  for (const [index, start] of starts.entries()) {
    const end = (starts[index + 1] ?? text.length) - wordSize
    for (let at = start; at <= end; at++) {
      const word = wordAt(text, at)
      if (lastSeen[word] === index + 1) continue
      lastSeen[word] = index + 1
      counts[word] = Math.min((counts[word] ?? 0) + 1, 0xffff)
    }
  }
  for (const [word, count] of counts.entries()) if (count === 1) counts[word] = 0
  return { counts, inside: new Uint16Array(1 << hashBits) }
}

/** The stretch with the highest sum of its words' counts, each word counted once; undefined where that is too little. */
function bestStretch(text: Buffer, from: number, to: number, { counts, inside }: Words): Stretch | undefined {
  let best = -1
  let highest = leastScore
  let score = 0
  for (let at = from; at <= to - wordSize; at++) {
    const word = wordAt(text, at)
    const times = inside[word] ?? 0
    if (times === 0) score += counts[word] ?? 0
    inside[word] = times + 1
    const first = at - wordsInStretch + 1
    if (first < from) continue
    if (score > highest) {
      highest = score
      best = first
    }
    const gone = wordAt(text, first)
    const left = (inside[gone] ?? 1) - 1
    inside[gone] = left
    if (left === 0) score -= counts[gone] ?? 0
  }
  for (let at = Math.max(from, to - stretchSize); at <= to - wordSize; at++) inside[wordAt(text, at)] = 0
  return best === -1 ? undefined : { at: best, score: highest }
}
