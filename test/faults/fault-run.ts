import assert from 'node:assert/strict'
import type { FetchOptions, FetchReport } from '../../src/doors/fetching.ts'
import { type Fault, leaves, type LeaveName } from './fault.ts'
import { HostileBench, someMail } from './hostile-bench.ts'
import type { Hostility } from './hostility.ts'

const week = 7
const day = 86_400_000
/** Where no time is to run out, and where it must, in another process: nobody can tell that one when it is over. */
const [long, short] = [30_000, 1000]

/** With what staying there a fault is met. */
export function leavesOf({ only = leaves }: Fault): readonly LeaveName[] {
  return only
}

/** A bench with the account, and what was before. */
export async function prepare(fault: Fault, leave: LeaveName, options: { disk?: boolean } = {}): Promise<HostileBench> {
  const mail = fault.mail?.() ?? someMail()
  const fresh = fault.known === true || leave !== 'days' ? 0 : mail.length >> 1
  const bench = await HostileBench.open({ ...options, messages: mail.slice(fresh) })
  Object.assign(bench, fault.account)
  if (leave === 'days' || fault.known === true) {
    // What is fetched now, stays, and is old soon.
    const report = await bench.fetch(fault.manners)
    assert.deepEqual([report.error, report.new], [undefined, mail.length - fresh])
  }
  for (const message of mail.slice(0, fresh).toReversed()) bench.arrive(message, 0)
  if (leave === 'days') bench.ahead = (week + 1) * day
  bench.leave = leave === 'days' ? week : leave
  await fault.before?.(bench)
  return bench
}

/** What a fetch is told where it meets the fault; `apart`: in a process of its own. */
export function meeting({ options, patience, inVain = false }: Fault, apart = false): FetchOptions {
  const silence = apart && inVain ? short : long
  return { ...options, patience: { connect: long, silence, ...patience } }
}

/** What a person sees of a report. */
export function told({ error, problems }: FetchReport): string[] {
  return error === undefined ? [...problems] : [error.message, ...problems]
}

/** What is expected of every fetch from a server with the fault, and of the commands that it sent. */
export async function judge(
  fault: Fault,
  leave: LeaveName,
  bench: HostileBench,
  { report, commands }: { report: FetchReport; commands: readonly string[] },
): Promise<void> {
  const words = told(report)
  const why = `it said: ${words.join(' | ') || 'nothing'}`
  assert.ok((fault.ends ?? [undefined]).includes(report.error?.code), `${report.error?.code} ended it; ${why}`)
  const silent = words.length === 0 && fault.silentWith?.includes(leave) === true
  if (fault.says === undefined) assert.deepEqual(words, [])
  else if (!silent)
    assert.ok(
      words.some((line) => fault.says?.test(line)),
      why,
    )
  for (const line of words) {
    // Words of the server are in it, but no secret, nothing that a terminal would act on, and nothing that was never meant to be read.
    assert.doesNotMatch(line, /secret/)
    assert.doesNotMatch(line, /[^ -~…]|undefined|\[object|NaN/)
    assert.ok(line.length < 1000, line)
  }
  if (fault.home !== undefined)
    assert.ok((await bench.kept()).length >= fault.home, `${(await bench.kept()).length} are home`)
  if (fault.secret === true)
    assert.deepEqual(
      commands.filter((line) => /^(?:USER|PASS|AUTH|APOP)/i.test(line)),
      [],
    )
  if (fault.sent !== undefined)
    assert.ok(bench.server.sent < fault.sent, `the server got rid of ${bench.server.sent} octets`)
}

/** With the server in order again, all comes home. */
export async function expectGoodEnd(fault: Fault, bench: HostileBench, way: Hostility): Promise<void> {
  const manners = fault.stays === true ? way : fault.manners
  // A fault that lies in the mail may be met only now; then it is told now.
  if (fault.before !== undefined) await bench.fetch(manners)
  await bench.expectAllHome({}, manners)
}

/** One fetch from a server that does the fault in this way, and what must be true after it and after the next good one; gives what a person was told. */
export async function runFault(fault: Fault, leave: LeaveName, way: Hostility): Promise<readonly string[]> {
  await using bench = await prepare(fault, leave)
  bench.server.sent = 0
  const before = bench.server.commands().length
  const report = await bench.fetch({ ...fault.manners, ...way }, meeting(fault))
  await judge(fault, leave, bench, { report, commands: bench.server.commands().slice(before) })
  // Those that hang would hold the test up.
  bench.server.hangUp()
  await expectGoodEnd(fault, bench, way)
  if (leave !== 'forever') assert.deepEqual(bench.server.messages, [])
  return told(report)
}
