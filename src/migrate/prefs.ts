import type { Remark } from './found.ts'
import { numberedLines } from './text-file.ts'

/** A setting of a Mozilla program, and where it stands. */
export interface Pref {
  readonly value: string | number | boolean
  readonly file: string
  readonly line: number
}

/** Reads the `user_pref` lines of a prefs.js or user.js into `prefs`. A value that cannot be read is named, and left out. */
export function parsePrefs(text: string, file: string, prefs: Map<string, Pref>): Remark[] {
  const faults: Remark[] = []
  for (const { line, text: content } of numberedLines(text)) {
    const [, name, value = ''] = /^\s*user_pref\("((?:[^"\\]|\\.)*)"\s*,\s*(.*?)\s*\)\s*;/.exec(content) ?? []
    // Of the thousands of others there is nothing to say.
    if (name === undefined || !name.startsWith('mail.')) continue
    try {
      const read: unknown = JSON.parse(value)
      if (typeof read === 'string' || typeof read === 'number' || typeof read === 'boolean')
        prefs.set(name, { value: read, file, line })
    } catch {
      faults.push({ file, line, text: `the value of ${name} cannot be read` })
    }
  }
  return faults
}
