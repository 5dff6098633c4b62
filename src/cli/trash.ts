import { describe } from '../message/describe.ts'
import { emptyTrash, type Moved, putIntoTrash, restoreFromTrash, type Trashed, trashOf } from '../rules/trash.ts'
import type { UserMail } from '../store/store.ts'
import { count, dateText, plural } from './amounts.ts'
import { confirm } from './ask.ts'
import type { Context } from './context.ts'
import { describeFailure, type ExitCode } from './failure.ts'
import { lookAtHead } from './head.ts'
import { messageIds } from './message-ids.ts'
import { messageLine } from './message-line.ts'
import { withDirectory, withMailThere } from './open.ts'
import { singleLine } from './printable.ts'

const day = 86_400_000

interface UserWords {
  readonly user?: string
}

/** `postino delete ID…` */
export function deleteMessages(context: Context, words: readonly string[], options: UserWords): Promise<ExitCode> {
  const ids = messageIds(words)
  return withMailThere<ExitCode>(context, options.user, 1, async ({ user, mail }) => {
    const moved = await putIntoTrash(mail, ids)
    const days = await trashDays(context, user)
    const stays = `they stay there for ${plural(days, 'day')}; \`postino trash restore\` brings them back`
    return await tell(context, moved, (number) => `put ${plural(number, 'message')} into the trash; ${stays}`)
  })
}

/** `postino trash restore ID…` */
export function restoreTrash(context: Context, words: readonly string[], options: UserWords): Promise<ExitCode> {
  const ids = messageIds(words)
  return withMailThere<ExitCode>(context, options.user, 1, async ({ mail }) => {
    const moved = await restoreFromTrash(mail, ids)
    const places = [...new Set(moved.flatMap(({ to }) => to ?? []))].join(', ')
    return await tell(context, moved, (number) => `brought back ${plural(number, 'message')}, to ${places}`)
  })
}

/** `postino trash list` */
export function listTrash(context: Context, options: UserWords): Promise<ExitCode> {
  return withMailThere<ExitCode>(context, options.user, 0, async ({ user, mail }) => {
    const days = await trashDays(context, user)
    const all = await mail.read(trashOf)
    for (const one of all) {
      const { message, since, from, held } = one
      const goes = since + days * day
      const about = await describedHead(context, mail, one)
      const { id, octets } = message
      if (context.json)
        await context.output.json({
          id,
          mailbox: from,
          trashed: new Date(since).toISOString(),
          goes: held ? null : new Date(goes).toISOString(),
          held,
          octets,
          from: singleLine(about.from),
          subject: singleLine(about.subject),
        })
      else {
        const last = held ? 'held' : `goes ${dateText(goes)}`
        const { date = message.received, from: sender, subject } = about
        const line = messageLine({ id, date, from: sender, subject }, context.output.columns)
        await context.output.line(`${line}${context.output.columns === undefined ? '\t' : '  '}${from}, ${last}`)
      }
      if (context.output.gone) break
    }
    if (!context.json && all.length === 0) context.notes.note(`the trash of ${user} is empty`)
    return 0
  })
}

/** `postino trash empty` */
export function emptyTheTrash(context: Context, options: UserWords & { readonly yes?: boolean }): Promise<ExitCode> {
  return withMailThere<ExitCode>(context, options.user, 0, async ({ user, mail }) => {
    const there = await mail.read((view) => view.trashed(Infinity).length)
    const question = `Remove ${plural(there, 'message')} of ${user} for good?`
    if (there > 0 && options.yes !== true && !(await confirm(context, question))) {
      context.notes.failure('postino: nothing was removed')
      return 1
    }
    const { removed, held } = await emptyTrash(mail)
    if (held > 0)
      context.notes.failure(`postino: ${plural(held, 'message')} stayed in the trash: held, see \`postino hold list\``)
    if (context.json) await context.output.json({ user, removed, held })
    else await context.output.line(`removed ${plural(removed, 'message')} of ${user} for good`)
    return held > 0 ? 1 : 0
  })
}

const reasons: Readonly<Record<NonNullable<Moved['why']>, string>> = {
  'no such message': 'there is no such message',
  held: 'a legal hold is on it: it stays where it is',
  'in the trash already': 'it is in the trash already',
  'not in the trash': 'it is not in the trash',
}

/** Each that could not be moved is a line on stderr. */
async function tell(context: Context, moved: readonly Moved[], words: (number: number) => string): Promise<ExitCode> {
  const done = moved.filter(({ to }) => to !== undefined)
  for (const { id, why } of moved)
    if (why !== undefined) context.notes.failure(`postino: message ${id}: ${reasons[why]}`)
  if (context.json) for (const one of moved) await context.output.json({ ...one, to: one.to ?? null })
  else if (done.length > 0) await context.output.line(words(done.length))
  return done.length === moved.length ? 0 : 1
}

function trashDays(context: Context, user: string): Promise<number> {
  return withDirectory(context, async (directory) => directory.settings(user).trashDays)
}

async function describedHead(
  context: Context,
  mail: UserMail,
  { message: { id } }: Trashed,
): Promise<ReturnType<typeof describe>> {
  let about = describe(new Uint8Array())
  try {
    const waiting = lookAtHead(mail, id, (head) => (about = describe(head)))
    if (waiting !== undefined) await waiting
  } catch (error) {
    context.notes.failure(`postino: message ${count(id)}: ${describeFailure(error)}`)
  }
  return about
}
