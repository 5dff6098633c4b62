import type { Had, Remark } from './found.ts'
import { numberedLines } from './text-file.ts'

/** What mpop remembers, by `HOST USER`. */
export type Uidls = ReadonlyMap<string, readonly Had[]>

/**
 * Reads a file of mpop's unique-ids: a line that begins with a space has their number, the host and the user; they follow, a line each.
 * Of a file that does not hold to that, what can be understood is taken.
 */
export function parseUidls(text: string, file: string): { uidls: Uidls; faults: Remark[] } {
  const uidls = new Map<string, Had[]>()
  const faults: Remark[] = []
  let list: Had[] | undefined
  let missing = 0
  for (const { line, text: content } of numberedLines(text)) {
    if (content.startsWith('#') || content === '') continue
    if (!content.startsWith(' ')) {
      if (list === undefined) faults.push({ file, line, text: 'a unique-id stands here before any host and user' })
      list?.push({ uniqueId: content, when: undefined })
      missing--
      continue
    }
    if (missing > 0) faults.push({ file, line, text: `the list before this line ends ${missing} unique-ids too early` })
    const [, count, host, user] = /^ (\d{1,9}) (\S+) (.+)$/.exec(content) ?? []
    if (count === undefined)
      faults.push({ file, line, text: 'this is not the beginning of a list: " NUMBER HOST USER"' })
    list = count === undefined ? [] : (uidls.get(`${host} ${user}`) ?? [])
    if (count !== undefined) uidls.set(`${host} ${user}`, list)
    missing = Number(count ?? 0)
  }
  return { uidls, faults }
}
