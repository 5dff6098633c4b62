/** Which messages go by themselves, and where to: all that is named must be true of a message. */
export interface RetentionRule {
  /** It was received more than so many days ago. */
  readonly olderThan?: number | undefined
  /** It has more octets than this, on the wire. */
  readonly largerThan?: number | undefined
  /** It is in the mailbox of this name; with `below`, or in one below that. */
  readonly mailbox?: string | undefined
  readonly below?: boolean | undefined
  /** It came by the remote account of this address. */
  readonly account?: string | undefined
  /** Whether one that is flagged goes as well. */
  readonly evenFlagged?: boolean | undefined
  readonly what: 'trash' | 'remove'
}

/** A rule as the directory keeps it. */
export interface StoredRule {
  /** Grows, and is never used again. */
  readonly id: number
  /** Undefined: it is for all users. */
  readonly user: string | undefined
  readonly rule: RetentionRule
  /** Milliseconds since 1970. */
  readonly created: number
}

/** What is wrong with a rule, for a person; undefined where nothing is. */
export function ruleFault({ olderThan, largerThan, mailbox, below }: RetentionRule): string | undefined {
  const whole = (value: number | undefined, least: number, most: number): boolean =>
    value === undefined || (Number.isInteger(value) && value >= least && value <= most)
  // Without either it would take all there is, and all that comes.
  if (olderThan === undefined && largerThan === undefined)
    return 'a rule needs an age or a size: give --older-than DAYS or --larger-than AMOUNT'
  if (!whole(olderThan, 1, 36_500)) return `no message can be older than ${olderThan} days: give 1 to 36500`
  if (!whole(largerThan, 0, Number.MAX_SAFE_INTEGER)) return `not a number of octets: ${largerThan}`
  if (below === true && mailbox === undefined) return 'below which mailbox? Give --mailbox NAME as well'
  return undefined
}
