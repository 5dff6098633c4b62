import { type Hit, SearchIndex } from '../search/index-file.ts'
import { count, dateText, plural } from './amounts.ts'
import type { Context } from './context.ts'
import type { ExitCode } from './failure.ts'
import { wholeNumber } from './list.ts'
import { withMailThere } from './open.ts'
import { singleLine } from './printable.ts'

/** With more messages to index than this, one wants to know why it takes a moment. */
const many = 500

/** So many are shown where `--limit` does not say. */
const enough = 100

/** `postino search QUERY`: the newest first. */
export function search(
  context: Context,
  words: readonly string[],
  options: { readonly user?: string; readonly limit?: string },
): Promise<ExitCode> {
  const limit = wholeNumber('--limit', options.limit) ?? enough
  return withMailThere<ExitCode>(context, options.user, 0, async ({ user, mail, store }) => {
    const index = SearchIndex.open(store.userFolder(user), mail)
    try {
      await catchUp(context, index)
      const started = performance.now()
      const hits = await index.search(words.join(' '), { limit: limit + 1 })
      const milliseconds = performance.now() - started
      for (const hit of hits.slice(0, limit)) {
        const full = context.json ? context.output.json(shown(hit)) : context.output.line(line(hit))
        if (full !== undefined) await full
      }
      const more = hits.length > limit ? ` (the newest; --limit gives more)` : ''
      context.notes.note(
        `${plural(Math.min(hits.length, limit), 'message')} found in ${milliseconds.toFixed(1)} ms${more}`,
      )
      return 0
    } finally {
      index.close()
    }
  })
}

/** Searching never misses what is here already. */
async function catchUp(context: Context, index: SearchIndex): Promise<void> {
  const behind = await index.behind()
  if (behind > many) context.notes.note(`indexing ${plural(behind, 'new message')} first …`)
  await index.catchUp({
    onProgress: ({ messages, of }) => {
      if (behind > many) context.notes.bar(`indexing  ${count(messages)} of ${plural(of, 'message')}`)
    },
  })
  context.notes.bar('')
  for (const { id, why } of index.problems().slice(0, 10)) {
    context.notes.note(singleLine(`note: message ${id} could not be read, so that its text is not found: ${why}`))
  }
}

function shown({ id, date, received, from, subject, snippet }: Hit): object {
  const texts = { from: singleLine(from), subject: singleLine(subject), snippet: singleLine(snippet) }
  return { id, received: new Date(received).toISOString(), date: new Date(date).toISOString(), ...texts }
}

function line(hit: Hit): string {
  const [from, subject, snippet] = [singleLine(hit.from), singleLine(hit.subject), singleLine(hit.snippet)]
  if (!process.stdout.isTTY) return [hit.id, dateText(hit.date), from, subject, snippet].join('\t')
  return `${String(hit.id).padStart(6)}  ${dateText(hit.date)}  ${from}  ${subject}\n        ${snippet}`
}
