import { readFile } from 'node:fs/promises'
import { type AccountSecret, secretOf } from '../accounts/account-secret.ts'
import type { Account, AccountSettings, Directory } from '../accounts/directory.ts'
import { consentWarning } from '../accounts/oauth/consent-end.ts'
import { limitsOfServer } from '../accounts/provider-limits.ts'
import type { Secrets } from '../accounts/secrets.ts'
import { readClock, witness } from '../accounts/witness.ts'
import type { Choice } from '../doors/fetch-choice.ts'
import { fetchPop3 } from '../doors/fetch-pop3.ts'
import { fetchInRounds } from '../doors/fetch-rounds.ts'
import type { FetchOptions, FetchReport, Remote } from '../doors/fetching.ts'
import { StoreError } from '../errors.ts'
import { headersOnly } from '../intake/header-only.ts'
import { givenAway } from '../intake/ledger.ts'
import { roomLeft } from '../intake/over-quota.ts'
import type { Reach } from '../net/connect.ts'
import type { UserMail, View } from '../store/store.ts'
import { accountLockFile, holding } from './locks.ts'

/** What fetching from an account needs. */
export interface Fetching {
  readonly data: string
  readonly directory: Directory
  readonly secrets: Secrets
  open(user: string): Promise<UserMail>
}

/** What is wanted of one fetch. */
export interface FetchTask extends Pick<FetchOptions, 'signal' | 'onProgress' | 'backOff' | 'dryRun'> {
  /** Only the messages of these unique-ids, however large they are. */
  readonly only?: ReadonlySet<string>
}

const day = 86_400_000

/** Fetches from one account, under its lock, and writes down how that ended. The report tells what ended it early. */
export async function fetchAccount(parts: Fetching, account: Account, task: FetchTask): Promise<FetchReport> {
  const lock = accountLockFile(parts.data, account.address)
  const waiting = task.signal === undefined ? {} : { signal: task.signal }
  const note = async (fault: string | undefined): Promise<void> => {
    // One that was stopped on purpose, or only asked, says nothing about the account.
    if (task.signal?.aborted !== true && task.dryRun !== true) await parts.directory.noteFetch(account.address, fault)
  }
  const work = async (): Promise<FetchReport> => {
    try {
      // While this one waited, the account, or its user and all the mail, may have been removed.
      const now = parts.directory.account(account.address)
      if (now?.serial !== account.serial) throw new StoreError('missing', 'the account was removed meanwhile')
      const report = await fetchWith(parts, now, task)
      const single = report.failed > 0 ? report.problems[0] : report.noRoom
      await note(report.error === undefined ? single : await described(report.error))
      return report
    } catch (error) {
      // The fault that ended the fetch is the one to tell, whatever becomes of the note.
      await note(await described(error)).catch(() => undefined)
      throw error
    }
  }
  return await holding(lock, 'it is being fetched by another postino process; try again later', work, waiting)
}

async function described(error: unknown): Promise<string> {
  const { describeAccountFailure } = await import('./failure.ts')
  return describeAccountFailure(error)
}

