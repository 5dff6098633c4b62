import type { Range } from './store.ts'

/** How base64 text is laid out: where its lines end. */
export interface Wrapping {
  /** Characters of each line but the last; 0: it is all one line. */
  readonly lineLength: number
  /** Of no meaning where it is all one line. */
  readonly lineEnd: 'crlf' | 'lf'
}

/** Octets of the text that so many octets become. No line end follows the last line. */
export function wrappedSize(size: number, wrapping: Wrapping): number {
  return placeBehind(Math.ceil(size / 3) * 4, wrapping)
}

/** Which of the encoded octets must be known (`size` in all) for a range of the text. */
export function octetsFor(size: number, wrapping: Wrapping, { from, to }: Range): Range {
  if (to <= from) return { from: 0, to: 0 }
  // RFC 4648 §4: four characters are three octets.
  const group = (place: number): number => Math.floor(charactersBefore(place, wrapping) / 4)
  return { from: Math.min(group(from) * 3, size), to: Math.min((group(to - 1) + 1) * 3, size) }
}

/**
 * Writes octets as wrapped base64, whatever pieces they come in: `write` each, then `end`. Where only a range of the text is wanted,
 * the octets to write are those that `octetsFor` names.
 */
export class WrappedBase64 {
  readonly #wrapping: Wrapping
  /** Characters written so far, those that come before the range too. */
  #characters: number
  /** Octets of text to leave out before the first that is wanted. */
  #skip: number
  #wanted: number
  /** One or two octets that wait for the third. */
  #waiting: Buffer = Buffer.alloc(0)

  /** `size`: of all octets. */
  constructor(size: number, wrapping: Wrapping, range: Range = { from: 0, to: wrappedSize(size, wrapping) }) {
    this.#wrapping = wrapping
    this.#characters = (octetsFor(size, wrapping, range).from / 3) * 4
    this.#skip = range.from - placeBehind(this.#characters, wrapping)
    this.#wanted = Math.max(0, range.to - range.from)
  }

  /** The text that these octets make, so far as it is known and wanted; memory of its own. */
  write(octets: Uint8Array): Buffer {
    const all = this.#waiting.length === 0 ? bufferOf(octets) : Buffer.concat([this.#waiting, octets])
    const whole = all.length - (all.length % 3)
    this.#waiting = Buffer.from(all.subarray(whole))
    return this.#cut(all.subarray(0, whole))
  }

  /** What is left: RFC 4648 §4, the last one or two octets with their padding. */
  end(): Buffer {
    const last = this.#waiting
    this.#waiting = Buffer.alloc(0)
    return this.#cut(last)
  }

  #cut(octets: Buffer): Buffer {
    const text = wrap(octets, this.#characters, this.#wrapping)
    this.#characters += Math.ceil(octets.length / 3) * 4
    const from = Math.min(this.#skip, text.length)
    const wanted = text.subarray(from, from + this.#wanted)
    this.#skip -= from
    this.#wanted -= wanted.length
    return wanted
  }
}

/** Octets as wrapped base64 that goes on behind so many characters (a multiple of four). */
export function wrap(octets: Buffer, characters: number, wrapping: Wrapping): Buffer {
  const { lineLength, lineEnd } = wrapping
  const letters = octets.toString('base64')
  if (lineLength === 0) return Buffer.from(letters, 'latin1')
  const size = placeBehind(characters + letters.length, wrapping) - placeBehind(characters, wrapping)
  const text = Buffer.allocUnsafe(size)
  // Written at its end, and from there moved forward line by line: quicker than from other memory.
  let from = size - letters.length
  text.write(letters, from, 'latin1')
  const words = new DataView(text.buffer, text.byteOffset, size)
  let room = characters === 0 ? lineLength : lineLength - 1 - ((characters - 1) % lineLength)
  for (let to = 0; from < size;) {
    if (room === 0) {
      if (lineEnd === 'crlf') text[to++] = 13
      text[to++] = 10
      room = lineLength
    }
    const length = Math.min(room, size - from)
    if (length > longLine) text.copyWithin(to, from, from + length)
    else moveForward(text, words, to, from, length)
    to += length
    from += length
    room -= length
  }
  return text
}

/** Lines that are longer are moved by the system: calling it costs as much as to move so many octets. */
const longLine = 256

/** Moves letters to a place before them, eight at a time: as numbers, of which letters never make one that is not a number. */
function moveForward(text: Buffer, words: DataView, to: number, from: number, length: number): void {
  let at = 0
  for (; at + 8 <= length; at += 8) words.setFloat64(to + at, words.getFloat64(from + at, true), true)
  for (; at < length; at++) text[to + at] = text[from + at] ?? 0
}

function bufferOf(octets: Uint8Array): Buffer {
  return Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength)
}

function lineEndOf({ lineEnd }: Wrapping): number {
  return lineEnd === 'crlf' ? 2 : 1
}

/** Where the text stands when so many characters are written. A line end is written just before the next line's first character. */
export function placeBehind(characters: number, wrapping: Wrapping): number {
  const { lineLength } = wrapping
  if (lineLength === 0 || characters === 0) return characters
  return characters + Math.floor((characters - 1) / lineLength) * lineEndOf(wrapping)
}

/** How many characters come before a place of the text. */
export function charactersBefore(place: number, wrapping: Wrapping): number {
  const { lineLength } = wrapping
  if (lineLength === 0) return place
  const line = lineLength + lineEndOf(wrapping)
  const lines = Math.floor(place / line)
  return lines * lineLength + Math.min(place - lines * line, lineLength)
}
