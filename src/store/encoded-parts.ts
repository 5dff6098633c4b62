import { createHash } from 'node:crypto'
import type { Hash } from '../ids.ts'
import type { Part } from './recipe.ts'
import { charactersBefore, placeBehind, wrap, wrappedSize, type Wrapping } from './wrapped-base64.ts'

/** Parts that are smaller, decoded, stay in the message: to name one takes some 40 octets. */
export const leastPart = 1024
/** Base64 of `leastPart` octets is longer than two of these, so that one of them is not in its last line. */
const probeStep = 512
/** Characters that are tried at once: few at first, so that what only begins like base64 costs little. */
const firstTry = 4096
const longestTry = 256 * 1024
/** Characters that base64 of `leastPart` octets has. */
const leastText = Math.ceil(leastPart / 3) * 4
const shortestLine = 4
/** Longer lines are taken one by one. */
const longestLine = longestTry / 4

const CR = 13
const LF = 10

const isLetter = new Uint8Array(256)
for (const letter of Buffer.from('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'))
  isLetter[letter] = 1

interface Beginning extends Wrapping {
  readonly start: number
}

/**
 * The base64 in a message that is the same again when it was decoded and encoded: lines of one length and one line end, and padding
 * as RFC 4648 §3.5 wants it. Found by its looks, whatever headers say: so also in messages within messages, in mail that was cut
 * short and in `data:` URLs. Each is proved by encoding it again. In order; in linear time, whatever the message is.
 */
export function encodedParts(message: Buffer): Part[] {
  const parts: Part[] = []
  // Up to where all was looked at. What is not base64 costs a look at one word in every `probeStep` octets.
  let done = 0
  for (let at = 0; at < message.length; at = Math.max(at + probeStep, done)) {
    const { start, end } = runAround(message, at, done)
    const found = beginningOf(message, start, end, done)
    done = end
    if (found === undefined) continue
    const octets = decoded(message, found)
    const { lineLength, lineEnd } = found
    const stop = found.start + wrappedSize(octets.length, found)
    done = Math.max(done, stop)
    if (octets.length < leastPart) continue
    const hash = createHash('sha256').update(octets).digest('hex') as Hash
    parts.push({ hash, octets, start: found.start, end: stop, lineLength, lineEnd })
  }
  return parts
}

/** The letters around a place; those of the next line where the place is a line end. */
function runAround(message: Buffer, at: number, from: number): { start: number; end: number } {
  let start = at
  while (start < at + 2 && (message[start] === CR || message[start] === LF)) start++
  let end = start
  while (end < message.length && isLetter[message[end] ?? 0] === 1) end++
  if (end > start) while (start > from && isLetter[message[start - 1] ?? 0] === 1) start--
  return { start, end }
}

/** Where the base64 begins that this run of letters may belong to. */
function beginningOf(message: Buffer, start: number, end: number, from: number): Beginning | undefined {
  const lineLength = end - start
  const lineEnd = lineEndAt(message, end)
  if (lineEnd === undefined || lineLength > longestLine || !isLineStart(message, start))
    return lineLength < leastText ? undefined : { start, lineLength: 0, lineEnd: 'lf' }
  if (lineLength < shortestLine) return undefined
  const line = lineLength + (lineEnd === 'crlf' ? 2 : 1)
  let first = start
  while (
    first - line >= from &&
    isLineStart(message, first - line) &&
    isLine(message, first - line, lineLength, lineEnd)
  )
    first -= line
  // Line ends at the right places are soon seen, and few texts have them.
  let last = end
  while (last - first < leastText && lineEndAt(message, last + line) === lineEnd) last += line
  return last - first + line < leastText ? undefined : { start: first, lineLength, lineEnd }
}

function lineEndAt(message: Buffer, at: number): Wrapping['lineEnd'] | undefined {
  if (message[at] === LF) return 'lf'
  return message[at] === CR && message[at + 1] === LF ? 'crlf' : undefined
}

