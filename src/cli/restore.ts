import { join, resolve } from 'node:path'
import type { Manifest } from '../backup/manifest.ts'
import { openTarget } from '../backup/open-target.ts'
import { pickBackup } from '../backup/pick-backup.ts'
import { restoreUser } from '../backup/restore-user.ts'
import { giveNames, isFree, isNearlyDone, restore as restoreWhole } from '../backup/restore.ts'
import type { Target } from '../backup/target.ts'
import { MisuseError } from '../errors.ts'
import type { MessageId } from '../ids.ts'
import { count, dateText, octetsText, plural } from './amounts.ts'
import { drawn } from './backup.ts'
import type { Context } from './context.ts'
import type { ExitCode } from './failure.ts'
import { holding } from './locks.ts'
import { singleLine } from './printable.ts'

interface RestoreWords {
  readonly into?: string
  readonly at?: string
  readonly backup?: string
  readonly user?: readonly string[]
  readonly message?: readonly string[]
  readonly mailbox?: string
  readonly endpoint?: string
  readonly region?: string
}

/** `postino restore SOURCE` */
export async function restore(context: Context, words: string, options: RestoreWords): Promise<ExitCode> {
  const backup = options.backup === undefined ? undefined : idsOf('--backup', [options.backup])[0]
  const at = options.at === undefined ? undefined : timeOf(options.at)
  if (backup !== undefined && at !== undefined)
    throw new MisuseError('usage', '--at and --backup both say which backup: give one of them')
  const ids = options.message === undefined ? undefined : idsOf('--message', options.message)
  const data = options.into === undefined ? context.data : resolve(options.into)
  const target = await openTarget(words, options)
  const { manifest, damaged } = await pickBackup(target, { backup, at })
  for (const problem of damaged) context.notes.failure(`postino: ${problem}; the one before it is taken`)
  context.notes.note(`backup ${manifest.backup} of ${dateText(manifest.time)}`)
  const lock = join(data, 'locks', 'restore')
  const work = (): Promise<ExitCode> =>
    isFree(data) || isNearlyDone(data)
      ? whole(context, target, manifest, data, { ...options, ids })
      : single(context, target, manifest, data, { ...options, ids })
  const code = await holding(lock, `another postino process restores into ${data}`, work, { patience: 0 }).finally(() =>
    context.notes.bar(''),
  )
  return damaged.length > 0 ? 1 : code
}

interface Wanted {
  readonly user?: readonly string[]
  readonly ids: readonly MessageId[] | undefined
  readonly mailbox?: string
}

/** A whole data folder, where there is none. */
async function whole(
  context: Context,
  target: Target,
  manifest: Manifest,
  data: string,
  { user: users, ids, mailbox }: Wanted,
): Promise<ExitCode> {
  if (ids !== undefined || mailbox !== undefined)
    throw new MisuseError('usage', `${data} has no mail that single messages could be put into; name one with --data`)
  for (const name of users ?? []) mustBeIn(manifest, name)
  if (isNearlyDone(data)) {
    await giveNames(data)
    context.notes.note(`ended the restore that was stopped when all was verified`)
    if (context.json) await context.output.json({ into: data, ended: true })
    else await context.output.line(`restored into ${data}`)
    return 0
  }
  const report = await restoreWhole(target, manifest, data, { users, onProgress: drawn(context) })
  context.notes.bar('')
  for (const problem of report.problems) context.notes.failure(`postino: ${singleLine(problem)}`)
  if (context.json) await context.output.json({ backup: manifest.backup, into: data, ...report })
  else {
    const amounts = `${plural(report.messages, 'message')} of ${plural(report.users, 'user')}, ${octetsText(report.octets)}`
    await context.output.line(
      singleLine(`restored backup ${manifest.backup} into ${data}: ${amounts}${verdict(report.problems)}`),
    )
  }
  return report.problems.length === 0 ? 0 : 1
}

/** Users, or messages of one, into mail that is in use. */
async function single(
  context: Context,
  target: Target,
  manifest: Manifest,
  data: string,
  { user, ids, mailbox }: Wanted,
): Promise<ExitCode> {
  const only = manifest.users.length === 1 ? manifest.users.map(({ name }) => name) : undefined
  const users = user ?? (ids === undefined ? undefined : only)
  if (users === undefined && ids !== undefined) {
    const names = manifest.users.map(({ name }) => name).join(', ')
    throw new MisuseError('usage', `say whose messages come back, with --user NAME; the backup has: ${names}`)
  }
  if (users === undefined)
    throw new MisuseError(
      'usage',
      `${data} is not empty, and nothing is written over: name another folder with --into, or what to bring back with --user NAME or --message ID`,
    )
  if (ids !== undefined && users.length > 1)
    throw new MisuseError('usage', '--message goes with one user: each has a message of that number')
  let code: ExitCode = 0
  for (const name of users) mustBeIn(manifest, name)
  for (const name of users) {
    const report = await restoreUser(target, manifest, name, data, { ids, mailbox, onProgress: drawn(context) })
    context.notes.bar('')
    for (const problem of report.problems) context.notes.failure(`postino: ${singleLine(problem)}`)
    if (report.problems.length > 0) code = 1
    if (context.json) await context.output.json({ backup: manifest.backup, into: data, ...report })
    else {
      const here = report.here === 0 ? '' : `, ${plural(report.here, 'message')} already here`
      const repaired = report.repaired === 0 ? '' : `, ${count(report.repaired)} of them repaired`
      const accounts = report.accounts.length === 0 ? '' : `, ${plural(report.accounts.length, 'account')}`
      await context.output.line(
        singleLine(
          `${name}: restored ${plural(report.restored, 'message')}${here}${repaired}${accounts}${verdict(report.problems)}`,
        ),
      )
    }
  }
  return code
}

function verdict(problems: readonly string[]): string {
  return problems.length === 0 ? '; all verified' : `; ${plural(problems.length, 'problem')}`
}

function mustBeIn(manifest: Manifest, name: string): void {
  const names = manifest.users.map((user) => user.name)
  if (!names.includes(name))
    throw new MisuseError(
      'usage',
      `backup ${manifest.backup} has no user ${JSON.stringify(name)}; it has: ${names.join(', ') || 'none'}`,
    )
}

function idsOf(option: string, given: readonly string[]): MessageId[] {
  return given
    .flatMap((text) => text.split(','))
    .map((text) => {
      if (!/^[1-9]\d{0,14}$/.test(text)) throw new MisuseError('usage', `${option} ${text}: give a number`)
      return Number(text) as MessageId
    })
}

/** `2026-11-28` (to the end of that day), `2026-11-28 14:05`, `2026-11-28T13:05:00Z`: milliseconds since 1970. */
function timeOf(text: string): number {
  const day = /^\d{4}-\d\d-\d\d$/.test(text)
  const form = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d)?$/
  const time = day || form.test(text) ? Date.parse(day ? `${text}T23:59:59.999` : text.replace(' ', 'T')) : Number.NaN
  // What is behind the end of a month is not taken for a day of the next.
  if (Number.isNaN(time) || new Date(`${text.slice(0, 10)}T00:00:00Z`).getUTCDate() !== Number(text.slice(8, 10)))
    throw new MisuseError('usage', `--at ${text}: write it so: 2026-11-28, "2026-11-28 14:05" or 2026-11-28T13:05:00Z`)
  return time
}
