import { join } from 'node:path'
import type { Directory } from '../accounts/directory.ts'
import { MisuseError } from '../errors.ts'
import type { Hash } from '../ids.ts'
import { searchFaults } from '../search/check-search.ts'
import { searchPath } from '../search/database.ts'
import type { DiskStore } from '../store/disk.ts'
import { repairMail, type Repaired } from '../store/repair.ts'
import { count, octetsText, plural } from './amounts.ts'
import { keepRounds, readRounds, roundOf } from './check-rounds.ts'
import { tellStatus } from './check-status.ts'
import { type Fault, originsOf, tellFaults } from './check-telling.ts'
import { withTwins } from './check-twins.ts'
import { chooseUsers } from './choose-user.ts'
import type { Context } from './context.ts'
import { describeFailure, type ExitCode } from './failure.ts'
import { mailOfNobody } from './mail-of-nobody.ts'
import { withDirectory, withStore } from './open.ts'
import { singleLine } from './printable.ts'

export interface CheckWords {
  readonly user?: string
  readonly rebuild?: boolean
  readonly repair?: boolean
  readonly from?: string
  readonly status?: boolean
}

/** What was found in one user's mail. */
interface Found {
  readonly messages: number
  readonly octets: number
  /** A line each, for a person. */
  readonly problems: readonly string[]
  readonly faults: readonly Fault[]
  /** Something has to be done. */
  readonly bad: boolean
  readonly repaired?: readonly Repaired[]
}

/** `postino check`: each user's mail; a fault of one does not keep the others from being looked at. */
export async function check(context: Context, words: CheckWords): Promise<ExitCode> {
  if (words.from !== undefined && words.repair !== true)
    throw new MisuseError('usage', '--from says where --repair takes octets from: give both')
  if (words.status === true && (words.rebuild === true || words.repair === true))
    throw new MisuseError('usage', '--status only tells: it goes with neither --rebuild nor --repair')
  return await withDirectory(context, async (directory) => {
    const users = chooseUsers(directory, words.user)
    const strays = words.user === undefined && words.status !== true ? mailOfNobody(context.data, directory) : []
    for (const name of strays)
      context.notes.failure(
        singleLine(
          `postino: ${join(context.data, 'users', name)} holds mail, and there is no user ${name}: \`postino restore BACKUP --user ${name}\` brings back the user as well, \`postino user add ${name}\` gives the mail to a new one`,
        ),
      )
    if (users.length === 0 && strays.length === 0) context.notes.note('there is no user yet, so nothing to check')
    return await withStore(context, async (store) => {
      if (words.status === true) return await tellStatus(context, users, (user) => store.userFolder(user))
      let code: ExitCode = strays.length > 0 ? 1 : 0
      for (const user of users) {
        const found = await examine(context, { directory, store, user, words })
        for (const problem of found.problems) context.notes.failure(`postino: ${user}: ${problem}`)
        if (found.bad) code = 1
        await tell(context, user, found)
      }
      return code
    })
  })
}

async function tell(context: Context, user: string, found: Found): Promise<void> {
  const { bad: _, repaired, ...told } = found
  if (context.json) return await context.output.json({ user, ...told, ...(repaired !== undefined && { repaired }) })
  const verdict = found.problems.length === 0 ? 'all in order' : plural(found.problems.length, 'problem')
  await context.output.line(`${user}: ${plural(found.messages, 'message')}, ${octetsText(found.octets)}: ${verdict}`)
  for (const { message, from, now } of repaired ?? []) {
    const how = from === undefined ? 'written into the segments again' : `its octets came from ${from}`
    const number = now === undefined ? '' : `; it is message ${now} now`
    await context.output.line(singleLine(`${user}: message ${message} is repaired: ${how}${number}`))
  }
}

interface Parts {
  readonly directory: Directory
  readonly store: DiskStore
  readonly user: string
  readonly words: CheckWords
}

