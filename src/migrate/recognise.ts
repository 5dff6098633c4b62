import { accessSync, constants, existsSync, readdirSync, statSync } from 'node:fs'
import { homedir } from 'node:os'
import { basename, dirname, join, resolve } from 'node:path'
import { MisuseError } from '../errors.ts'
import type { Program } from './found.ts'
import { parseIni } from './ini.ts'
import { readText } from './text-file.ts'

/** A file of accounts, or a list of what was fetched, and whose it is. */
export interface Recognised {
  readonly program: Program
  readonly kind: 'accounts' | 'list'
  /** Of Thunderbird and of getmail's lists the folder, else the file; absolute. */
  readonly path: string
}

/** What a path leads to. Throws MisuseError where it is nothing of the programs that are known, or not of the one asked for. */
export function recognise(given: string, asked?: Program): Recognised[] {
  const path = resolve(given)
  const found = kindOf(path) === 'folder' ? inFolder(path) : inFile(path, asked)
  const wanted = asked === undefined ? found : found.filter(({ program }) => program === asked)
  if (wanted.length > 0) return wanted
  const others = [...new Set(found.map(({ program }) => program))].join(' and ')
  throw new MisuseError(
    'usage',
    others === ''
      ? `${given} is none of: the configuration of fetchmail, getmail or mpop, a profile of Thunderbird, a folder with one of them`
      : `${given} is of ${others}, and not of ${asked}`,
  )
}

function kindOf(path: string): 'file' | 'folder' {
  try {
    return statSync(path).isDirectory() ? 'folder' : 'file'
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    const why = code === 'ENOENT' || code === 'ENOTDIR' ? 'there is no such file or folder' : message
    throw new MisuseError('usage', `${path}: ${why}`)
  }
}

/** What a file is, by what is in it: it may have any name. `asked` settles what is of nobody. */
function inFile(path: string, asked: Program | undefined): Recognised[] {
  if (['prefs.js', 'user.js'].includes(basename(path))) return inFolder(dirname(path))
  const text = readText(path) ?? ''
  const first = /^\s*(?!#|\s)(\S+)(.*)$/m.exec(text)
  const [, word = '', rest = ''] = first ?? []
  const is = (program: Program, kind: Recognised['kind']): Recognised[] => [{ program, kind, path }]
  if (/^\[retriever\]/m.test(text)) return is('getmail', 'accounts')
  if (/^ \d+ \S+ \S/m.test(text)) return is('mpop', 'list')
  if (/^[^\0\n]+\0-?\d+\r?$/m.test(text)) return [{ program: 'getmail', kind: 'list', path: dirname(path) }]
  if (word === 'account' || word === 'eval') return is('mpop', 'accounts')
  if (word === 'defaults')
    return is(rest.trim() === '' && /^\s*account\s/m.test(text) ? 'mpop' : 'fetchmail', 'accounts')
  if (['set', 'poll', 'skip', 'server'].includes(word)) return is('fetchmail', 'accounts')
  if (/^\S[^\n]*@\S+ \S+$/m.test(text)) return is('fetchmail', 'list')
  return asked === undefined || asked === 'thunderbird' ? [] : is(asked, 'accounts')
}

/** Where the programs keep their configuration in a home. */
const inHome = ['.fetchmailrc', '.mpoprc', '.getmail', '.config/getmail', '.config/mpop/config', '.thunderbird']
/** Of a folder only files up to this size (octets) are looked into. */
const smallFile = 1 << 20

/** What a folder has: a profile, a home with the files of several programs, or getmail's files. */
function inFolder(path: string): Recognised[] {
  const has = (name: string): boolean => existsSync(join(path, name))
  if (has('prefs.js')) return [{ program: 'thunderbird', kind: 'accounts', path }]
  if (has('profiles.ini')) return profilesOf(path)
  const there = inHome.filter(has).map((name) => join(path, name))
  if (there.length > 0)
    return there.flatMap((one) => (kindOf(one) === 'folder' ? inFolder(one) : inFile(one, undefined)))
  const found = readdirSync(path)
    .toSorted()
    .map((name) => join(path, name))
    .filter((one) => isSmallFile(one) && !basename(one).startsWith('oldmail-'))
    .flatMap((one) => inFile(one, undefined).filter(({ kind }) => kind === 'accounts'))
  const lists = readdirSync(path).some((name) => name.startsWith('oldmail-'))
  return found.length === 0 && lists ? [{ program: 'getmail', kind: 'list', path }] : found
}

function isSmallFile(path: string): boolean {
  try {
    accessSync(path, constants.R_OK)
    const stat = statSync(path)
    return stat.isFile() && stat.size <= smallFile
  } catch {
    return false // a link that leads nowhere, a file that is somebody else's
  }
}

/** The profiles of a folder with a profiles.ini. */
function profilesOf(folder: string): Recognised[] {
  const { ini } = parseIni(readText(join(folder, 'profiles.ini')) ?? '', folder)
  return [...ini].flatMap(([section, values]) => {
    const path = values.get('path')?.text
    if (!/^Profile\d+$/.test(section) || path === undefined) return []
    const profile = values.get('isrelative')?.text === '0' ? path : join(folder, path)
    return readText(join(profile, 'prefs.js')) === undefined
      ? []
      : [{ program: 'thunderbird' as const, kind: 'accounts' as const, path: profile }]
  })
}

/** The home of the person whose configuration this is, as far as its usual place tells it; else one's own. */
export function homeOf(path: string): string {
  const [, home] =
    /^(.*)\/(?:\.fetchmailrc|\.mpoprc|\.getmail\/[^/]+|\.config\/(?:getmail\/[^/]+|mpop\/config))$/.exec(path) ?? []
  return home === undefined || home === '' ? homedir() : home
}
