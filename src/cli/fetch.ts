import type { Account, Directory } from '../accounts/directory.ts'
import { canonicalAddress } from '../accounts/names.ts'
import { Secrets } from '../accounts/secrets.ts'
import type { FetchProgress } from '../doors/fetching.ts'
import { MisuseError } from '../errors.ts'
import type { DiskStore } from '../store/disk.ts'
import { existing } from './choose-user.ts'
import { readConfiguration } from './configuration.ts'
import type { Context } from './context.ts'
import { askServer } from './control-client.ts'
import type { ExitCode } from './failure.ts'
import { fetchAccount } from './fetch-account.ts'
import type { Outcome } from './fetch-outcome.ts'
import { interruption } from './interruption.ts'
import { withDirectory, withStoreWhenNeeded } from './open.ts'
import { singleLine } from './printable.ts'
import { type Amount, Progress } from './progress.ts'

interface FetchWords {
  readonly user?: string
  readonly dryRun?: boolean
  readonly message?: string
}

/** `postino fetch [ADDRESS…]`: by the `serve` that runs, where one does, so that no two sessions are on one mailbox. */
export async function fetch(context: Context, addresses: readonly string[], words: FetchWords): Promise<ExitCode> {
  const { fetchParallel } = await readConfiguration(context.data, process.env)
  return await withDirectory(context, async (directory): Promise<ExitCode> => {
    const whole = words.message === undefined ? undefined : await import('./fetch-message.ts')
    const part = await whole?.partOfMessage(context, directory, words.message ?? '', words.user)
    const accounts = chooseAccounts(directory, part === undefined ? addresses : [part.address], words.user)
    if (accounts.length === 0) {
      context.notes.note('there is no account to fetch from yet: `postino account add ADDRESS` adds one')
      return 0
    }
    const only = part && [part.uniqueId]
    const telling = new Telling(context, accounts, words.dryRun === true)
    const request = { accounts: accounts.map(({ address }) => address), dryRun: words.dryRun === true, only }
    const asked = await askServer(context.data, { fetch: request }, (line) => telling.take(line))
    if (!asked)
      await withStoreWhenNeeded(context, async (store) => {
        await fetchAll(context, { directory, store, accounts, parallel: fetchParallel, request, telling })
        await indexLittle(context, store, telling.outcomes)
      })
    telling.end()
    if (part !== undefined && words.dryRun !== true) await whole?.tellWhole(context, part)
    return exitCode(telling.outcomes)
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

/** Tells how far it is, and how each account ended as soon as it has. */
class Telling {
  readonly outcomes: Outcome[] = []
  readonly #context: Context
  readonly #dryRun: boolean
  readonly #left: Set<string>
  readonly #progress: Progress
  readonly #amounts = new Map<string, FetchProgress>()

  constructor(context: Context, accounts: readonly Account[], dryRun: boolean) {
    this.#dryRun = dryRun
    this.#context = context
    this.#left = new Set(accounts.map(({ address }) => address))
    this.#progress = new Progress(context.notes, this.#what())
  }

  async take(line: { progress?: { address: string; amount: FetchProgress }; outcome?: Outcome }): Promise<void> {
    const { progress, outcome } = line
    if (progress !== undefined) {
      this.#amounts.set(progress.address, progress.amount)
      this.#update()
    }
    if (outcome === undefined) return
    const told = this.#dryRun ? rehearsed(outcome) : outcome
    this.outcomes.push(told)
    this.#left.delete(told.address)
    this.#update()
    const { tellOutcome } = await import('./fetch-ending.ts')
    await tellOutcome(this.#context, told)
  }

  end(): void {
    this.#progress.end()
  }

  /** The one that the others have left behind is named, and told of alone. */
  #update(): void {
    if (this.#left.size === 0) return
    if (this.#left.size === 1)
      for (const address of this.#amounts.keys()) if (!this.#left.has(address)) this.#amounts.delete(address)
    this.#progress.about(this.#what())
    this.#progress.update(total([...this.#amounts.values()]))
  }

  #what(): string {
    const [one = ''] = this.#left
    return `fetching from ${this.#left.size === 1 ? one : `${this.#left.size} accounts`}`
  }
}

/** What is not looked into, since nothing has changed there, has no plan: nothing would be done. */
function rehearsed(outcome: Outcome): Outcome {
  const { report, fault } = outcome
  return fault === undefined ? { ...outcome, report: { ...report, plan: report.plan ?? [] } } : outcome
}

async function fetchAll(
  context: Context,
  work: {
    directory: Directory
    store: () => Promise<DiskStore>
    accounts: readonly Account[]
    parallel: number
    request: { readonly dryRun: boolean; readonly only: readonly string[] | undefined }
    telling: Telling
  },
): Promise<void> {
  const { directory, store, accounts, parallel, request, telling } = work
  const signal = interruption()
  const parts = {
    data: context.data,
    directory,
    secrets: new Secrets(context.data),
    open: async (user: string) => {
      const [opened] = await Promise.all([store(), import('./fetch-ending.ts')])
      return await opened.open(user)
    },
  }
  const waiting = [...accounts]
  const worker = async (): Promise<void> => {
    for (let account = waiting.shift(); account !== undefined; account = waiting.shift()) {
      const { address } = account
      const fetched = await fetchAccount(parts, account, {
        signal,
        dryRun: request.dryRun,
        ...(request.only !== undefined && { only: new Set(request.only) }),
        onProgress: (amount) => void telling.take({ progress: { address, amount } }),
      }).then(
        (report) => ({ report }),
        (error: unknown) => ({ error }),
      )
      const { failedOutcome, handedOn, outcomeOf } = await import('./fetch-ending.ts')
      const outcome = 'report' in fetched ? outcomeOf(account, fetched.report) : failedOutcome(account, fetched.error)
      await telling.take({ outcome: request.dryRun ? outcome : await handedOn(parts, account, outcome, signal) })
    }
  }
  await Promise.all(Array.from({ length: Math.min(parallel, accounts.length) }, worker))
}

function total(amounts: readonly FetchProgress[]): Amount {
  if (amounts.length === 0) return { messages: 0, octets: 0 }
  const sum = (of: (amount: FetchProgress) => number): number => amounts.reduce((all, one) => all + of(one), 0)
  const sized = amounts.every(({ ofOctets }) => ofOctets !== undefined)
  return {
    messages: sum((one) => one.messages),
    ofMessages: sum((one) => one.of),
    octets: sum((one) => one.octets),
    ...(sized && { ofOctets: sum((one) => one.ofOctets ?? 0) }),
  }
}

function exitCode(outcomes: readonly Outcome[]): ExitCode {
  const faults = outcomes.flatMap(({ fault, handOn = [] }) =>
    [fault ?? [], handOn.map((place) => place.fault ?? [])].flat(2),
  )
  const refused = outcomes.some(
    ({ report, handOn = [] }) => report.failed > 0 || handOn.some((place) => place.refused > 0),
  )
  if (refused) return 1
  if (faults.length === 0) return 0
  return faults.every(({ temporary }) => temporary) ? 75 : 1
}

/** Up to so many new messages are worth indexing before the command ends, */
const little = 1000
/** and no longer than this, milliseconds. The rest waits for `search` or `serve`. */
const grace = 500

async function indexLittle(
  context: Context,
  opened: () => Promise<DiskStore>,
  outcomes: readonly Outcome[],
): Promise<void> {
  const users = new Set<string>()
  let fetched = 0
  for (const { user, report } of outcomes) {
    if (report.new === 0) continue
    fetched += report.new
    users.add(user)
  }
  if (fetched === 0 || fetched > little) return
  const { SearchIndex } = await import('../search/index-file.ts')
  const store = await opened()
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
      if (process.env['POSTINO_DEBUG'] === '1') context.notes.note(`indexing for ${user}: ${String(error)}`)
    }
  }
}
