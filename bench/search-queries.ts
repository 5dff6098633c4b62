import type { Order } from '../src/search/to-sql.ts'
import { wordOf } from './search-corpus.ts'

/** One of the mixed queries; `notmuch`: the same in its language, where it can be said there. */
export interface MixedQuery {
  readonly postino: string
  readonly notmuch: string | undefined
  readonly order?: Order
}

/** A capital: notmuch then looks for the word itself, not for its stem. */
function whole(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1)
}

function both(postino: string, notmuch: string = postino, order?: Order): MixedQuery {
  return { postino, notmuch, ...(order && { order }) }
}

function ours(postino: string, order?: Order): MixedQuery {
  return { postino, notmuch: undefined, ...(order && { order }) }
}

/** Words of every frequency: `w(0)` is in nearly every message, `w(39_000)` in a few. */
const w = wordOf
const one = (rank: number, order?: Order): MixedQuery => both(w(rank), whole(w(rank)), order)

/** Fifty queries as people make them, rare words and frequent ones, and every operator. */
export const mixedQueries: readonly MixedQuery[] = [
  ...[4, 30, 200, 900, 3_000, 9_000, 15_000, 22_000, 31_000, 39_000].map((rank) => one(rank)),
  both('nientedelgenere', 'Nientedelgenere'),
  both(`${w(40)} ${w(120)}`, `${whole(w(40))} ${whole(w(120))}`),
  both(`${w(3)} ${w(5_000)}`, `${whole(w(3))} ${whole(w(5_000))}`),
  both(`${w(400)} ${w(700)} ${w(15)}`, `${whole(w(400))} ${whole(w(700))} ${whole(w(15))}`),
  both(`${w(2_000)} ${w(2_500)}`, `${whole(w(2_000))} ${whole(w(2_500))}`),
  both(`"${w(1)} ${w(3)}"`),
  both(`"${w(12)} ${w(80)}"`),
  both(`"${w(3)} ${w(1)} ${w(4)}"`),
  both(`${w(9_500).slice(0, 5)}*`),
  both(`${w(20_000).slice(0, 6)}*`),
  both('fattur*'),
  both('from:anna', 'from:Anna'),
  both('from:rossi fattura', 'from:Rossi Fattura'),
  both('to:mario', 'to:Mario'),
  both(`subject:${w(25)}`, `subject:${whole(w(25))}`),
  both(`subject:${w(1_500)}`, `subject:${whole(w(1_500))}`),
  both('after:2020 before:2021', 'date:2020-01-01..2020-12-31'),
  both(`${w(10)} after:2024-06-01`, `${whole(w(10))} date:2024-06-01..`),
  both(`${w(300)} before:2018`, `${whole(w(300))} date:..2017-12-31`),
  both('has:attachment', 'tag:attachment'),
  both(`has:attachment ${w(50)}`, `tag:attachment ${whole(w(50))}`),
  both('filename:fattura', 'attachment:Fattura'),
  ours('filename:foto* larger:2k'),
  both('is:unread', 'tag:unread'),
  both(`is:unread ${w(20)}`, `tag:unread ${whole(w(20))}`),
  both('is:flagged', 'tag:flagged'),
  both('is:flagged is:unread -is:answered', 'tag:flagged tag:unread NOT tag:replied'),
  both('is:draft', 'tag:draft'),
  ours('larger:4k'),
  ours(`smaller:1k ${w(60)}`),
  ours('list:lista7'),
  ours(`list:numero12 ${w(35)}`),
  both(`${w(6_000)} OR ${w(7_000)}`, `${whole(w(6_000))} OR ${whole(w(7_000))}`),
  both(`${w(5)} -${w(6)}`, `${whole(w(5))} NOT ${whole(w(6))}`),
  both(`-${w(2)} is:flagged`, `tag:flagged NOT ${whole(w(2))}`),
  both(
    `(${w(800)} OR ${w(1_200)}) -(from:anna OR to:mario) after:2022`,
    `(${whole(w(800))} OR ${whole(w(1_200))}) NOT (from:Anna OR to:Mario) date:2022-01-01..`,
  ),
  ours('新幹線 OR 会議'),
  one(3_500, 'relevance'),
  both(`${w(500)} ${w(2_200)}`, `${whole(w(500))} ${whole(w(2_200))}`, 'relevance'),
  both(`fattura OR bolletta OR bonifico`, 'Fattura OR Bolletta OR Bonifico', 'relevance'),
]
