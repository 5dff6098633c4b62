import type { DiskStore } from '../store/disk.ts'
import type { SettleReport } from '../store/settle.ts'
import { octetsText } from './amounts.ts'
import { chooseUsers } from './choose-user.ts'
import type { Context } from './context.ts'
import { describeFailure, type ExitCode, isTemporary } from './failure.ts'
import { interruption } from './interruption.ts'
import { withDirectory, withStore } from './open.ts'
import { singleLine } from './printable.ts'
import { settledWords } from './settled-words.ts'

/** Where there is no bar, a line so often says how far it is (milliseconds). */
const lineInterval = 30_000

/** `postino settle`: each user's mail, also what was written last; a fault of one does not keep the others from being settled. */
export async function settle(context: Context, options: { readonly user?: string }): Promise<ExitCode> {
  const users = await withDirectory(context, async (directory) => chooseUsers(directory, options.user))
  if (users.length === 0) context.notes.note('there is no user yet, so nothing to settle')
  const signal = interruption()
  let code: ExitCode = 0
  await withStore(context, async (store) => {
    for (const user of users) {
      if (signal.aborted) break
      try {
        const started = performance.now()
        const report = await settleOne(context, store, user, signal)
        const seconds = Math.round(performance.now() - started) / 1000
        // It was told to leave off before it came to anything: that is said below.
        if (signal.aborted && report.segments === 0) break
        for (const { path, why } of report.left) {
          context.notes.failure(`postino: ${singleLine(`${path} is left as it was: ${why}`)}`)
          code = 1
        }
        if (context.json) await context.output.json({ user, ...report, seconds })
        else await context.output.line(`${user}: ${settledWords(report)}`)
      } catch (error) {
        if (signal.aborted) break
        context.notes.failure(`postino: the mail of ${user} is not settled: ${describeFailure(error)}`)
        code = isTemporary(error) && code !== 1 ? 75 : 1
      }
    }
  })
  if (!signal.aborted) return code
  context.notes.failure('postino: stopped; what is settled stays so, and `postino settle` goes on from there')
  return 1
}

async function settleOne(context: Context, store: DiskStore, user: string, signal: AbortSignal): Promise<SettleReport> {
  const { notes } = context
  let soFar = `settling the mail of ${user}`
  if (!notes.drawable) notes.note(`${soFar} …`)
  const timer = setInterval(() => notes.drawable || notes.note(soFar), lineInterval)
  try {
    return await store.settle(user, {
      all: true,
      signal,
      onProgress: (octets, of) => {
        const part = of > 0 ? ` ${Math.floor((100 * octets) / of)} %` : ''
        soFar = `settling the mail of ${user}${part}  ${octetsText(octets)} of ${octetsText(of)}`
        notes.bar(soFar)
      },
    })
  } finally {
    clearInterval(timer)
    notes.bar('')
  }
}