function isLineStart(message: Buffer, at: number): boolean {
  return at === 0 || message[at - 1] === LF
}

/** Whether one whole line of so many letters stands there. */
function isLine(message: Buffer, start: number, length: number, lineEnd: Wrapping['lineEnd']): boolean {
  const end = start + length
  if (lineEndAt(message, end) !== lineEnd) return false
  for (let at = start; at < end; at++) if (isLetter[message[at] ?? 0] === 0) return false
  return true
}

/** What can be decoded from there on so that it comes out the same again. */
function decoded(message: Buffer, { start, ...wrapping }: Beginning): Buffer {
  const pieces: Buffer[] = []
  const unit = wrapping.lineLength === 0 ? 4 : 4 * wrapping.lineLength
  let characters = 0
  for (let most = firstTry; ; most = Math.min(most * 2, longestTry)) {
    const goal = characters + Math.max(1, Math.floor(most / unit)) * unit
    const place = start + placeBehind(characters, wrapping)
    const text = message.subarray(place, start + placeBehind(goal, wrapping))
    // What is no letter is passed over here; it does not come out again, and so ends the part.
    const octets = Buffer.from(text.toString('latin1'), 'base64')
    if (octets.length === ((goal - characters) / 4) * 3 && isWhole(text, characters, goal, wrapping)) {
      pieces.push(octets)
      characters = goal
      continue
    }
    const same = sameOctets(text, wrap(octets, characters, wrapping))
    const right = charactersBefore(place - start + same, wrapping) - characters
    const whole = Math.min(Math.floor(right / 4) * 3, octets.length)
    pieces.push(octets.subarray(0, whole))
    if (characters + right < goal || whole % 3 !== 0) {
      if (whole % 3 === 0) pieces.push(paddedEnd(message, start, characters + (whole / 3) * 4, wrapping))
      return Buffer.concat(pieces)
    }
    characters = goal
  }
}

/**
 * Whether text from which so many octets were decoded as have a place in it comes out the same when they are encoded again. It does where
 * all but the line ends are letters (RFC 4648 §4), for four letters stand for three octets and nothing else does: what is no letter is
 * passed over in decoding, so that fewer octets come of it, but for the two of RFC 4648 §5 that are read as two of ours.
 */
function isWhole(text: Buffer, characters: number, goal: number, wrapping: Wrapping): boolean {
  const start = placeBehind(characters, wrapping)
  if (text.length !== placeBehind(goal, wrapping) - start) return false
  if (text.includes(0x2d) || text.includes(0x5f)) return false
  const { lineLength, lineEnd } = wrapping
  if (lineLength === 0) return true
  const [before, line] = lineEnd === 'crlf' ? [2, lineLength + 2] : [1, lineLength + 1]
  // Whole lines, each but the first of all behind its line end.
  for (let at = characters === 0 ? lineLength : 0; at < text.length; at += line) {
    if (text[at + before - 1] !== LF || (before === 2 && text[at] !== CR)) return false
  }
  return true
}

/** The last one or two octets, where their four characters (RFC 4648 §4) come next; none otherwise. */
function paddedEnd(message: Buffer, start: number, characters: number, wrapping: Wrapping): Buffer {
  const text = message.subarray(
    start + placeBehind(characters, wrapping),
    start + placeBehind(characters + 4, wrapping),
  )
  const octets = Buffer.from(text.toString('latin1'), 'base64')
  return octets.length < 3 && wrap(octets, characters, wrapping).equals(text) ? octets : Buffer.alloc(0)
}

/** How many octets two texts begin with that are the same. */
function sameOctets(one: Buffer, other: Buffer): number {
  let same = 0
  let most = Math.min(one.length, other.length)
  if (one.compare(other, 0, most, 0, most) === 0) return most
  while (most - same > 1) {
    const middle = (same + most) >> 1
    if (one.compare(other, same, middle, same, middle) === 0) same = middle
    else most = middle
  }
  return same
}