async function examine(context: Context, parts: Parts): Promise<Found> {
  const { directory, store, user, words } = parts
  const folder = store.userFolder(user)
  const problems: string[] = []
  const onProgress = (what: string) => (octets: number, of: number) => {
    const part = of > 0 ? ` ${Math.floor((100 * octets) / of)} %` : ''
    context.notes.bar(`${what} ${user}${part}  ${octetsText(octets)} of ${octetsText(of)}`)
  }
  try {
    if (words.rebuild === true) problems.push(...(await rebuild(context, parts, onProgress('rebuilding'))))
    const lost = problems.length
    const report = await store.check(user, { onProgress: onProgress('checking') })
    context.notes.bar('')
    let faults: Fault[] = [
      ...report.problems,
      ...searchFaults(folder, user).map((what): Fault => ({ path: searchPath(folder), what, remedy: 'search' })),
    ]
    const repaired = words.repair === true && faults.length > 0 ? await repair(context, parts, faults) : undefined
    if (repaired !== undefined) {
      faults = faults.filter((fault) => !isRepaired(fault, repaired.repaired))
      problems.push(...repaired.problems)
    }
    const origins = originsOf(directory, user, (name) => store.userFolder(name))
    for (const line of tellFaults(user, faults, origins)) if (!problems.includes(line)) problems.push(line)
    const faulty = lost + faults.filter(({ remedy }) => remedy !== 'none').length + (repaired?.problems.length ?? 0)
    keepRounds(folder, { ...readRounds(folder), last: roundOf(report, faulty, problems, Date.now()) })
    const { messages, octets } = report
    return {
      messages,
      octets,
      problems,
      faults,
      bad: faulty > 0,
      ...(repaired !== undefined && { repaired: repaired.repaired }),
    }
  } catch (error) {
    return { messages: 0, octets: 0, problems: [...problems, describeFailure(error)], faults: [], bad: true }
  } finally {
    context.notes.bar('')
  }
}

/** Gives what the segments could not give back. */
async function rebuild(
  context: Context,
  { store, user }: Parts,
  onProgress: (octets: number, of: number) => void,
): Promise<string[]> {
  const { SearchIndex } = await import('../search/index-file.ts')
  // The journal begins anew, and search reads the journal. Before as well: killed in between, nothing is out of step.
  SearchIndex.remove(store.userFolder(user))
  const { setAside, rescue, notes = [], damage, messages } = await store.rebuild(user, { onProgress })
  SearchIndex.remove(store.userFolder(user))
  context.notes.bar('')
  if (setAside !== undefined) context.notes.note(`${user}: the old index could not be read; it is kept as ${setAside}`)
  for (const note of notes) context.notes.note(singleLine(`${user}: ${note}`))
  if (rescue !== undefined && rescue.messages > 0)
    context.notes.note(
      `${user}: wrote ${plural(rescue.messages, 'message')} into the segments again, from the old index`,
    )
  context.notes.note(`${user}: made the index again, with ${plural(messages, 'message')}`)
  const help = '`postino restore` brings back what a backup has of it'
  // What the old index knew is there again; without it, nobody knows what stood there.
  if (rescue !== undefined)
    return rescue.lost.map(({ message, why }) => singleLine(`message ${message} is lost: ${why}; ${help}`))
  return damage.map(({ path, offset, what }) => singleLine(`${path}, octet ${count(offset)}: ${what}; ${help}`))
}

async function repair(
  context: Context,
  { directory, store, user, words }: Parts,
  faults: readonly Fault[],
): Promise<{ repaired: readonly Repaired[]; problems: string[] }> {
  const folder = store.userFolder(user)
  if (faults.some(({ remedy }) => remedy === 'search')) {
    const { SearchIndex } = await import('../search/index-file.ts')
    SearchIndex.remove(folder)
  }
  const mail = await store.open(user)
  const hashes = new Set(faults.flatMap(({ hash, remedy }): Hash[] => (remedy === 'octets' && hash ? [hash] : [])))
  const wanted = faults.flatMap((fault) => (fault.remedy === 'search' ? [] : [{ ...fault, remedy: fault.remedy }]))
  const { data } = context
  const note = (text: string): void => context.notes.note(singleLine(text))
  const { repaired, left } = await withTwins(
    { data, directory, store, user, hashes, from: words.from, note },
    (twins) => repairMail(folder, mail, wanted, twins),
  )
  // What was brought is read once more, as it is served.
  for (const { message, now = message } of repaired) for await (const _ of mail.bytes(now));
  return {
    repaired,
    problems: left.map(({ message, why }) => singleLine(`message ${message} could not be repaired: ${why}`)),
  }
}

function isRepaired({ remedy, message }: Fault, repaired: readonly Repaired[]): boolean {
  if (remedy === 'search') return true
  if (message === undefined) return remedy === 'journal'
  return repaired.some((one) => one.message === message)
}
