import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { SplitOptions } from '../accounts/account-options.ts'
import { type Account, type AccountSettings, Directory } from '../accounts/directory.ts'
import { userNameFault } from '../accounts/names.ts'
import { Secrets } from '../accounts/secrets.ts'
import { MisuseError } from '../errors.ts'
import { type Found, type Program, programs, type Remark } from '../migrate/found.ts'
import { noteHad } from '../migrate/note-had.ts'
import { readAccounts } from '../migrate/read-accounts.ts'
import type { DiskStore } from '../store/disk.ts'
import { leftText } from './account-lines.ts'
import { plural } from './amounts.ts'
import { readPassword } from './ask.ts'
import { chooseUser, existing, loginName } from './choose-user.ts'
import type { Context } from './context.ts'
import { describeFailure, type ExitCode } from './failure.ts'
import { hostAndPort } from './listen-address.ts'
import { accountLockFile, holding } from './locks.ts'
import { Places } from './migrate-place.ts'
import { withDirectory, withStore } from './open.ts'
import { singleLine } from './printable.ts'
import { isThisMachine } from './server-option.ts'

interface MigrateWords {
  readonly user?: string
  readonly from?: string
  readonly dryRun?: boolean
}

/** What became of one account. */
interface Moved {
  readonly address: string
  readonly user: string | undefined
  readonly settings: Omit<AccountSettings, 'address'>
  readonly added: boolean
  /** Whether there is something to log in with; undefined of an account that was here. */
  readonly password: boolean | undefined
  readonly notes: readonly string[]
}

/** `postino migrate PATH…` */
export async function migrate(context: Context, paths: readonly string[], words: MigrateWords): Promise<ExitCode> {
  const from = programOf(words.from)
  const findings = readAccounts(paths, { person: loginName(), ...(from !== undefined && { from }) })
  const remarks = [...findings.remarks, ...findings.accounts.flatMap((found) => found.remarks)]
  for (const text of new Set(remarks.map(remarkText))) context.notes.note(text)
  for (const text of faultTexts(findings.faults)) context.notes.failure(`postino: ${text}`)
  const moved = await (words.dryRun === true ? rehearse : moveIn)(context, findings.accounts, words.user)
  if (findings.accounts.length === 0) context.notes.note('no account was found there')
  else if (moved && words.dryRun !== true) {
    await context.output.flush()
    context.notes.note('`postino account test` tries the log-ins, `postino fetch` brings what is new')
  }
  return moved && findings.faults.length === 0 ? 0 : 1
}

function programOf(text: string | undefined): Program | undefined {
  const found = programs.find((program) => program === text)
  if (text === undefined || found !== undefined) return found
  throw new MisuseError('usage', `--from ${text}: give one of ${programs.join(', ')}`)
}

/** Says what would be done, and does nothing: not even a data folder is made. */
async function rehearse(context: Context, accounts: readonly Found[], user: string | undefined): Promise<boolean> {
  const there = existsSync(join(context.data, 'postino.sqlite'))
  const directory = there ? await Directory.open(context.data) : undefined
  try {
    const places = new Places()
    const users = directory?.users().map(({ name }) => name) ?? []
    if (user !== undefined && directory !== undefined) existing(directory, user)
    for (const found of accounts) {
      const { address, account, again, same } = places.of(found, directory?.accounts() ?? [])
      if (again) continue
      const owner = found.owner !== undefined && users.includes(found.owner) ? found.owner : undefined
      await tell(
        context,
        found,
        same ? found.had.length : 0,
        {
          address,
          user: account?.user ?? user ?? owner ?? (users.length === 1 ? users[0] : undefined),
          settings: account ?? found.settings,
          added: account === undefined,
          password: account === undefined ? hasSecret(found) : undefined,
          notes: [],
        },
        true,
      )
    }
    return true
  } finally {
    directory?.close()
  }
}

/** Makes the accounts, and writes down what they have had. False where one of them failed; the others are there. */
function moveIn(context: Context, accounts: readonly Found[], user: string | undefined): Promise<boolean> {
  return withDirectory(context, (directory) =>
    withStore(context, async (store) => {
      const places = new Places()
      let whole = true
      for (const found of accounts) {
        try {
          await new Move(context, directory, store, places, user).run(found)
        } catch (error) {
          // A wrong --user is wrong for all.
          if (error instanceof MisuseError) throw error
          whole = false
          const where = remarkText({ file: found.file, line: found.line, text: describeFailure(error) })
          context.notes.failure(`postino: ${where}`)
        }
      }
      return whole
    }),
  )
}

/** Moves one account in. */
class Move {
  readonly #context: Context
  readonly #directory: Directory
  readonly #store: DiskStore
  readonly #places: Places
  readonly #given: string | undefined
  readonly #notes: string[] = []

  constructor(context: Context, directory: Directory, store: DiskStore, places: Places, given: string | undefined) {
    this.#context = context
    this.#directory = directory
    this.#store = store
    this.#places = places
    this.#given = given
  }

  async run(found: Found): Promise<void> {
    const { address, account, same, again } = this.#places.of(found, this.#directory.accounts())
    const lock = accountLockFile(this.#context.data, address)
    const busy = `${address} is being fetched by another postino process; try again later`
    await holding(lock, busy, async () => {
      if (account === undefined) await this.#add(found, address)
      else {
        // It may have been given another server since; the list belongs to the one it was made at.
        if (!same)
          this.#note(
            `${address} is here already, at ${account.server} and not at ${found.settings.server}: it stays as it is, and so does its list`,
          )
        else await this.#had(found, account)
        if (!again) await this.#tell(found, same, { address, account })
      }
    })
  }

