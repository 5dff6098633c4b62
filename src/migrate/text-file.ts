import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs'
import { MisuseError } from '../errors.ts'

/** No file of another program is read further than this (octets): a list of two million unique-ids. */
const limit = 256 << 20

const utf8 = new TextDecoder('utf-8', { fatal: true })
const latin1 = new TextDecoder('latin1')

/** The text of a file, in UTF-8 or else in Latin-1; undefined where there is none. Throws MisuseError where it cannot be read. */
export function readText(path: string): string | undefined {
  const wrong = (why: string): MisuseError => new MisuseError('usage', `${path} cannot be read: ${why}`)
  let file: number
  try {
    file = openSync(path, 'r')
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    throw wrong(code === 'EACCES' ? 'you have no right to it' : message)
  }
  try {
    const stat = fstatSync(file)
    if (!stat.isFile()) throw wrong('it is no file')
    if (stat.size > limit) throw wrong(`it has ${stat.size} octets, and ${limit} are the most`)
    return octetsText(readFileSync(file))
  } finally {
    closeSync(file)
  }
}

/** Octets as text: in UTF-8, or where they are none, in Latin-1. */
export function octetsText(octets: Uint8Array): string {
  try {
    return utf8.decode(octets)
  } catch {
    return latin1.decode(octets)
  }
}

/** The lines of a text, numbered from 1. */
export function* numberedLines(text: string): Generator<{ readonly line: number; readonly text: string }> {
  let line = 0
  for (let at = 0; at < text.length;) {
    const end = text.indexOf('\n', at)
    const next = end < 0 ? text.length : end
    yield { line: ++line, text: text.slice(at, text[next - 1] === '\r' && end > at ? next - 1 : next) }
    at = next + 1
  }
}
