import type { Remark } from './found.ts'
import { fetchmailWords, switches, takes, type Word } from './fetchmail-words.ts'

/** One setting: `keep`, `no dns`, `timeout 60`, `is mario luigi here`. */
export interface Setting {
  readonly name: string
  readonly line: number
  /** False behind `no`. */
  readonly on: boolean
  readonly values: readonly string[]
}

/** A name there and the name here that it stands for; the same where only one is given. */
export interface LocalName {
  readonly there: string
  readonly here: string
}

/** A user of a server, as one description gives it. */
export interface UserEntry {
  readonly line: number
  /** The name at the server; undefined: that of the person who runs fetchmail. */
  readonly remote: string | undefined
  readonly names: readonly LocalName[]
  readonly settings: readonly Setting[]
}

/** A `poll`, `skip` or `defaults` entry. */
export interface ServerEntry {
  readonly kind: 'poll' | 'skip' | 'defaults'
  readonly name: string
  readonly line: number
  readonly settings: readonly Setting[]
  readonly users: readonly UserEntry[]
}

/** A run control file. */
export interface FetchmailRc {
  /** What stands behind `set`. */
  readonly globals: readonly Setting[]
  readonly servers: readonly ServerEntry[]
  readonly faults: readonly Remark[]
}

/** A word that may not stand where it stands. */
class Misplaced extends Error {
  readonly line: number
  constructor(line: number, message: string) {
    super(message)
    this.line = line
  }
}

const ofServer: ReadonlySet<string> = new Set(
  'via proto service port interval timeout idletimeout auth envelope qvirtual principal esmtpname esmtppassword interface monitor plugin plugout bad-header aka localdomains uidl checkalias dns tracepolls'.split(
    ' ',
  ),
)
const starts: ReadonlySet<string> = new Set(['set', 'poll', 'skip', 'defaults'])

type Open<Type> = { -readonly [Key in keyof Type]: Type[Key] extends readonly (infer Item)[] ? Item[] : Type[Key] }

/** Reads a run control file (fetchmail(1)). What has a fault is left out and named, the rest is there. */
export function parseFetchmailRc(text: string, file: string): FetchmailRc {
  const words = fetchmailWords(text)
  const globals: Setting[] = []
  const servers: ServerEntry[] = []
  const faults: Remark[] = []
  let at = 0

  const keyword = (): string | undefined => (words[at]?.kind === 'keyword' ? words[at]?.text : undefined)
  const take = (): Word => {
    const word = words[at]
    if (word === undefined) throw new Misplaced(words.at(-1)?.line ?? 1, 'the file ends in the middle of an entry')
    at++
    return word
  }
  /** The value of a setting. What stands there instead is not told: it may be half of a password. */
  const value = (name: string): string => {
    const word = take()
    if (word.kind === 'text') return word.text
    throw new Misplaced(word.line, `"${name}" is followed by "${word.text}", and not by its value`)
  }
  const values = (name: string): string[] => {
    const found = [value(name)]
    while (words[at]?.kind === 'text') found.push(take().text)
    return found
  }
  const maybe = (name: string): boolean => {
    if (keyword() !== name) return false
    at++
    return true
  }
  const localNames = (name: string): LocalName[] => {
    const found: LocalName[] = []
    do {
      const there = value(name)
      found.push({ there, here: maybe('=') ? value('=') : there })
    } while (words[at]?.kind === 'text')
    return found
  }
  const setting = (): Setting => {
    const { text: name, line } = take()
    if (name !== 'no') {
      if (switches.has(name)) return { name, line, on: true, values: [] }
      maybe('=')
      const kind = takes[name]
      if (kind === undefined) throw new Misplaced(line, `"${name}" has no place here`)
      if (kind === 'list') return { name, line, on: true, values: values(name) }
      const first = value(name)
      // `envelope 1 Delivered-To`: so many are passed over.
      const skipped = name === 'envelope' && /^\d+$/.test(first) ? [first, value(name)] : [first]
      return { name, line, on: true, values: skipped }
    }
    const negated = take()
    if (!switches.has(negated.text) && negated.text !== 'envelope')
      throw new Misplaced(negated.line, '"no" is followed by nothing that can be switched off')
    return { name: negated.text, line, on: false, values: [] }
  }
  const belongsToServer = (): boolean => {
    const name = keyword() === 'no' ? words[at + 1]?.text : keyword()
    return name !== undefined && ofServer.has(name)
  }

  const user = (): UserEntry => {
    const entry: Open<UserEntry> = { line: words[at]?.line ?? 0, remote: undefined, names: [], settings: [] }
    const described = maybe('user')
    if (described) {
      const names = localNames('user')
      const [only, ...more] = names
      if (maybe('here')) entry.names.push(...names)
      else if (more.length > 0 || only?.here !== only?.there)
        throw new Misplaced(entry.line, '"user" is followed by more than one name, and not by "here" behind them')
      else {
        maybe('there')
        entry.remote = only?.there
      }
    }
    for (let name = keyword(); name !== undefined && name !== 'user' && !starts.has(name); name = keyword()) {
      if (belongsToServer())
        throw new Misplaced(
          words[at]?.line ?? 0,
          `"${name}" is about the server, and must stand before the first "user"`,
        )
      if (takes[name] !== 'names') {
        entry.settings.push(setting())
        continue
      }
      at++
      const names = localNames(name)
      if (name === 'is' && names.length === 1 && maybe('there')) entry.remote = names[0]?.there
      else {
        maybe('here')
        entry.names.push(...names)
      }
    }
    const next = words[at]
    if (next?.kind === 'text') {
      const before = words.slice(0, at).findLast(({ kind }) => kind === 'keyword')
      throw new Misplaced(next.line, `a word follows "${before?.text}" that fetchmail does not know`)
    }
    if (!described && keyword() === 'user')
      throw new Misplaced(next?.line ?? 0, '"user" must stand before the options of the user')
    return entry
  }

  /** After a fault: on to where the next entry begins, or (`users`) the next user of the same server. */
  const recover = (fault: unknown, users: boolean): void => {
    if (!(fault instanceof Misplaced)) throw fault
    faults.push({ file, line: fault.line, text: fault.message })
    for (; at < words.length; at++) {
      const name = keyword()
      if (name !== undefined && (starts.has(name) || (users && name === 'user'))) return
    }
  }

  while (at < words.length) {
    try {
      const { text: kind, kind: form, line } = take()
      if (form !== 'keyword' || !starts.has(kind))
        throw new Misplaced(line, 'an entry must begin with "poll", "skip", "defaults" or "set"')
      if (kind === 'set') {
        globals.push(setting())
        continue
      }
      const name = kind === 'defaults' ? '' : value(kind)
      const settings: Setting[] = []
      while (belongsToServer()) settings.push(setting())
      const users: UserEntry[] = []
      let whole = true
      while (at < words.length && !starts.has(keyword() ?? '')) {
        try {
          users.push(user())
        } catch (fault) {
          whole = false
          recover(fault, true)
        }
      }
      // fetchmail(1): without a description, the user is the one who runs it.
      if (users.length === 0 && whole) users.push({ line, remote: undefined, names: [], settings: [] })
      servers.push({
        kind: kind === 'defaults' ? 'defaults' : kind === 'skip' ? 'skip' : 'poll',
        name,
        line,
        settings,
        users,
      })
    } catch (fault) {
      recover(fault, false)
    }
  }
  return { globals, servers, faults }
}
