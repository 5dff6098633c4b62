import { join } from 'node:path'

/** A path as it is meant: `~` is the home of the person whose file it stands in; nothing for an empty one. */
export function homePath(path: string | undefined, home: string): string | undefined {
  if (path === undefined || path === '') return undefined
  return path === '~' || path.startsWith('~/') ? join(home, path.slice(1)) : path
}

/** A SHA-256 fingerprint as an account has it; undefined where it is another sum, which proves too little. */
export function fingerprint(text: string): string | undefined {
  const digits = text.replaceAll(':', '').toLowerCase()
  return /^[0-9a-f]{64}$/.test(digits) ? digits : undefined
}

/** A command and its arguments as a shell reads them. */
export function shellWords(words: readonly string[]): string {
  return words
    .map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`))
    .join(' ')
}
