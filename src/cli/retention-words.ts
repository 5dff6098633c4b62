import type { RetentionRule } from '../accounts/retention-rule.ts'
import type { RetentionReport } from '../rules/retention.ts'
import { count, octetsText, plural } from './amounts.ts'

/** A rule in words: `older than 90 days, in Lists or below, unless flagged: to the trash` */
export function ruleText(rule: RetentionRule): string {
  const { olderThan, largerThan, mailbox, below, account, evenFlagged, what } = rule
  const words = [
    ...(olderThan === undefined ? [] : [`older than ${plural(olderThan, 'day')}`]),
    ...(largerThan === undefined ? [] : [`larger than ${octetsText(largerThan)}`]),
    ...(mailbox === undefined ? [] : [`in ${mailbox}${below === true ? ' or below' : ''}`]),
    ...(account === undefined ? [] : [`from ${account}`]),
    evenFlagged === true ? 'even flagged' : 'unless flagged',
  ]
  return `${words.join(', ')}: ${what === 'trash' ? 'to the trash' : 'removed at once'}`
}

/** What came, or would come, of the rules: `3 messages to the trash, 1 removed, 2 held` */
export function retentionSum({
  trashed,
  removed,
  held,
}: Pick<RetentionReport, 'trashed' | 'removed' | 'held'>): string {
  const words = [`${plural(trashed, 'message')} to the trash`]
  if (removed > 0) words.push(`${count(removed)} removed`)
  if (held > 0) words.push(`${count(held)} held`)
  return words.join(', ')
}
