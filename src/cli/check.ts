import type { DiskStore } from '../store/disk.ts'
import { count, octetsText, plural } from './amounts.ts'
import { chooseUsers } from './choose-user.ts'
import type { Context } from './context.ts'
import { describeFailure, type ExitCode } from './failure.ts'
import { withDirectory, withStore } from './open.ts'
import { singleLine } from './printable.ts'

/** What was found in one user's mail. */
interface Found {
  readonly messages: number
  readonly octets: number
  readonly problems: readonly string[]
}

/** `postino check`: each user's mail; a fault of one does not keep the others from being looked at. */
export async function check(
  context: Context,
  options: { readonly user?: string; readonly rebuild?: boolean },
): Promise<ExitCode> {
  const users = await withDirectory(context, async (directory) => chooseUsers(directory, options.user))
  if (users.length === 0) context.notes.note('there is no user yet, so nothing to check')
  let code: ExitCode = 0
  await withStore(context, async (store) => {
    for (const user of users) {
      const found = await examine(context, store, user, options.rebuild ?? false)
      for (const problem of found.problems) context.notes.failure(`postino: ${user}: ${problem}`)
      if (found.problems.length > 0) code = 1
      if (context.json) await context.output.json({ user, ...found })
      else {
        const verdict = found.problems.length === 0 ? 'all in order' : plural(found.problems.length, 'problem')
        await context.output.line(
          `${user}: ${plural(found.messages, 'message')}, ${octetsText(found.octets)}: ${verdict}`,
        )
      }
    }
  })
  return code
}

async function examine(context: Context, store: DiskStore, user: string, rebuild: boolean): Promise<Found> {
  const problems: string[] = []
  const drawn = (what: string) => (octets: number, of: number) => {
    const part = of > 0 ? ` ${Math.floor((100 * octets) / of)} %` : ''
    context.notes.bar(`${what} ${user}${part}  ${octetsText(octets)} of ${octetsText(of)}`)
  }
  try {
    if (rebuild) {
      const { SearchIndex } = await import('../search/index-file.ts')
      // The journal begins anew, and search reads the journal. Before as well: killed in between, nothing is out of step.
      SearchIndex.remove(store.userFolder(user))
      const report = await store.rebuild(user, { onProgress: drawn('rebuilding') })
      SearchIndex.remove(store.userFolder(user))
      if (report.setAside !== undefined)
        context.notes.note(`${user}: the old index could not be read; it is kept as ${report.setAside}`)
      for (const { path, offset, what } of report.damage)
        problems.push(singleLine(`${path}, octet ${count(offset)}: ${what}`))
      context.notes.note(`${user}: made the index again, with ${plural(report.messages, 'message')}`)
    }
    const report = await store.check(user, { onProgress: drawn('checking') })
    for (const { path, offset, message, what } of report.problems) {
      const where = offset === undefined ? path : `${path}, octet ${count(offset)}`
      const problem = singleLine(`${where}${message === undefined ? '' : ` (message ${message})`}: ${what}`)
      if (!problems.includes(problem)) problems.push(problem)
    }
    return { messages: report.messages, octets: report.octets, problems }
  } catch (error) {
    return { messages: 0, octets: 0, problems: [...problems, describeFailure(error)] }
  } finally {
    context.notes.bar('')
  }
}
