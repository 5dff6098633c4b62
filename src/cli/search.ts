import { MisuseError } from '../errors.ts'
import { type Hit, SearchIndex, type ThreadMember } from '../search/index-file.ts'
import type { Order } from '../search/to-sql.ts'
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

const orders: ReadonlyMap<string, Order> = new Map([
  ['date', 'newest'],
  ['oldest', 'oldest'],
  ['relevance', 'relevance'],
])

/** What is left out where there is more than was asked for. */
const firstOnes: Readonly<Record<Order, string>> = {
  newest: 'the newest',
  oldest: 'the oldest',
  relevance: 'the most relevant',
}

interface Options {
  readonly user?: string
  readonly limit?: string
  readonly sort?: string
  readonly thread?: boolean
}

/** `postino search QUERY` */
export function search(context: Context, words: readonly string[], options: Options): Promise<ExitCode> {
  const limit = wholeNumber('--limit', options.limit) ?? enough
  const order = orderOf(options.sort)
  // No option stands here that is known, so it was meant as one; a single minus is the query's.
  const unknown = words.find((word) => /^--\w/.test(word))
  if (unknown !== undefined)
    throw new MisuseError('usage', `unknown option '${unknown}'; \`postino search --help\` lists what there is`)
  const query = words.join(' ')
  return withMailThere<ExitCode>(context, options.user, 0, async ({ user, mail, store }) => {
    const index = SearchIndex.open(store.userFolder(user), mail)
    try {
      tellRemade(context, index)
      await catchUp(context, index)
      const started = performance.now()
      const asked = { limit: limit + 1, order }
      const found =
        options.thread === true
          ? await index.threads(query, asked)
          : (await index.search(query, asked)).map((hit) => [hit])
      const milliseconds = performance.now() - started
      tellRemade(context, index)
      const threads = found.slice(0, limit)
      for (const [place, messages] of threads.entries()) {
        for (const message of messages) {
          const full = context.json
            ? context.output.json(shown(message, messages[0]?.id))
            : context.output.line(line(message, messages[0]?.id, context.output.columns))
          if (full !== undefined) await full
        }
        const onScreen = !context.json && context.output.columns !== undefined
        const parted = options.thread === true && onScreen && place < threads.length - 1
        const full = parted ? context.output.line('') : undefined
        if (full !== undefined) await full
        if (context.output.gone) break
      }
      await context.output.flush()
      const more = found.length > limit ? ` (${firstOnes[order]}; --limit gives more)` : ''
      const what = plural(threads.length, options.thread === true ? 'thread' : 'message')
      context.notes.note(`${what} found in ${milliseconds.toFixed(1)} ms${more}`)
      return 0
    } finally {
      index.close()
    }
  })
}

function orderOf(text: string | undefined): Order {
  const order = text === undefined ? 'newest' : orders.get(text)
  if (order === undefined) throw new MisuseError('usage', `--sort ${text}: write date, oldest or relevance`)
  return order
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
    backwards: true,
    onProgress: ({ messages, of }) => {
      if (behind > many) context.notes.bar(`indexing  ${count(messages)} of ${plural(of, 'message')}`)
    },
  })
  context.notes.bar('')
  for (const { id, why } of index.problems().slice(0, 10)) {
    context.notes.note(singleLine(`note: message ${id} could not be read, so that its text is not found: ${why}`))
  }
}

function shown(message: Hit | ThreadMember, thread: number | undefined): object {
  const { id, date, received, from, subject, snippet } = message
  const texts = {
    from: singleLine(from),
    subject: singleLine(subject),
    snippet: snippet === undefined ? null : singleLine(snippet),
  }
  const place = 'depth' in message ? { thread, depth: message.depth } : {}
  return { id, ...place, received: new Date(received).toISOString(), date: new Date(date).toISOString(), ...texts }
}

/** Before each line of a snippet, so that the ids stand out. */
const indent = ' '.repeat(8)

/** Answers are shown so far to the right, at most. */
const deepest = 10

function line(message: Hit | ThreadMember, thread: number | undefined, columns: number | undefined): string {
  const depth = 'depth' in message ? message.depth : 0
  const stairs = ' '.repeat(2 * Math.min(depth, deepest))
  const head = messageLine(message, columns, stairs)
  const snippet = message.snippet === undefined ? undefined : singleLine(message.snippet)
  if (columns === undefined) {
    const place = 'depth' in message ? `\t${thread}\t${depth}` : ''
    return `${head}\t${snippet ?? ''}${place}`
  }
  const lines = snippet === undefined ? [] : wrap(snippet, columns - indent.length - 1).map((part) => indent + part)
  return [head, ...lines].join('\n')
}
