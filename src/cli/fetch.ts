import type { Account, Directory } from '../accounts/directory.ts'
import { canonicalAddress } from '../accounts/names.ts'
import { Secrets } from '../accounts/secrets.ts'
import type { FetchProgress, FetchReport } from '../doors/fetching.ts'
import { MisuseError, PeerError } from '../errors.ts'
import type { DiskStore } from '../store/disk.ts'
import { count, durationText, octetsText } from './amounts.ts'
import { existing } from './choose-user.ts'
import { readConfiguration } from './configuration.ts'
import type { Context } from './context.ts'
import { describeAccountFailure, describeFailure, type ExitCode, isTemporary } from './failure.ts'
import { fetchAccount } from './fetch-account.ts'
import { withDirectory, withStore } from './open.ts'
import { singleLine } from './printable.ts'
import { type Amount, Progress } from './progress.ts'

interface Outcome {
  readonly account: Account
  readonly report: Omit<FetchReport, 'error'>
  /** What kept it from beginning, or ended it early. */
  readonly error: unknown
}

const nothing: Outcome['report'] = { new: 0, skipped: 0, failed: 0, waiting: 0, deleted: 0, octets: 0, seconds: 0, problems: [] }

/** `postino fetch [ADDRESS…]` */
export async function fetch(
  context: Context,
  addresses: readonly string[],
  options: { readonly user?: string },
): Promise<ExitCode> {
  const { fetchParallel } = await readConfiguration(context.data, process.env)
  return await withDirectory(context, async (directory): Promise<ExitCode> => {
    const accounts = chooseAccounts(directory, addresses, options.user)
    if (accounts.length === 0) {
      context.notes.note('there is no account to fetch from yet: `postino account add ADDRESS` adds one')
      return 0
    }
    return await withStore(context, async (store) => {
      const outcomes = await fetchAll(context, directory, store, accounts, fetchParallel)
      await indexLittle(context, store, outcomes)
      return exitCode(outcomes)
    })
  })
}

/** The accounts of these addresses, or all; of one user, or all. */
export function chooseAccounts(directory: Directory, addresses: readonly string[], user?: string): Account[] {
  const all = directory.accounts(user === undefined ? undefined : existing(directory, user))
  if (addresses.length === 0) return all
  const wanted = new Set(addresses.map(canonicalAddress))
  for (const address of wanted) {
    if (all.some((account) => account.address === address)) continue
    const known = all.map((account) => account.address).join(', ')
    const hint = known === '' ? '`postino account add ADDRESS` adds one' : `there are: ${known}`
    throw new MisuseError('usage', singleLine(`there is no account ${address}; ${hint}`))
  }
  return all.filter((account) => wanted.has(account.address))
}

async function fetchAll(
  context: Context,
  directory: Directory,
  store: DiskStore,
  accounts: readonly Account[],
  parallel: number,
): Promise<Outcome[]> {
  const stop = new AbortController()
  // Once: asked a second time, the process ends at once, as the system has it.
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => stop.abort(new PeerError('connection-lost', 'stopped')))
  const parts = {
    data: context.data,
    directory,
    secrets: new Secrets(context.data),
    open: (user: string) => store.open(user),
  }
  const [only, ...others] = accounts
  const from = others.length === 0 && only !== undefined ? only.address : `${accounts.length} accounts`
  const progress = new Progress(context.notes, `fetching from ${from}`)
  const amounts = new Map<string, FetchProgress>()
  const outcomes: Outcome[] = []
  const waiting = [...accounts]
  const worker = async (): Promise<void> => {
    for (let account = waiting.shift(); account !== undefined; account = waiting.shift()) {
      const { address } = account
      const outcome = await fetchAccount(parts, account, {
        signal: stop.signal,
        onProgress: (amount) => {
          amounts.set(address, amount)
          progress.update(total([...amounts.values()]))
        },
      }).then(
        ({ error, ...report }): Outcome => ({ account, report, error }),
        (error: unknown): Outcome => ({ account, report: nothing, error }),
      )
      outcomes.push(outcome)
      await tell(context, outcome)
    }
  }
  await Promise.all(Array.from({ length: Math.min(parallel, accounts.length) }, worker))
  progress.end()
  return outcomes
}

function total(amounts: readonly FetchProgress[]): Amount {
  const sum = (of: (amount: FetchProgress) => number): number => amounts.reduce((all, one) => all + of(one), 0)
  const sized = amounts.every(({ ofOctets }) => ofOctets !== undefined)
  return {
    messages: sum((one) => one.messages),
    ofMessages: sum((one) => one.of),
    octets: sum((one) => one.octets),
    ...(sized && { ofOctets: sum((one) => one.ofOctets ?? 0) }),
  }
}

/** One line for each account as soon as it is done. */
async function tell(context: Context, { account, report, error }: Outcome): Promise<void> {
  const { address } = account
  const { problems, ...counts } = report
  for (const problem of problems) context.notes.failure(`postino: ${address}: ${singleLine(problem)}`)
  const fault = error === undefined ? undefined : describeAccountFailure(error)
  if (fault !== undefined) context.notes.failure(`postino: ${address}: ${fault}`)
  if (context.json) {
    const seconds = Math.round(counts.seconds * 1000) / 1000
    const faults = { ...(fault !== undefined && { error: fault }), ...(problems.length > 0 && { problems }) }
    await context.output.json({ account: address, ...counts, seconds, ...faults })
  } else if (fault === undefined || counts.new > 0 || counts.deleted > 0) {
    const words = [`${count(counts.new)} new`, `${count(counts.skipped)} already here`]
    if (counts.failed > 0) words.push(`${count(counts.failed)} failed`)
    if (counts.deleted > 0) words.push(`${count(counts.deleted)} deleted at the server`)
    const amount = counts.octets === 0 ? '' : `; ${octetsText(counts.octets)}`
    await context.output.line(`${address}: ${words.join(', ')}${amount} in ${durationText(counts.seconds)}`)
  }
  await context.output.flush()
}

function exitCode(outcomes: readonly Outcome[]): ExitCode {
  const failures = outcomes.filter(({ error }) => error !== undefined)
  if (outcomes.some(({ report }) => report.failed > 0)) return 1
  if (failures.length === 0) return 0
  return failures.every(({ error }) => isTemporary(error)) ? 75 : 1
}

/** Up to so many new messages are worth indexing before the command ends, */
const little = 1000
/** and no longer than this, milliseconds. The rest waits for `search` or `serve`. */
const grace = 500

async function indexLittle(context: Context, store: DiskStore, outcomes: readonly Outcome[]): Promise<void> {
  const users = new Set<string>()
  let fetched = 0
  for (const { account, report } of outcomes) {
    if (report.new === 0) continue
    fetched += report.new
    users.add(account.user)
  }
  if (fetched === 0 || fetched > little) return
  const { SearchIndex } = await import('../search/index-file.ts')
  const signal = AbortSignal.timeout(grace)
  for (const user of users) {
    try {
      const index = SearchIndex.open(store.userFolder(user), await store.open(user))
      try {
        if ((await index.behind()) <= little) await index.catchUp({ signal })
      } finally {
        index.close()
      }
    } catch (error) {
      // The mail is home; `search` will say what is wrong with its index.
      if (process.env['POSTINO_DEBUG'] === '1') context.notes.note(`indexing for ${user}: ${describeFailure(error)}`)
    }
  }
}
