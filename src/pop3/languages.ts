import { english } from './texts-en.ts'
import { french } from './texts-fr.ts'
import { german } from './texts-de.ts'
import { italian } from './texts-it.ts'
import { spanish } from './texts-es.ts'
import type { Texts } from './texts.ts'

/** Every language there is. */
export const languages: readonly Texts[] = [english, italian, german, french, spanish]

/**
 * The language that a basic language range means (RFC 4647 §3.4, lookup: `it-CH` is `it` where there is nothing closer); `*` is
 * the first. Undefined where none is meant.
 */
export function matchLanguage(range: string, offered: readonly Texts[]): Texts | undefined {
  if (range === '*') return offered[0]
  // RFC 4647 §2.1.
  if (!/^[a-z0-9]{1,8}(?:-[a-z0-9]{1,8})*$/i.test(range)) return undefined
  const words = range.toLowerCase().split('-')
  for (; words.length > 0; words.pop()) {
    const tag = words.join('-')
    const found = offered.find((texts) => `${texts.tag.toLowerCase()}-`.startsWith(`${tag}-`))
    if (found !== undefined) return found
  }
  return undefined
}
