import { resolve } from 'node:path'
import { exportMail } from '../doors/export.ts'
import { MisuseError } from '../errors.ts'
import { durationText, octetsText, plural } from './amounts.ts'
import type { Context } from './context.ts'
import type { ExitCode } from './failure.ts'
import { withMailThere } from './open.ts'
import { singleLine } from './printable.ts'
import { Progress } from './progress.ts'

const formats = ['maildir', 'mbox', 'eml'] as const

/** `postino export DIR` */
export function exportTo(
  context: Context,
  folder: string,
  options: { readonly user?: string; readonly format: string; readonly mailbox?: string },
): Promise<ExitCode> {
  const format = formats.find((one) => one === options.format)
  if (format === undefined)
    throw new MisuseError('usage', `--format ${options.format}: give one of ${formats.join(', ')}`)
  return withMailThere<ExitCode>(context, options.user, 0, async ({ user, mail }) => {
    const started = performance.now()
    const progress = new Progress(context.notes, `exporting the mail of ${user}`)
    const report = await exportMail(mail, resolve(folder), {
      format,
      ...(options.mailbox === undefined ? {} : { mailbox: options.mailbox }),
      onProgress: ({ messages, of, octets }) => progress.update({ messages, ofMessages: of, octets }),
    }).finally(() => progress.end())
    const seconds = (performance.now() - started) / 1000
    for (const { id, why } of report.damaged)
      context.notes.failure(`postino: message ${id} of ${user} was not exported: ${singleLine(why)}`)
    if (context.json) await context.output.json({ user, ...report, seconds: Math.round(seconds * 1000) / 1000 })
    else {
      const damaged = report.damaged.length === 0 ? '' : `, ${plural(report.damaged.length, 'damaged message')} skipped`
      const amount = `${octetsText(report.octets)} in ${durationText(seconds)}`
      await context.output.line(
        singleLine(`exported ${plural(report.messages, 'message')} to ${folder}${damaged}; ${amount}`),
      )
    }
    return report.damaged.length === 0 ? 0 : 1
  })
}
