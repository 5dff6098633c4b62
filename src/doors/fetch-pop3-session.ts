import { setImmediate as nextTurn } from 'node:timers/promises'
import type { UserMail } from '../store/store.ts'
import type { Tally } from './fetch-pop3-retrieval.ts'
import type { FetchOptions, Remote } from './fetching.ts'
import type { Pop3Connection } from './pop3-connection.ts'

/** What a fetch by POP3 counts and tells. */
export interface FetchTally extends Tally {
  skipped: number
  waiting: number
  deleted: number
  leastWait?: number
  withoutPlus?: boolean
  noRoom?: string
}

/** What one fetch is about. */
export interface Session {
  readonly remote: Remote
  readonly mail: UserMail
  readonly options: FetchOptions
  readonly tally: FetchTally
}

/** Nothing hangs on the answer; it is enough that the command is on its way. */
export async function goodbye(connection: Pop3Connection): Promise<void> {
  connection.ask({ verb: 'QUIT' }).catch(() => undefined)
  await nextTurn()
}
