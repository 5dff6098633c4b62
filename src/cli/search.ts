import type { MessageId } from '../ids.ts'
import { SearchIndex } from '../search/index-file.ts'
import { count, dateText, plural } from './amounts.ts'
import type { Context } from './context.ts'
import type { ExitCode } from './failure.ts'
import { wholeNumber } from './list.ts'
import { withMailThere } from './open.ts'
import { singleLine } from './printable.ts'

/** With more messages to index than this, one wants to know why it takes a moment. */
const many = 500

/** `postino search QUERY` */
export function search(
  context: Context,
  words: readonly string[],
  options: { readonly user?: string; readonly limit?: string },
): Promise<ExitCode> {
  const limit = wholeNumber('--limit', options.limit)
  return withMailThere<ExitCode>(context, options.user, 0, async ({ user, mail, store }): Promise<ExitCode> => {
    const index = SearchIndex.open(store.userFolder(user), mail)
    try {
      await catchUp(context, index)
      const started = performance.now()
      const hits = await index.search(words.join(' '), limit === undefined ? {} : { limit })
      const milliseconds = performance.now() - started
      for (const { id, received, from, subject, snippet } of hits) {
        const texts = { from: singleLine(from), subject: singleLine(subject), snippet: singleLine(snippet) }
        if (context.json) await context.output.json({ id, date: new Date(received).toISOString(), ...texts })
        else await context.output.line(line(id, received, texts))
      }
      context.notes.note(`${plural(hits.length, 'message')} found in ${milliseconds.toFixed(1)} ms`)
      return 0
    } finally {
      index.close()
    }
  })
}

/** Searching never misses what is here already. */
async function catchUp(context: Context, index: SearchIndex): Promise<void> {
  const behind = await index.behind()
  if (behind === 0) return
  if (behind > many) context.notes.note(`indexing ${plural(behind, 'new message')} first …`)
  await index.catchUp({
    onProgress: (done) => {
      if (behind > many) context.notes.bar(`indexing  ${count(done)} of ${plural(behind, 'message')}`)
    },
  })
  context.notes.bar('')
}

function line(
  id: MessageId,
  received: number,
  { from, subject, snippet }: { from: string; subject: string; snippet: string },
): string {
  if (!process.stdout.isTTY) return [id, dateText(received), from, subject, snippet].join('\t')
  return `${String(id).padStart(6)}  ${dateText(received)}  ${from}  ${subject}\n        ${snippet}`
}
