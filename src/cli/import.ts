import { readFileSync } from 'node:fs'
import { checkUidlFormat } from '../doors/dovecot-uidlist.ts'
import { whyUnreadable } from '../doors/import-sources.ts'
import { UniqueIdList } from '../doors/import-unique-ids.ts'
import { importMail } from '../doors/import.ts'
import { MisuseError } from '../errors.ts'
import { durationText, octetsText, plural } from './amounts.ts'
import type { Context } from './context.ts'
import type { ExitCode } from './failure.ts'
import { withMail } from './open.ts'
import { printable, singleLine } from './printable.ts'
import { Progress } from './progress.ts'

interface ImportWords {
  readonly user?: string
  readonly mailbox: string
  readonly uniqueIds?: string
  readonly uidlFormat?: string
  readonly xUidl?: boolean
}

/** `postino import PATH…` */
export function importPaths(context: Context, paths: readonly string[], options: ImportWords): Promise<ExitCode> {
  if (options.uidlFormat !== undefined) checkUidlFormat(options.uidlFormat)
  const list = options.uniqueIds === undefined ? undefined : uniqueIdList(options.uniqueIds)
  return withMail(context, options.user, async ({ user, mail }) => {
    const started = performance.now()
    const progress = new Progress(context.notes, `importing for ${user}`)
    const report = await importMail(mail, paths, {
      mailbox: options.mailbox,
      stdin: process.stdin,
      uidlFormat: options.uidlFormat,
      uniqueIds: { list, xUidl: options.xUidl },
      onProgress: (amount) => progress.update(amount),
    }).finally(() => progress.end())
    const seconds = (performance.now() - started) / 1000
    for (const { path, why } of report.failed)
      context.notes.failure(`postino: ${singleLine(path)} was not imported: ${singleLine(why)}`)
    const { failed, uniqueIds, ...counts } = report
    if (uniqueIds !== undefined && uniqueIds.refused > 0)
      context.notes.note(
        `${plural(uniqueIds.refused, 'message')} got a new unique-id: another message has the one from the earlier server`,
      )
    if (list !== undefined && list.left > 0)
      context.notes.note(`${plural(list.left, 'unique-id')} of ${options.uniqueIds} fit no message that was imported`)
    if (context.json)
      await context.output.json({ user, ...counts, failed, ...(uniqueIds && { uniqueIds }), seconds: rounded(seconds) })
    else {
      const known = report.known === 0 ? '' : `, ${plural(report.known, 'message')} already here`
      const faults = failed.length === 0 ? '' : `, ${plural(failed.length, 'path')} failed`
      const named = uniqueIds === undefined ? '' : `, ${plural(uniqueIds.kept, 'unique-id')} taken over`
      const amount = `${octetsText(report.octets)} in ${durationText(seconds)}`
      await context.output.line(
        printable(`imported ${plural(report.new, 'message')} for ${user}${named}${known}${faults}; ${amount}`),
      )
    }
    return failed.length === 0 ? 0 : 1
  })
}

function uniqueIdList(path: string): UniqueIdList {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    throw new MisuseError('usage', `${path} cannot be read: ${whyUnreadable(error)}`)
  }
  return new UniqueIdList(text, path)
}

/** To a thousandth. */
function rounded(seconds: number): number {
  return Math.round(seconds * 1000) / 1000
}
