import { runClient } from './clients.ts'
import { password } from './corpora.ts'
import type { PreparedCorpus } from './corpora.ts'
import { expectAll } from './harness.ts'
import type { Sample } from './harness.ts'

/** Whether many RETRs are on their way at once, or each is sent only when the message before has come. */
export type DrainMode = 'pipelined' | 'turns'

export interface DrainOptions {
  readonly mode: DrainMode
  /** Default: plain. */
  readonly security?: 'plain' | 'tls'
  /** Who reads, each over a connection of its own, all at once. Default: the user of the corpus. */
  readonly users?: readonly string[]
}

/** Reads whole maildrops, each of which holds the corpus, in one process; fails unless every octet came. */
export async function drain(port: number, corpus: PreparedCorpus, options: DrainOptions): Promise<Sample> {
  const { mode, security = 'plain', users = [corpus.user] } = options
  const words = [String(port), security, password, String(corpus.messages), mode, ...users]
  const said = await runClient<{ seconds: number; messages: number; octets: number }>('drain', words)
  const want = { count: corpus.messages * users.length, octets: corpus.stuffedOctets * users.length }
  expectAll(`RETR at port ${port}`, { count: said.messages, octets: said.octets }, want)
  return { seconds: said.seconds, count: said.messages, octets: corpus.octets * users.length }
}
