import { parseOctets } from '../accounts/leave.ts'
import { canonicalAddress } from '../accounts/names.ts'
import type { RetentionRule, StoredRule } from '../accounts/retention-rule.ts'
import { MisuseError } from '../errors.ts'
import { applyRetention, type RetentionReport, type RetentionStep } from '../rules/retention.ts'
import { mailboxName } from '../store/mailbox-name.ts'
import { dateText, octetsText } from './amounts.ts'
import { believeClock } from './believe-clock.ts'
import { chooseUsers, existing } from './choose-user.ts'
import type { Context } from './context.ts'
import type { ExitCode } from './failure.ts'
import { wholeNumber } from './message-ids.ts'
import { hasMail, withDirectory, withStore } from './open.ts'
import { singleLine } from './printable.ts'
import { retentionSum, ruleText } from './retention-words.ts'

/** What the command line says of a rule. */
export interface RuleWords {
  readonly user?: string
  readonly olderThan?: string
  readonly largerThan?: string
  readonly mailbox?: string
  readonly below?: boolean
  readonly account?: string
  readonly evenFlagged?: boolean
  readonly remove?: boolean
}

/** `postino retention list` */
export function listRules(context: Context, options: { readonly user?: string }): Promise<ExitCode> {
  return withDirectory(context, async (directory): Promise<ExitCode> => {
    const user = options.user === undefined ? undefined : existing(directory, options.user)
    const rules = directory.rules.list(user)
    if (rules.length === 0) context.notes.note('there are no rules: nothing goes by itself but what is in the trash')
    for (const rule of rules)
      if (context.json) await context.output.json(shown(rule))
      else await context.output.words(`${rule.id}  ${rule.user ?? 'everybody'}  ${singleLine(ruleText(rule.rule))}`)
    return 0
  })
}

/** `postino retention add` */
export function addRule(context: Context, words: RuleWords): Promise<ExitCode> {
  const rule = ruleOf(words)
  return withDirectory(context, async (directory): Promise<ExitCode> => {
    const user = words.user === undefined ? undefined : existing(directory, words.user)
    if (rule.account !== undefined && directory.account(rule.account) === undefined)
      context.notes.note(`there is no account ${rule.account} now: the rule is about what it brought in`)
    const id = await directory.rules.add(user, rule)
    if (context.json) await context.output.json(shown({ id, user, rule, created: Date.now() }))
    else await context.output.words(`added the rule ${id} for ${user ?? 'everybody'}: ${singleLine(ruleText(rule))}`)
    context.notes.note(
      '`postino retention run --dry-run` says which messages would go; `postino serve` applies it each day',
    )
    return 0
  })
}

/** `postino retention remove NUMBER` */
export function removeRule(context: Context, word: string): Promise<ExitCode> {
  const id = wholeNumber(word, 'the number of a rule, as `postino retention list` shows it')
  return withDirectory(context, async (directory): Promise<ExitCode> => {
    if (!(await directory.rules.remove(id))) throw new MisuseError('usage', `there is no rule ${id}`)
    if (context.json) await context.output.json({ rule: id })
    else await context.output.line(`removed the rule ${id}`)
    return 0
  })
}

/** `postino retention run` */
export function runRules(
  context: Context,
  options: { readonly user?: string; readonly dryRun?: boolean },
): Promise<ExitCode> {
  const { dryRun = false } = options
  return withDirectory(context, async (directory): Promise<ExitCode> => {
    const now = Date.now()
    const clockSteady = await believeClock(directory, now)
    const users = chooseUsers(directory, options.user)
    let waiting = false
    await withStore(context, async (store) => {
      for (const user of users) {
        const rules = directory.rules.list(user)
        if (rules.length === 0 || !hasMail(context, user)) continue
        const mail = await store.open(user)
        const plan: RetentionStep[] = []
        const onStep = async (step: RetentionStep): Promise<void> => {
          if (!context.json) await tellStep(context, user, step, dryRun)
          else if (dryRun) plan.push(step)
        }
        const report = await applyRetention(mail, rules, { now, clockSteady, dryRun, onStep })
        if (report.waiting.length > 0) waiting = true
        await tellReport(context, user, report, dryRun ? plan : undefined)
      }
    })
    if (!waiting) return 0
    context.notes.failure(
      'postino: the clock of this machine jumped ahead: rules that go by age wait until it has run for a week as a clock should',
    )
    return 75
  })
}

function ruleOf(words: RuleWords): RetentionRule {
  const { olderThan, largerThan, mailbox, below, account, evenFlagged, remove } = words
  return {
    ...(olderThan !== undefined && { olderThan: wholeNumber(olderThan, 'a number of days, for --older-than') }),
    ...(largerThan !== undefined && { largerThan: octets(largerThan) }),
    ...(mailbox !== undefined && { mailbox: mailboxName(mailbox) }),
    ...(below === true && { below }),
    ...(account !== undefined && { account: canonicalAddress(account) }),
    ...(evenFlagged === true && { evenFlagged }),
    what: remove === true ? 'remove' : 'trash',
  }
}

function octets(text: string): number {
  const found = parseOctets(text)
  if (found !== undefined) return found
  throw new MisuseError('usage', `--larger-than ${text}: give an amount, such as 500kB or 20MB`)
}

const verbs: Readonly<Record<RetentionStep['what'], readonly [string, string]>> = {
  trash: ['went to the trash', 'would go to the trash'],
  remove: ['was removed', 'would be removed'],
  held: ['stayed', 'would stay'],
}

/** One line a message. */
async function tellStep(context: Context, user: string, step: RetentionStep, dryRun: boolean): Promise<void> {
  const { id, mailbox, received, what, why } = step
  const about = `message ${id} (${mailbox}, ${dateText(received)}, ${octetsText(step.octets)})`
  await context.output.words(singleLine(`${user}: ${about} ${verbs[what][dryRun ? 1 : 0]}: ${why}`))
}

async function tellReport(
  context: Context,
  user: string,
  { waiting, ...counts }: RetentionReport,
  plan: readonly RetentionStep[] | undefined,
): Promise<void> {
  const late = waiting.length > 0 && { waiting: waiting.map(({ id }) => id) }
  if (context.json)
    await context.output.json({
      user,
      ...counts,
      ...late,
      ...(plan && { plan: plan.map((step) => ({ ...step, received: new Date(step.received).toISOString() })) }),
    })
  else await context.output.line(`${user}: ${retentionSum(counts)}${plan === undefined ? '' : '; nothing was done'}`)
}

/** For JSON. */
function shown({ id, user, rule, created }: StoredRule): object {
  return { id, user: user ?? null, ...rule, created: new Date(created).toISOString() }
}
