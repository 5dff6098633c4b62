import type { Work } from './harness.ts'
import { check } from './works/check.ts'
import { fetchDelayed } from './works/fetch-delayed.ts'
import { fetchImap } from './works/fetch-imap.ts'
import { fetchNothing } from './works/fetch-nothing.ts'
import { fetchProcessor } from './works/fetch-processor.ts'
import { fetchRealistic } from './works/fetch-realistic.ts'
import { fetchSmall } from './works/fetch-small.ts'
import { fetchTwenty } from './works/fetch-twenty.ts'
import { importing } from './works/import.ts'
import { index } from './works/index.ts'
import { memory } from './works/memory.ts'
import { millionMail } from './works/million-mail.ts'
import { search } from './works/search.ts'
import { searchMixed } from './works/search-mixed.ts'
import { serveIdle } from './works/serve-idle.ts'
import { serveListing } from './works/serve-listing.ts'
import { serveMillion } from './works/serve-million.ts'
import { serveRetr } from './works/serve-retr.ts'
import { serveSessions } from './works/serve-sessions.ts'
import { settleRetr } from './works/settle-retr.ts'
import { settle } from './works/settle.ts'

/** Every work, in the order in which it is run and reported. */
export const works: readonly Work[] = [
  fetchRealistic,
  fetchSmall,
  fetchDelayed,
  fetchTwenty,
  fetchNothing,
  fetchProcessor,
  fetchImap,
  serveRetr,
  serveSessions,
  serveListing,
  serveMillion,
  serveIdle,
  memory,
  settle,
  settleRetr,
  importing,
  index,
  search,
  searchMixed,
  millionMail,
  check,
]
