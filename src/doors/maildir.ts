import type { Flag } from '../store/store.ts'

/** The letters of a Maildir file name and the flags they stand for, in the alphabetical order that Maildir wants. */
const letters: readonly (readonly [letter: string, flag: Flag])[] = [
  ['D', '\\Draft'],
  ['F', '\\Flagged'],
  ['P', '$Forwarded'],
  ['R', '\\Answered'],
  ['S', '\\Seen'],
  ['T', '\\Deleted'],
]

/** The flags that the name of a file in a Maildir carries after its `:2,`. */
export function flagsOfName(name: string): Flag[] {
  // Where a file system allows no colon, programs write `;` or `!` for it.
  const info = /[:;!]2,([^,/]*)$/.exec(name)?.[1] ?? ''
  return letters.filter(([letter]) => info.includes(letter)).map(([, flag]) => flag)
}

/** The letters, after `:2,`, of those flags that Maildir knows. */
export function lettersOf(flags: readonly Flag[]): string {
  return letters
    .filter(([, flag]) => flags.some((each) => each.toLowerCase() === flag.toLowerCase()))
    .map(([letter]) => letter)
    .join('')
}

/** The Maildir++ folder of a mailbox: `A/B` is `.A.B`, in modified UTF-7 (RFC 3501 §5.1.3); never a path. */
export function folderOfMailbox(mailbox: string): string {
  // A slash separates only what has a name on both sides; any other is part of a name, and encoded.
  return `.${mailbox
    .split(/(?<=[^/])\/(?=[^/])/)
    .map(encode)
    .join('.')}`
}

/** The mailbox of a Maildir++ folder: the inverse of `folderOfMailbox`. */
export function mailboxOfFolder(folder: string): string {
  return folder.replace(/^\./, '').split('.').map(decode).join('/')
}

function encode(name: string): string {
  if (name === '') return '&AAA-'
  return name.replace(/[^ -\-0-~]+|&/g, (text) => {
    if (text === '&') return '&-'
    const units = Buffer.from(text, 'utf16le').swap16()
    return `&${units.toString('base64').replace(/=+$/, '').replaceAll('/', ',')}-`
  })
}

function decode(name: string): string {
  return name.replace(/&([A-Za-z0-9+,]*)-/g, (_, text: string) => {
    if (text === '') return '&'
    const units = Buffer.from(text.replaceAll(',', '/'), 'base64')
    return units
      .subarray(0, units.length & ~1)
      .swap16()
      .toString('utf16le')
      .replaceAll('\0', '')
  })
}
