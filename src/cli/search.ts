import { type Hit, SearchIndex } from '../search/index-file.ts'
import { count, plural } from './amounts.ts'
import type { Context } from './context.ts'
import type { ExitCode } from './failure.ts'
import { wholeNumber } from './list.ts'
import { messageLine } from './message-line.ts'
import { withMailThere } from './open.ts'
import { singleLine, wrap } from './printable.ts'

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
      tellRemade(context, index)
      await catchUp(context, index)
      const started = performance.now()
      const hits = await index.search(words.join(' '), { limit: limit + 1 })
      const milliseconds = performance.now() - started
      tellRemade(context, index)
      for (const hit of hits.slice(0, limit)) {
        const full = context.json
          ? context.output.json(shown(hit))
          : context.output.line(line(hit, context.output.columns))
        if (full !== undefined) await full
      }
      await context.output.flush()
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

/** Why it takes longer than usual, and what it was that went wrong. */
function tellRemade(context: Context, index: SearchIndex): void {
  if (index.remade !== undefined) context.notes.note(`note: the search index was made anew: ${index.remade}`)
  index.remade = undefined
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

/** Before each line of a snippet, so that the ids stand out. */
const indent = ' '.repeat(8)

function line(hit: Hit, columns: number | undefined): string {
  const head = messageLine(hit, columns)
  const snippet = singleLine(hit.snippet)
  if (columns === undefined) return `${head}\t${snippet}`
  return [head, ...wrap(snippet, columns - indent.length - 1).map((part) => indent + part)].join('\n')
}
