import { MisuseError } from '../errors.ts'
import { readFetchmail } from './fetchmail.ts'
import type { Findings, Found, Program, Remark } from './found.ts'
import { readGetmail } from './getmail.ts'
import { readMpop } from './mpop.ts'
import { homeOf, recognise } from './recognise.ts'
import { readThunderbird } from './thunderbird.ts'

/**
 * Reads the accounts that these paths lead to. Lists of what was fetched that are among them count for all accounts of their program.
 * `person`: the login name of who runs this. Writes nothing. Throws MisuseError where a path is nothing that is known.
 */
export function readAccounts(
  paths: readonly string[],
  options: { readonly from?: Program; readonly person: string },
): Findings {
  const recognised = paths.flatMap((path) => recognise(path, options.from))
  if (!recognised.some(({ kind }) => kind === 'accounts'))
    throw new MisuseError(
      'usage',
      `${paths.join(', ')}: that is a list of what was fetched; give the configuration beside it`,
    )
  const accounts: Found[] = []
  const faults: Remark[] = []
  const remarks: Remark[] = []
  const done = new Set<string>()
  for (const { program, kind, path } of recognised) {
    if (kind === 'list' || done.has(path)) continue
    done.add(path)
    const lists = recognised.filter((one) => one.kind === 'list' && one.program === program).map((one) => one.path)
    const around = { home: homeOf(path), person: options.person, lists }
    const found =
      program === 'fetchmail'
        ? readFetchmail(path, around)
        : program === 'getmail'
          ? readGetmail(path, around)
          : program === 'mpop'
            ? readMpop(path, around)
            : readThunderbird(path)
    accounts.push(...found.accounts)
    faults.push(...found.faults)
    remarks.push(...found.remarks)
  }
  return { accounts, faults, remarks }
}
