import type { StoredRule } from '../accounts/retention-rule.ts'
import type { MessageId } from '../ids.ts'
import type { Message, UserMail, View } from '../store/store.ts'
import { namesInLedger } from './account-names.ts'
import { changeEach, messagesWhere } from './in-pages.ts'

const day = 86_400_000

/** What a rule does, or would do, with one message. */
export interface RetentionStep {
  readonly id: MessageId
  /** The name of the mailbox that it is in before. */
  readonly mailbox: string
  /** Milliseconds since 1970. */
  readonly received: number
  readonly octets: number
  /** `held`: a rule fits, but a legal hold is on it. */
  readonly what: 'trash' | 'remove' | 'held'
  /** The number of the rule. */
  readonly rule: number
  /** For a person. */
  readonly why: string
}

export interface RetentionReport {
  readonly trashed: number
  readonly removed: number
  readonly held: number
  /** Rules that were not asked, for they go by age, and the clock is not to be believed. */
  readonly waiting: readonly StoredRule[]
}

export interface RetentionOptions {
  /** Milliseconds since 1970. */
  readonly now: number
  /** Whether the clock can be believed: see `witness`. Where it cannot, nothing goes for its age. */
  readonly clockSteady: boolean
  /** Only says what would be done. */
  readonly dryRun?: boolean | undefined
  readonly onStep?: (step: RetentionStep) => Promise<void> | void
  readonly signal?: AbortSignal | undefined
}

/**
 * Applies rules to one user's mail: of those that fit a message the first counts. What is in the trash already stays there for its days.
 * Each thousand messages are one transaction, so whoever is killed has done whole ones, and the next run does the rest.
 */
export async function applyRetention(
  mail: UserMail,
  rules: readonly StoredRule[],
  options: RetentionOptions,
): Promise<RetentionReport> {
  const { clockSteady, dryRun, onStep, signal } = options
  const waiting = clockSteady ? [] : rules.filter(({ rule }) => rule.olderThan !== undefined)
  const asked = rules.filter((rule) => !waiting.includes(rule))
  const counts = { trash: 0, remove: 0, held: 0 }
  if (asked.length > 0) {
    const fits = await mail.read((view) => matcher(asked, view, options.now))
    for await (const page of messagesWhere(mail, (message, view) => fits(message, view) !== undefined)) {
      if (signal?.aborted === true) break
      const ids = page.map(({ id }) => id)
      const steps =
        dryRun === true
          ? await mail.read((view) => page.flatMap((message) => fits(message, view) ?? []))
          : await changeEach(mail, ids, (draft, message) => {
              // Asked again, for somebody may have flagged it, or moved it, meanwhile.
              const step = fits(message, draft.view)
              if (step?.what === 'trash') draft.trash(message.id)
              if (step?.what === 'remove') draft.remove(message.id)
              return step
            })
      for (const step of steps) {
        if (step === undefined) continue
        counts[step.what]++
        const telling = onStep?.(step)
        if (telling !== undefined) await telling
      }
    }
  }
  return { trashed: counts.trash, removed: counts.remove, held: counts.held, waiting }
}

/** Whether a number is in a column that is in order. */
function has(column: Float64Array | undefined, wanted: number): boolean {
  let [from, to] = [0, column?.length ?? 0]
  while (from < to) {
    const middle = (from + to) >>> 1
    if ((column?.[middle] ?? 0) < wanted) from = middle + 1
    else to = middle
  }
  return column?.[from] === wanted
}

type Matcher = (message: Message, view: View) => RetentionStep | undefined

function matcher(rules: readonly StoredRule[], view: View, now: number): Matcher {
  const names = new Map(view.mailboxes().map(({ id, name }) => [id, name]))
  const came = new Map<string, Float64Array>()
  for (const { rule } of rules) {
    const { account } = rule
    if (account !== undefined && !came.has(account)) came.set(account, view.cameBy(namesInLedger(account)))
  }
  return (message, current) => {
    const { id, received, octets, flags, trashed } = message
    if (trashed !== undefined) return undefined
    const mailbox = names.get(message.mailbox)
    // A mailbox that was made since is looked at in the next run.
    if (mailbox === undefined) return undefined
    for (const { id: number, rule } of rules) {
      const { olderThan, largerThan, mailbox: wanted, below, account, evenFlagged } = rule
      if (olderThan !== undefined && now - received <= olderThan * day) continue
      if (largerThan !== undefined && octets <= largerThan) continue
      const inside = wanted === undefined || mailbox === wanted || (below === true && mailbox.startsWith(`${wanted}/`))
      if (!inside) continue
      if (account !== undefined && !has(came.get(account), id)) continue
      if (evenFlagged !== true && flags.includes('\\Flagged')) continue
      const why = [
        ...(olderThan === undefined ? [] : [`it was received ${Math.floor((now - received) / day)} days ago`]),
        ...(largerThan === undefined ? [] : [`it has ${octets} octets`]),
      ].join(', and ')
      const step = { id, mailbox, received, octets, rule: number }
      const [hold] = current.holdsOn(id)
      if (hold === undefined) return { ...step, what: rule.what, why: `rule ${number}: ${why}` }
      return { ...step, what: 'held', why: `rule ${number}: ${why}; but the hold ${hold.id} is on it (${hold.why})` }
    }
    return undefined
  }
}
