import { dateText, octetsText, plural } from './amounts.ts'
import { readRounds } from './check-rounds.ts'
import type { Context } from './context.ts'
import type { ExitCode } from './failure.ts'

/** `postino check --status`: what the last round found, and how far this one is. 1 where something was found. */
export async function tellStatus(
  context: Context,
  users: readonly string[],
  folderOf: (user: string) => string,
): Promise<ExitCode> {
  let code: ExitCode = 0
  for (const user of users) {
    const { last, now } = readRounds(folderOf(user))
    if (last !== undefined && last.faults > 0) code = 1
    if (context.json) {
      await context.output.json({ user, ...(last !== undefined && { last }), ...(now !== undefined && { now }) })
      continue
    }
    const verdict = (faults: number): string => (faults === 0 ? 'all in order' : plural(faults, 'problem'))
    const before =
      last === undefined
        ? 'never checked to its end'
        : `checked ${dateText(last.ended)}: ${plural(last.messages, 'message')}, ${octetsText(last.octets)}: ${verdict(last.faults)}`
    const under =
      now === undefined ? '' : `; a round is under way since ${dateText(now.began)}, ${octetsText(now.octets)} are read`
    await context.output.line(`${user}: ${before}${under}`)
    for (const problem of last?.told ?? []) context.notes.failure(`postino: ${user}: ${problem}`)
  }
  return code
}