async function fetchWith(parts: Fetching, account: Account, task: FetchTask): Promise<FetchReport> {
  const { directory } = parts
  const { address, options, state } = account
  const limits = await limitsOfServer(account.server)
  const remote = { ...(await remoteOf(account, await secretOf(account, parts))), withoutPlus: state.withoutPlus }
  let opened: Promise<UserMail> | undefined
  const open = (): Promise<UserMail> => (opened ??= parts.open(account.user))
  const { state: clock, steady } = witness(state.clock, readClock())
  const today = Math.floor(Date.now() / day)
  let octets = state.day?.day === today ? state.day.octets : 0
  const { only, ...rest } = task
  const among = options.split && (await import('./fetch-split.ts')).splitAmong(options.split, account, directory)
  let { mailboxes, oneByOne } = state
  const once = async (): Promise<FetchReport> => {
    const { largest, beyond, first, perDay } = options
    const budget = perDay === undefined ? undefined : { octets: Math.max(0, perDay - octets), whole: octets === 0 }
    // Of what goes to several people, how much is the owner's is not known before it is here.
    const fits = options.split === undefined ? roomOf : undefined
    const choice = { only, largest, beyond, first, budget }
    const common = {
      ...rest,
      choice,
      room: options.room,
      clockSteady: steady,
      perMinute: limits.messagesPerMinute,
      partial: limits.partialListing,
      pipelining: oneByOne === true ? false : undefined,
      split: among && { ...among, open: (user: string) => parts.open(user) },
    }
    if (account.protocol === 'pop3') {
      const report = await fetchPop3(remote, open, { ...common, fits })
      octets += report.octets
      oneByOne ??= report.oneByOne
      return report
    }
    const { fetchImap } = await import('../doors/fetch-imap.ts')
    const mail = await open()
    const report = await fetchImap(remote, mail, {
      ...common,
      choice: { ...choice, fits: fits && (await mail.read(fits)) },
      only: options.only,
      except: options.except,
      state: mailboxes,
    })
    octets += report.octets
    mailboxes = report.mailboxes
    return report
  }
  const { partialListing } = limits
  const rounds = await fetchInRounds(once, { partial: partialListing, signal: task.signal })
  // Where the log-in was refused it may not be open yet; whoever lends it must know.
  await opened
  const fetched =
    only === undefined ? rounds : await asked(rounds, only, { mail: await open(), account: remote.account })
  // The log-in may have been renewed meanwhile.
  const ending = consentWarning(address, directory.account(address)?.state ?? {})
  const problems = [...fetched.problems, ...(among?.problems ?? []), ...(ending === undefined ? [] : [ending])]
  const report = { ...fetched, problems }
  if (task.dryRun !== true)
    await directory.keepState(address, {
      clock,
      day: { day: today, octets },
      mailboxes,
      quarantined: await (await open()).read((view) => view.troubles(remote.account).length),
      ...(report.oneByOne === true && { oneByOne: true }),
      ...(report.withoutPlus === true && { withoutPlus: true }),
    })
  return report
}

/** What the owner may still keep; undefined where that is anything. */
function roomOf(view: View): Choice['fits'] {
  const octets = roomLeft(view)
  if (octets === undefined) return undefined
  return { octets, why: `${view.octets()} octets are kept, and ${view.quota()} may be (\`postino quota\`)` }
}

/** Whether what was asked for by name came: where a header still stands for it, and nothing says why, it is not there any more. */
async function asked(
  report: FetchReport,
  only: ReadonlySet<string>,
  { mail, account }: { mail: UserMail; account: string },
): Promise<FetchReport> {
  if (report.error !== undefined || report.failed > 0 || report.plan !== undefined) return report
  const headers = await mail.read((view) => view.ledger(headersOnly(account)))
  const left = headers.filter(
    ({ uniqueId, message, listed }) => message !== undefined && listed !== givenAway && only.has(uniqueId),
  )
  if (left.length === 0) return report
  const problem = 'the whole message is not there any more, or is not shown now; its header stays'
  return { ...report, failed: left.length, problems: [...report.problems, problem] }
}

/** The fetch door's words for an account. */
export async function remoteOf(settings: AccountSettings, secret: AccountSecret): Promise<Remote> {
  const { address, protocol, server, port, tls, login, leave, options } = settings
  const { mailbox, allow } = options
  const reach = await reachOf(settings)
  return {
    account: `${protocol}:${address}`,
    host: server,
    port,
    tls,
    login,
    ...secret,
    leave,
    reach,
    ...(allow !== undefined && { allow }),
    ...(mailbox !== undefined && { mailbox }),
  }
}

/** The way to the server of an account; files that are named in it are read. */
async function reachOf({ options }: AccountSettings): Promise<Reach> {
  const { proxy, pins, trust, clientCertificate: own } = options
  return {
    ...(proxy !== undefined && { proxy }),
    ...(pins !== undefined && { pins }),
    ...(trust !== undefined && { trust: await readFile(trust, 'utf8') }),
    ...(own !== undefined && {
      clientCertificate: {
        certificate: await readFile(own.certificate, 'utf8'),
        key: await readFile(own.key, 'utf8'),
      },
    }),
  }
}
