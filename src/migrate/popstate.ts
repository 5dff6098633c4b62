import type { Had } from './found.ts'
import { numberedLines } from './text-file.ts'

/** What Thunderbird remembers of one server, with how it stands written there. */
interface PopState {
  readonly host: string
  readonly user: string
  readonly had: Had[]
}

/**
 * Reads what Thunderbird remembers of a server (`popstate.dat`): `*HOST USER`, and lines of a letter, a unique-id, and when it came (seconds
 * since 1970). `k` (kept there) and `d` (to be deleted there) have been fetched; `b` (too large) and `f` (its rest is wanted) have not,
 * or not whole. A file with one list is the server's, however it is called: hosts and logins are changed.
 */
export function parsePopState(text: string, hosts: readonly string[], users: readonly string[]): Had[] {
  const states: PopState[] = []
  let open: PopState | undefined
  for (const { text: line } of numberedLines(text)) {
    if (line.startsWith('#')) continue
    const [, host, user] = /^\*(\S+)[ \t]+(.+?)\s*$/.exec(line) ?? []
    if (host !== undefined && user !== undefined) {
      open = { host, user, had: [] }
      states.push(open)
      continue
    }
    const [, letter, uniqueId, seconds] = /^([kdbf])[ \t]+(\S+)(?:[ \t]+(\d{1,12}))?/.exec(line) ?? []
    if (uniqueId === undefined || (letter !== 'k' && letter !== 'd')) continue
    open?.had.push({ uniqueId, when: Number(seconds ?? 0) > 0 ? Number(seconds) * 1000 : undefined })
  }
  const same = (one: string, names: readonly string[]): boolean =>
    names.some((name) => name.toLowerCase() === one.toLowerCase())
  const named = states.filter(({ host, user }) => same(host, hosts) && same(user, users))
  return (states.length === 1 ? states : named).flatMap(({ had }) => had)
}
