import type { Planned } from '../doors/fetching.ts'
import { count, durationText, octetsText } from './amounts.ts'
import type { Context } from './context.ts'
import type { Outcome } from './fetch-outcome.ts'
import { singleLine } from './printable.ts'

/** One line for an account that is done, and one for each thing that went wrong. */
export async function tellOutcome(context: Context, outcome: Outcome): Promise<void> {
  const { address, report, fault, handOn = [] } = outcome
  const { problems, plan, passedOver = [], ...counts } = report
  for (const problem of problems) context.notes.failure(`postino: ${address}: ${singleLine(problem)}`)
  if (fault !== undefined) context.notes.failure(`postino: ${address}: ${fault.text}`)
  for (const place of handOn) {
    for (const problem of place.problems) context.notes.failure(`postino: ${address}: ${singleLine(problem)}`)
    if (place.fault !== undefined) context.notes.failure(`postino: ${address}: ${place.fault.text}`)
  }
  const seen = counts.new + counts.skipped + counts.failed + counts.waiting
  if (fault === undefined && seen === 0 && passedOver.length > 0)
    context.notes.note(
      singleLine(`${address}: no mail in what is fetched; these mailboxes are passed over: ${passedOver.join(', ')}`),
    )
  if (context.json) await context.output.json(jsonOf(outcome))
  else if (plan !== undefined)
    for (const line of planLines(address, plan, counts.skipped)) await context.output.words(line)
  else if (fault === undefined || counts.new > 0 || counts.deleted > 0) {
    const words = [`${count(counts.new)} new`]
    // Of a session that ended early, nobody knows how many.
    if (fault === undefined) words.push(`${count(counts.skipped)} already here`)
    if (counts.failed > 0) words.push(`${count(counts.failed)} failed`)
    if (counts.waiting > 0)
      words.push(`${count(counts.waiting)} ${counts.waiting === 1 ? 'waits' : 'wait'} at the server`)
    if (counts.deleted > 0) words.push(`${count(counts.deleted)} deleted at the server`)
    const amount = counts.octets === 0 ? '' : `; ${octetsText(counts.octets)}`
    await context.output.words(`${address}: ${words.join(', ')}${amount} in ${durationText(counts.seconds)}`)
  }
  if (!context.json)
    for (const { target, handed, refused, waiting } of handOn)
      if (handed + refused + waiting > 0)
        await context.output.words(`${address}: ${handOnWords({ handed, refused, waiting })} ${singleLine(target)}`)
  await context.output.flush()
}

function handOnWords({ handed, refused, waiting }: { handed: number; refused: number; waiting: number }): string {
  const words = [`${count(handed)} handed on`]
  if (refused > 0) words.push(`${count(refused)} not taken`)
  if (waiting > 0) words.push(`${count(waiting)} waiting`)
  return `${words.join(', ')}:`
}

function jsonOf({ address, report, fault, handOn }: Outcome): object {
  const { new: fetched, skipped, failed, waiting, deleted, octets, problems, plan, passedOver = [] } = report
  return {
    account: address,
    new: fetched,
    skipped,
    failed,
    ...(waiting > 0 && { waiting }),
    deleted,
    octets,
    seconds: Math.round(report.seconds * 1000) / 1000,
    ...(plan !== undefined && { plan }),
    ...(passedOver.length > 0 && { passedOver }),
    ...(fault !== undefined && { error: fault.text }),
    ...(problems.length > 0 && { problems }),
    ...(handOn !== undefined && {
      handOn: handOn.map(({ fault: why, ...place }) => ({ ...place, ...(why && { error: why.text }) })),
    }),
  }
}

const verbs: Readonly<Record<Planned['what'], string>> = {
  fetch: 'would be fetched',
  header: 'only its header would be fetched',
  wait: 'would wait',
  delete: 'would be deleted at the server',
}

function planLines(address: string, plan: readonly Planned[], skipped: number): string[] {
  const lines = plan.map(({ uniqueId, octets, what, why }) => {
    const name = uniqueId === '' ? 'a message without unique-id' : singleLine(uniqueId)
    return `${address}: ${name}${octets === undefined ? '' : ` (${octetsText(octets)})`} ${verbs[what]}: ${singleLine(why)}`
  })
  const of = (what: Planned['what']): number => plan.filter((one) => one.what === what).length
  const sum = [
    `${count(of('fetch'))} to fetch`,
    ...(of('header') > 0 ? [`${count(of('header'))} of which only the header`] : []),
    `${count(of('delete'))} to delete`,
    ...(of('wait') > 0 ? [`${count(of('wait'))} to wait`] : []),
    `${count(skipped)} already here`,
  ]
  return [...lines, `${address}: ${sum.join(', ')}; nothing was done`]
}
