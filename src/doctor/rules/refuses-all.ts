import type { Examination } from '../examination.ts'
import { holds, refused, type Verdict } from '../rule.ts'

/** Holds where the shared session answers each of these commands by -ERR; stops at the first that it does not refuse. */
export async function refusesAll(exam: Examination, commands: readonly string[]): Promise<Verdict> {
  for (const command of commands) {
    const verdict = refused(await (await exam.shared()).ask(command), command)
    if (verdict.result !== 'holds') return verdict
  }
  return holds()
}
