import { type Dirent } from 'node:fs'
import { readdir, readFile, realpath, stat } from 'node:fs/promises'
import type { Flag } from '../store/store.ts'
import { DovecotUidlist } from './dovecot-uidlist.ts'
import { flagsOfName, mailboxOfFolder } from './maildir.ts'

/**
 * A path octet for octet: each character is one octet of it, so that names which are not UTF-8 can be opened and sorted too.
 * `pathOctets` is what the file system is called with, `pathText` what people read.
 */
export type BytePath = string

export const bytePath = (path: string): BytePath => Buffer.from(path).toString('latin1')
export const pathOctets = (path: BytePath): Buffer => Buffer.from(path, 'latin1')
export const pathText = (path: BytePath): string => pathOctets(path).toString()

/** A file that may hold mail, or (`why`) a place that could not be read. `form`: what the file is, where that is known. */
export interface Source {
  readonly path: BytePath
  readonly mailbox: string
  readonly form: 'message' | 'mbox' | 'unknown'
  readonly flags: readonly Flag[]
  /** Its file's time is when it was received, whatever its header says. */
  readonly trustTime?: boolean
  /** What the server that kept it here gave it as unique-id. */
  readonly uniqueId?: string | undefined
  readonly why?: string
}

/**
 * Finds what may be mail at a path: the file, or all files of a folder, a Maildir or a Thunderbird folder, in name order.
 * `uidlFormat`: Dovecot's, of unique-ids.
 */
export async function* findMail(path: BytePath, mailbox: string, uidlFormat?: string): AsyncGenerator<Source> {
  yield* look(path, { mailbox, inside: [], uidlFormat })
}

interface Place {
  readonly mailbox: string
  /** The real paths of the folders that this one is in. */
  readonly inside: readonly string[]
  readonly uidlFormat: string | undefined
}

async function* look(path: BytePath, place: Place): AsyncGenerator<Source> {
  const source: Source = { path, mailbox: place.mailbox, form: 'unknown', flags: [] }
  try {
    const found = await stat(pathOctets(path))
    // A pipe is read where it was asked for, but a pipe or a device that happens to lie in a folder is not.
    if (!found.isDirectory()) {
      if (found.isFile() || place.inside.length === 0) yield source
      else yield { ...source, why: 'it is not a file' }
      return
    }
    const real = await realpath(pathOctets(path), 'latin1')
    if (place.inside.includes(real)) {
      yield { ...source, why: 'this link leads back to a folder that it is in' }
      return
    }
    const entries = await readdir(pathOctets(path), { withFileTypes: true, encoding: 'latin1' })
    entries.sort((a, b) => (a.name < b.name ? -1 : 1))
    yield* lookInto(path, entries, { ...place, inside: [...place.inside, real] })
  } catch (error) {
    yield { ...source, why: whyUnreadable(error) }
  }
}

function lookInto(path: BytePath, entries: readonly Dirent[], place: Place): AsyncGenerator<Source> {
  const names = new Set(entries.map(({ name }) => name))
  if (names.has('cur') && names.has('new')) return lookIntoMaildir(path, entries, place)
  if (entries.some(({ name }) => name.endsWith('.msf'))) return lookIntoThunderbird(path, names, place, '')
  return lookIntoFolder(path, entries, place)
}

async function* lookIntoFolder(path: BytePath, entries: readonly Dirent[], place: Place): AsyncGenerator<Source> {
  for (const entry of entries) {
    if (entry.name.startsWith('.')) continue
    const inner = `${path}/${entry.name}`
    if (entry.isFile()) yield { path: inner, mailbox: place.mailbox, form: 'unknown', flags: [] }
    else yield* look(inner, place)
  }
}

async function* lookIntoMaildir(path: BytePath, entries: readonly Dirent[], place: Place): AsyncGenerator<Source> {
  const files: { name: string; path: BytePath }[] = []
  for (const part of ['cur', 'new']) {
    try {
      for (const name of await readdir(pathOctets(`${path}/${part}`), 'latin1')) {
        if (!name.startsWith('.')) files.push({ name, path: `${path}/${part}/${name}` })
      }
    } catch (error) {
      yield { path: `${path}/${part}`, mailbox: place.mailbox, form: 'message', flags: [], why: whyUnreadable(error) }
    }
  }
  // Names begin with the second of their delivery, so that this is the order of arrival.
  files.sort((a, b) => parseInt(a.name, 10) - parseInt(b.name, 10) || (a.name < b.name ? -1 : 1))
  const uidlist = await uidlistOf(path)
  if (typeof uidlist === 'string')
    yield { path: `${path}/dovecot-uidlist`, mailbox: place.mailbox, form: 'message', flags: [], why: uidlist }
  for (const { name, path: file } of files) {
    const uniqueId = typeof uidlist === 'object' ? uidlist.uniqueIdOf(name, place.uidlFormat) : undefined
    const flags = flagsOfName(name)
    yield { path: file, mailbox: place.mailbox, form: 'message', flags, trustTime: true, uniqueId }
  }
  // Maildir++: the other mailboxes are all beside each other at the root.
  for (const { name } of entries) {
    if (!/^\.[^.]/.test(name)) continue
    const inner = `${path}/${name}`
    const parts = await readdir(pathOctets(inner), { withFileTypes: true, encoding: 'latin1' }).catch(() => [])
    if (!parts.some((part) => part.name === 'cur')) continue
    yield* lookIntoMaildir(inner, [], { ...place, mailbox: mailboxOfFolder(pathText(name)) })
  }
}

/** Dovecot's list of a Maildir; undefined where there is none; or why it cannot be used. */
async function uidlistOf(path: BytePath): Promise<DovecotUidlist | string | undefined> {
  try {
    const text = await readFile(pathOctets(`${path}/dovecot-uidlist`), 'latin1')
    return DovecotUidlist.parse(text) ?? 'it is not in a form that is known; the unique-ids in it were not taken over'
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    return `${whyUnreadable(error)}; the unique-ids in it were not taken over`
  }
}

/** Thunderbird: mailbox `X` is the mbox `X` beside its index `X.msf`; the mailboxes in it are in the folder `X.sbd`. */
async function* lookIntoThunderbird(
  path: BytePath,
  names: ReadonlySet<string>,
  place: Place,
  above: string,
): AsyncGenerator<Source> {
  for (const name of [...names].toSorted()) {
    const bare = name.replace(/\.sbd$/, '')
    const called = `${above}${pathText(bare)}`
    const mailbox = called.toLowerCase() === 'inbox' ? place.mailbox : called
    const inner = `${path}/${name}`
    if (name.endsWith('.sbd')) {
      try {
        const within = new Set(await readdir(pathOctets(inner), 'latin1'))
        yield* lookIntoThunderbird(inner, within, place, `${called}/`)
      } catch (error) {
        yield { path: inner, mailbox, form: 'mbox', flags: [], why: whyUnreadable(error) }
      }
    } else if (names.has(`${name}.msf`)) {
      const size = await stat(pathOctets(inner)).then(
        (found) => found.size,
        () => undefined,
      )
      if (size !== 0) yield { path: inner, mailbox, form: 'mbox', flags: [] }
    }
  }
}

/** Why a file could not be read, for a person. */
export function whyUnreadable(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException
  return (code === undefined ? undefined : reasons[code]) ?? message
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file or folder',
  EACCES: 'you have no permission to read it',
  EPERM: 'you have no permission to read it',
  ELOOP: 'its links lead in a circle',
  EIO: 'the disk cannot read it (EIO)',
}
