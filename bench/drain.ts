import { join } from 'node:path'
import { runWell } from '../test/peers/run.ts'
import { password } from './corpora.ts'
import type { PreparedCorpus } from './corpora.ts'
import { expectAll, root } from './harness.ts'
import type { Sample } from './harness.ts'

/** Whether all RETRs are sent at once, or each only when the message before has come. */
export type DrainMode = 'pipelined' | 'turns'

/** Reads a user's whole maildrop over one connection, in a process of its own; fails unless every octet came. */
export async function drain(port: number, user: string, corpus: PreparedCorpus, mode: DrainMode): Promise<Sample> {
  const program = join(root, 'bench', 'clients', 'drain.py')
  const words = [program, String(port), user, password, String(corpus.messages), mode]
  const { stdout } = await runWell('python3', words)
  const said = JSON.parse(stdout) as { seconds: number; messages: number; octets: number }
  const got = { count: said.messages, octets: said.octets }
  expectAll(`RETR at port ${port}`, got, { count: corpus.messages, octets: corpus.stuffedOctets })
  return { seconds: said.seconds, count: corpus.messages, octets: corpus.octets }
}
