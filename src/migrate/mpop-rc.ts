import type { Remark } from './found.ts'
import { numberedLines } from './text-file.ts'

/** A command of mpop's configuration, and where it stands. */
export interface MpopValue {
  readonly text: string
  readonly line: number
}

/** An account with all that it inherits, by command. */
export interface MpopAccount {
  readonly name: string
  readonly line: number
  readonly values: ReadonlyMap<string, MpopValue>
}

/** Every command that mpop 1.4 knows. */
const commands: ReadonlySet<string> = new Set(
  (
    'host port source_ip proxy_host proxy_port socket timeout pipelining auth user password passwordeval ntlmdomain tls tls_starttls ' +
    'tls_trust_file tls_crl_file tls_fingerprint tls_key_file tls_cert_file tls_certcheck tls_priorities tls_host_override ' +
    'tls_min_dh_prime_bits tls_force_sslv3 delivery uidls_file only_new keep killsize skipsize filter received_header'
  ).split(' '),
)

/** An account while it is read: what it says itself or inherits comes before the defaults of its place. */
interface Draft {
  readonly name: string
  readonly line: number
  readonly defaults: ReadonlyMap<string, MpopValue>
  readonly own: Map<string, MpopValue>
  broken: boolean
}

/** Reads mpop's configuration (mpop(1)). An account with a fault, or one that inherits from it, is left out, and the fault named. */
export function parseMpopRc(
  text: string,
  file: string,
): { accounts: MpopAccount[]; faults: Remark[]; remarks: Remark[] } {
  const drafts = new Map<string, Draft>()
  const faults: Remark[] = []
  const remarks: Remark[] = []
  const defaults = new Map<string, MpopValue>()
  let values: Map<string, MpopValue> | undefined
  let draft: Draft | undefined
  for (const { line, text: whole } of numberedLines(text)) {
    const fault = (what: string): void => {
      faults.push({ file, line, text: what })
      if (draft !== undefined) draft.broken = true
    }
    const [, command = '', rest = ''] = /^[ \t]*([^ \t]*)[ \t]*(.*?)[ \t]*$/.exec(whole) ?? []
    if (command === '' || command.startsWith('#')) continue
    const argument = /^".*"$/.test(rest) && rest.length > 1 ? rest.slice(1, -1) : rest
    if (command === 'defaults') {
      values = defaults
      draft = undefined
    } else if (command === 'account') {
      const colon = argument.indexOf(':')
      const name = (colon < 0 ? argument : argument.slice(0, colon)).trim()
      draft = { name, line, defaults: new Map(defaults), own: new Map(), broken: false }
      values = draft.own
      if (name === '' || name.includes(',')) fault('an account must have a name, without commas')
      else if (drafts.has(name)) fault(`there is an account ${JSON.stringify(name)} before this one`)
      else drafts.set(name, draft)
      for (const parent of colon < 0 ? [] : argument.slice(colon + 1).split(',')) {
        const from = drafts.get(parent.trim())
        if (from === undefined || from === draft)
          fault(`the account ${JSON.stringify(parent.trim())} of which ${name} is to inherit does not stand before it`)
        else if (from.broken) draft.broken = true
        for (const [key, value] of from?.own ?? []) values.set(key, value)
      }
    } else if (command === 'eval') {
      const why = 'no command is run to read this file; write here what it gives, and migrate again'
      remarks.push({ file, line, text: `eval is not taken over: ${why}` })
    } else if (values === undefined) fault('a configuration must begin with "account" or "defaults"')
    // What is no command may be anything, a password too.
    else if (!commands.has(command)) fault('this line begins with no command of mpop')
    else values.set(command, { text: argument, line })
  }
  const accounts = [...drafts.values()].flatMap(({ name, line, defaults: usual, own, broken }) =>
    broken ? [] : [{ name, line, values: new Map([...usual, ...own]) }],
  )
  return { accounts, faults, remarks }
}
