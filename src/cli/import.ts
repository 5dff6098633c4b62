import { importMail } from '../doors/import.ts'
import { durationText, octetsText, plural } from './amounts.ts'
import type { Context } from './context.ts'
import type { ExitCode } from './failure.ts'
import { withMail } from './open.ts'
import { printable, singleLine } from './printable.ts'
import { Progress } from './progress.ts'

/** `postino import PATH…` */
export function importPaths(
  context: Context,
  paths: readonly string[],
  options: { readonly user?: string; readonly mailbox: string },
): Promise<ExitCode> {
  return withMail(context, options.user, async ({ user, mail }) => {
    const started = performance.now()
    const progress = new Progress(context.notes, `importing for ${user}`)
    const report = await importMail(mail, paths, {
      mailbox: options.mailbox,
      stdin: process.stdin,
      onProgress: (amount) => progress.update(amount),
    }).finally(() => progress.end())
    const seconds = (performance.now() - started) / 1000
    for (const { path, why } of report.failed)
      context.notes.failure(`postino: ${singleLine(path)} was not imported: ${singleLine(why)}`)
    const { failed, ...counts } = report
    if (context.json) await context.output.json({ user, ...counts, failed, seconds: rounded(seconds) })
    else {
      const known = report.known === 0 ? '' : `, ${plural(report.known, 'message')} already here`
      const faults = failed.length === 0 ? '' : `, ${plural(failed.length, 'path')} failed`
      const amount = `${octetsText(report.octets)} in ${durationText(seconds)}`
      await context.output.line(
        printable(`imported ${plural(report.new, 'message')} for ${user}${known}${faults}; ${amount}`),
      )
    }
    return failed.length === 0 ? 0 : 1
  })
}

/** To a thousandth. */
export function rounded(seconds: number): number {
  return Math.round(seconds * 1000) / 1000
}
