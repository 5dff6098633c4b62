import type { Flag } from '../store/store.ts'

/** RFC 9051 §2.3.2; \Recent is a session's, and what is deleted there is not deleted here. */
const system = new Map<string, Flag>(
  ['\\Seen', '\\Answered', '\\Flagged', '\\Draft'].map((flag) => [flag.toLowerCase(), flag]),
)
/** A message has no more keywords than this, and no longer ones; what goes beyond is left out. */
const mostKeywords = 100
const longestKeyword = 200
const keyword = /^[!#$&'+,\-./0-9:;<=>?@A-Z^_`a-z|}~]+$/

/** The flags and keywords of a message as they can be kept, in order. */
export function homeFlags(there: Iterable<string>): Flag[] {
  const flags = new Set<Flag>()
  const keywords = new Map<string, Flag>()
  for (const flag of there) {
    const known = system.get(flag.toLowerCase())
    if (known !== undefined) flags.add(known)
    else if (keyword.test(flag) && flag.length <= longestKeyword) {
      // RFC 9051 §2.3.2: in any case a keyword is the same.
      if (!keywords.has(flag.toLowerCase()) && keywords.size < mostKeywords) keywords.set(flag.toLowerCase(), flag)
    }
  }
  return [...flags, ...keywords.values()].toSorted()
}

/** Whether the two are the same flags, in whatever order and case. */
export function sameFlags(a: readonly Flag[], b: readonly Flag[]): boolean {
  if (a.length !== b.length) return false
  const there = new Set(a.map((flag) => flag.toLowerCase()))
  return b.every((flag) => there.has(flag.toLowerCase()))
}
