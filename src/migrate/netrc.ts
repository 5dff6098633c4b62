import { join } from 'node:path'
import { readText } from './text-file.ts'

/** An entry of a .netrc file. */
interface Machine {
  /** Undefined: the default. */
  readonly name: string | undefined
  login?: string
  password?: string
}

const word = /"((?:[^"\\]|\\.)*)"|[^\s,]+/gsy

/** The password that `~/.netrc` has for a login at the first of these hosts that it knows. */
export function netrcPassword(home: string, hosts: readonly string[], login: string): string | undefined {
  const text = readText(join(home, '.netrc'))
  return text === undefined ? undefined : passwordIn(text, hosts, login)
}

/** The same in the text of such a file. An entry without a login, and the default one, count for every login. */
export function passwordIn(text: string, hosts: readonly string[], login: string): string | undefined {
  const machines = machinesOf(text)
  for (const host of [...hosts, undefined]) {
    const found = machines.find(
      ({ name, login: theirs, password }) =>
        name?.toLowerCase() === host?.toLowerCase() && (theirs ?? login) === login && password !== undefined,
    )
    if (found !== undefined) return found.password
  }
  return undefined
}

function machinesOf(text: string): Machine[] {
  const machines: Machine[] = []
  let at = 0
  const next = (): string | undefined => {
    for (;;) {
      while (/[\s,]/.test(text.charAt(at))) at++
      if (text[at] !== '#' || at >= text.length) break
      at = endOfLine(text, at)
    }
    word.lastIndex = at
    const found = word.exec(text)
    if (found === null) {
      at = text.length
      return undefined
    }
    at = word.lastIndex
    return found[1]?.replace(/\\(.)/gs, '$1') ?? found[0]
  }
  for (let key = next(); key !== undefined; key = next()) {
    const last = machines.at(-1)
    if (key === 'machine') machines.push({ name: next() ?? '' })
    else if (key === 'default') machines.push({ name: undefined })
    else if (key === 'login' || key === 'password') {
      const value = next()
      if (last !== undefined && value !== undefined) last[key] = value
    } else if (key === 'account') next()
    else if (key === 'macdef') {
      // A macro ends at the first empty line.
      const end = /\n[ \t]*\r?\n/g
      end.lastIndex = at
      at = end.exec(text) === null ? text.length : end.lastIndex
    }
  }
  return machines
}

function endOfLine(text: string, at: number): number {
  const end = text.indexOf('\n', at)
  return end < 0 ? text.length : end
}
