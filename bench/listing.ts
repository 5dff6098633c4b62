import { runClient } from './clients.ts'
import { password } from './corpora.ts'
import type { Sample } from './harness.ts'

/** `own`: seconds until the log-in was answered. */
export interface ListingSample extends Sample {
  readonly own: number
}

/** One session that logs in and asks STAT, LIST and UIDL, in a process of its own; fails unless all messages are in each. */
export async function listing(port: number, user: string, messages: number): Promise<ListingSample> {
  const said = await runClient<{ seconds: number; login: number; messages: number; listed: number; named: number }>(
    'listing',
    [String(port), user, password],
  )
  const got = [said.messages, said.listed, said.named]
  if (got.some((count) => count !== messages)) {
    throw new Error(`STAT, LIST and UIDL at port ${port} have ${got.join(', ')} messages, not ${messages}`)
  }
  return { seconds: said.seconds, count: messages, octets: 0, own: said.login }
}