  async #add(found: Found, address: string): Promise<void> {
    const user = await this.#owner(found)
    const split = await this.#split(found, user)
    const settings: AccountSettings = {
      ...found.settings,
      address,
      options: { ...found.settings.options, ...(split !== undefined && { split }) },
    }
    const password = hasSecret(found) ? (found.password ?? '') : await this.#ask(address)
    // The list first: whenever the account is there to be fetched, what it has had is known.
    const mail = await this.#store.open(user)
    await noteHad(mail, `${settings.protocol}:${address}`, found.had)
    const sealed = password === '' ? new Uint8Array() : new Secrets(this.#context.data).seal(address, password)
    await this.#directory.addAccount(user, settings, sealed)
    const there = password !== '' || hasSecret(found)
    if (!there)
      this.#note(`${address} has no password yet: \`postino account set ${address} --password-stdin\` takes one`)
    if (settings.tls === 'none' && !isThisMachine(settings.server))
      this.#note(
        `${address}: without TLS, the password and all mail cross the network to ${settings.server} for everybody to read`,
      )
    const moved = { address, user, settings, added: true, password: there, notes: this.#notes }
    await tell(this.#context, found, found.had.length, moved, false)
  }

  async #had(found: Found, account: Account): Promise<void> {
    const mail = await this.#store.open(account.user)
    await noteHad(mail, `${account.protocol}:${account.address}`, found.had)
  }

  async #tell(found: Found, same: boolean, { address, account }: { address: string; account: Account }): Promise<void> {
    const moved = {
      address,
      user: account.user,
      settings: account,
      added: false,
      password: undefined,
      notes: this.#notes,
    }
    await tell(this.#context, found, same ? found.had.length : 0, moved, false)
  }

  /** Whose mail it is: of the user named, of a user of that name here, or of the one for whom commands are. */
  async #owner(found: Found): Promise<string> {
    if (this.#given === undefined && found.owner !== undefined && this.#directory.user(found.owner) !== undefined)
      return found.owner
    return await chooseUser(this.#context, this.#directory, this.#given)
  }

  /** Who gets what, where the old program gave it to several; users who are not here yet are made. */
  async #split({ split, file, line }: Found, owner: string): Promise<SplitOptions | undefined> {
    if (split === undefined) return undefined
    const users: Record<string, string> = {}
    for (const [address, name] of Object.entries(split.users)) {
      const fault = userNameFault(name)
      if (fault !== undefined)
        this.#note(
          remarkText({
            file,
            line,
            text: `${JSON.stringify(name)} cannot be a user here (${fault}); mail for ${address} goes to ${owner}`,
          }),
        )
      users[address] = fault === undefined ? await this.#made(name) : owner
    }
    const otherwise = split.otherwise
    const known = otherwise !== undefined && this.#directory.user(otherwise) !== undefined
    return { ...split, users, otherwise: known ? otherwise : owner }
  }

  async #made(name: string): Promise<string> {
    if (await this.#directory.addUser(name, undefined))
      this.#note(`made the user ${name}, without a password so far: \`postino user password ${name}\` sets one`)
    return name
  }

  /** A password that stands in no file; empty where nobody is there to be asked, or nobody answers. */
  async #ask(address: string): Promise<string> {
    if (!process.stdin.isTTY || this.#context.json) return ''
    return await readPassword(this.#context, {
      fromStdin: false,
      what: `password of ${address} at its provider (empty: later)`,
      twice: false,
    })
  }

  #note(text: string): void {
    this.#notes.push(singleLine(text))
    this.#context.notes.note(singleLine(text))
  }
}

/** Whether the old program's files say what to log in with. */
function hasSecret({ password, settings }: Found): boolean {
  return (password ?? '') !== '' || settings.options.secretFrom !== undefined || settings.options.auth === 'oauth'
}

async function tell(context: Context, found: Found, known: number, moved: Moved, dryRun: boolean): Promise<void> {
  const { address, user, settings, added, password } = moved
  const { server, port, protocol, tls, login, leave } = settings
  if (context.json) {
    const notes = [...found.remarks.map(remarkText), ...moved.notes]
    const account = { account: address, from: found.program, user, server, port, protocol, tls, login, leave }
    return await context.output.json({ ...account, known, added, password, notes, ...(dryRun && { dryRun }) })
  }
  const whose = user === undefined ? '' : ` for ${user}`
  const what = added ? `${dryRun ? 'would be added' : 'added'}${whose}` : `is here already${whose}, and stays as it is`
  const where = `${protocol} ${hostAndPort(server, port)}${tls === 'implicit' ? '' : ` (tls: ${tls})`}`
  const had =
    known === 0 ? 'nothing is known of what it had' : `${plural(known, 'message')} that it had will not come again`
  const text = singleLine(`${address}: ${what}; from ${found.program}: ${where}, ${leftText(leave)}; ${had}`)
  await context.output.words(text)
}

/** What could not be understood; of what is the matter with many lines of one file, the first, and how many more. */
function faultTexts(faults: readonly Remark[]): string[] {
  const alike = Map.groupBy(faults, ({ file, text }) => `${file}\n${text}`)
  return [...alike.values()].flatMap(([first, ...more]) => {
    if (first === undefined) return []
    const times = more.length === 0 ? '' : ` (and so ${plural(more.length, 'more line')})`
    return [`${remarkText(first)}${times}`]
  })
}

/** `FILE:LINE: what is the matter` */
function remarkText({ file, line, text }: Remark): string {
  return singleLine(`${file}:${line === 0 ? '' : `${line}:`} ${text}`)
}
