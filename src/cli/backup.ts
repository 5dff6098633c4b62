import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { backUp, type BackupReport } from '../backup/backup.ts'
import { listBackups, type Manifest, readManifest } from '../backup/manifest.ts'
import { mustBeApart, openTarget } from '../backup/open-target.ts'
import { verifyPieces } from '../backup/restore-files.ts'
import { type Retention, sizeOfBackup } from '../backup/retention.ts'
import type { Target } from '../backup/target.ts'
import { MisuseError, StoreError } from '../errors.ts'
import { dateText, durationText, octetsText, plural } from './amounts.ts'
import type { Context } from './context.ts'
import { describeFailure, type ExitCode } from './failure.ts'
import { wholeNumber } from './list.ts'
import { holding } from './locks.ts'
import { singleLine } from './printable.ts'

interface BackupWords {
  readonly list?: boolean
  readonly check?: boolean
  readonly keep?: string
  readonly keepDays?: string
  readonly endpoint?: string
  readonly region?: string
  readonly readBack?: boolean
}

/** `postino backup TARGET` */
export async function backup(context: Context, words: string, options: BackupWords): Promise<ExitCode> {
  const retention = retentionOf(options)
  if (options.list === true && options.check === true)
    throw new MisuseError('usage', '--list only tells and --check reads everything: give one of them')
  const target = await openTarget(words, options)
  if (options.list === true) return await list(context, target)
  if (options.check === true) return await check(context, target)
  if (!existsSync(join(context.data, 'postino.sqlite')) && !existsSync(join(context.data, 'users')))
    throw new MisuseError('usage', `there is nothing in ${context.data} to make a backup of`)
  mustBeApart(context.data, words)
  const started = performance.now()
  const lock = join(context.data, 'locks', 'backup')
  const report = await holding(
    lock,
    'another postino process makes a backup of this data folder',
    async () => {
      await target.make?.()
      return await backUp(context.data, target, { retention, onProgress: drawn(context) })
    },
    { patience: 0 },
  ).finally(() => context.notes.bar(''))
  const seconds = Math.round(performance.now() - started) / 1000
  for (const problem of report.problems) context.notes.failure(`postino: ${singleLine(problem)}`)
  if (context.json)
    await context.output.json({ target: target.place, ...report, time: new Date(report.time).toISOString(), seconds })
  else await context.output.line(singleLine(told(target, report, seconds)))
  return report.problems.length === 0 ? 0 : 1
}

/** Draws how far some work is. */
export function drawn(context: Context): (what: string, octets: number, of: number) => void {
  let last = -Infinity
  return (what, octets, of) => {
    const now = performance.now()
    if (now - last < 100) return
    last = now
    const part = of > 0 ? ` ${Math.floor((100 * octets) / of)} %` : ''
    context.notes.bar(`${singleLine(what)}${part}  ${octetsText(octets)} of ${octetsText(of)}`)
  }
}

function told(
  { place }: Target,
  { backup: number, copied, removed, ...report }: BackupReport,
  seconds: number,
): string {
  const gone = removed.backups.length === 0 ? '' : `; removed ${plural(removed.backups.length, 'old backup')}`
  return (
    `backup ${number} in ${place}: ${plural(report.messages, 'message')} of ${plural(report.users, 'user')}, ${octetsText(report.octets)}; ` +
    `${octetsText(copied.octets)} of it new, in ${durationText(seconds)}${gone}`
  )
}

async function list(context: Context, target: Target): Promise<ExitCode> {
  let code: ExitCode = 0
  const names = await listBackups(target)
  if (names.length === 0) context.notes.note(`there is no backup in ${target.place}`)
  for (const name of names) {
    try {
      const manifest = await readManifest(target, name)
      const { backup: number, time, users, problems } = manifest
      const messages = users.reduce((sum, user) => sum + user.messages, 0)
      const octets = sizeOfBackup(manifest)
      if (context.json)
        await context.output.json({
          backup: number,
          time: new Date(time).toISOString(),
          users: users.length,
          messages,
          octets,
          problems,
        })
      else {
        const faults = problems.length === 0 ? [] : [plural(problems.length, 'problem')]
        const amounts = [plural(users.length, 'user'), plural(messages, 'message'), octetsText(octets), ...faults]
        await context.output.line(`${number}  ${dateText(time)}  ${amounts.join('  ')}`)
      }
    } catch (error) {
      if (!(error instanceof StoreError)) throw error
      context.notes.failure(`postino: backup ${name.backup}: ${describeFailure(error)}`)
      code = 1
    }
  }
  return code
}

/** Reads and verifies all that any backup needs. */
async function check(context: Context, target: Target): Promise<ExitCode> {
  const verified = new Set<string>()
  const draw = drawn(context)
  let code: ExitCode = 0
  const names = await listBackups(target)
  // Whoever has it checked each night must hear that there is nothing.
  if (names.length === 0) throw new StoreError('missing', `there is no backup in ${target.place}`)
  for (const name of names) {
    let manifest: Manifest | undefined
    const problems: string[] = []
    try {
      manifest = await readManifest(target, name)
      const of = sizeOfBackup(manifest)
      let octets = 0
      const advance = (more: number): void => draw(`backup ${name.backup}`, (octets += more), of)
      problems.push(...(await verifyPieces(target, manifest.files, verified, advance)))
    } catch (error) {
      if (!(error instanceof StoreError)) throw error
      problems.push(describeFailure(error))
    } finally {
      context.notes.bar('')
    }
    for (const problem of problems) context.notes.failure(`postino: backup ${name.backup}: ${singleLine(problem)}`)
    if (problems.length > 0) code = 1
    const octets = manifest === undefined ? 0 : sizeOfBackup(manifest)
    if (context.json) await context.output.json({ backup: name.backup, octets, problems })
    else {
      const verdict = problems.length === 0 ? 'all in order' : plural(problems.length, 'problem')
      await context.output.line(`backup ${name.backup}: ${octetsText(octets)}: ${verdict}`)
    }
  }
  return code
}

function retentionOf({ keep, keepDays }: BackupWords): Retention {
  const last = wholeNumber('--keep', keep)
  const days = wholeNumber('--keep-days', keepDays)
  if (last === 0) throw new MisuseError('usage', '--keep 0: at least the newest backup stays')
  return { last, days }
}
