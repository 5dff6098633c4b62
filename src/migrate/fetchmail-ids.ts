import type { Had } from './found.ts'
import { numberedLines } from './text-file.ts'

/** What fetchmail remembers (`.fetchids`): by login and host, in lower case, what was fetched and is still there. */
export type FetchIds = ReadonlyMap<string, readonly Had[]>

/**
 * Reads lines of `LOGIN@HOST UNIQUE-ID`. A login may have `@` and, before its first one, spaces; a unique-id may have `@`, and no
 * spaces (RFC 1939 §7). Lines that are none are passed over, as fetchmail does.
 */
export function parseFetchIds(text: string): FetchIds {
  const lists = new Map<string, Had[]>()
  for (const { text: line } of numberedLines(text)) {
    const start = line.search(/[^ \t]/)
    const space = start < 0 ? -1 : line.indexOf(' ', Math.max(start, line.indexOf('@', start)))
    if (space < 0) continue
    const whose = line.slice(start, space).trimEnd()
    const uniqueId = /^[^ \t]*/.exec(line.slice(space).trimStart())?.[0] ?? ''
    const at = whose.lastIndexOf('@')
    if (at < 0 || uniqueId === '') continue
    const key = fetchIdsKey(whose.slice(0, at), whose.slice(at + 1))
    const list = lists.get(key) ?? []
    lists.set(key, list)
    list.push({ uniqueId, when: undefined })
  }
  return lists
}

/** fetchmail compares both without regard to case. */
export function fetchIdsKey(login: string, host: string): string {
  return `${login}@${host}`.toLowerCase()
}
