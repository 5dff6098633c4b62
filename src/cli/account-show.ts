import type { Account } from '../accounts/directory.ts'
import { consentWarning } from '../accounts/oauth/consent-end.ts'
import type { LedgerEntry } from '../store/store.ts'
import { shown } from './account.ts'
import { type Row, rowLines, settingRows } from './account-lines.ts'
import type { HandOnState } from '../doors/hand-on-state.ts'
import { count, dateText, plural } from './amounts.ts'
import { readConfiguration } from './configuration.ts'
import type { Context } from './context.ts'
import type { ExitCode } from './failure.ts'
import { chooseAccounts } from './fetch.ts'
import { handOnStates } from './hand-on.ts'
import { withDirectory, withStore } from './open.ts'
import { singleLine, wrapWords } from './printable.ts'

/** `postino account show ADDRESS`: its settings, how it goes, and what could not be fetched. */
export async function showAccount(context: Context, address: string): Promise<ExitCode> {
  const { fetchEvery } = await readConfiguration(context.data, process.env)
  return await withDirectory(context, async (directory): Promise<ExitCode> => {
    const [account] = chooseAccounts(directory, [address])
    if (account === undefined) return 1
    const name = `${account.protocol}:${account.address}`
    const { home, troubles, handOn } = await withStore(context, async (store) => {
      const mail = await store.open(account.user)
      return await mail.read((view) => ({
        home: knownOf(view.ledger(name)),
        troubles: view.troubles(name),
        handOn: handOnStates(view, account, Date.now()),
      }))
    })
    if (context.json) {
      const { failures = 0, next, consentEnds } = account.state
      await context.output.json({
        ...shown(account),
        known: home,
        failures,
        ...(next !== undefined && { next: new Date(next).toISOString() }),
        ...(consentEnds !== undefined && { consentEnds: new Date(consentEnds).toISOString() }),
        quarantined: troubles.map(({ uniqueId, attempts, why, next: again }) => ({
          uniqueId,
          attempts,
          why,
          next: new Date(again).toISOString(),
        })),
        ...(handOn.length > 0 && { handOn: handOn.map(shownHandOn) }),
      })
    } else {
      const { columns } = context.output
      const rows = [...settingRows(account, fetchEvery), ...stateRows(account, home, troubles.length)]
      const lines = [
        ...rowLines(rows, columns),
        ...troubles.flatMap((trouble) => troubleLine(trouble.uniqueId, trouble, columns)),
        ...handOn.flatMap((place) => handOnLines(place, columns)),
      ]
      for (const line of lines) await context.output.line(line)
    }
    return 0
  })
}

function shownHandOn({ target, handed, waiting, refused, down, due }: HandOnState): object {
  const time = (when: number): string => new Date(when).toISOString()
  return {
    target,
    handed,
    waiting,
    refused: refused.map((one) => ({ ...one, next: time(one.next) })),
    ...(down !== undefined && { down: { ...down, next: time(down.next) } }),
    ...(due !== undefined && due > 0 && { next: time(due) }),
  }
}

function handOnLines({ target, handed, waiting, refused, down }: HandOnState, columns: number | undefined): string[] {
  const sum = `${count(handed)} handed on, ${count(waiting)} waiting, ${count(refused.length)} not taken`
  return [
    ...wrapWords(singleLine(`${target}: ${sum}`), columns, 4),
    ...(down === undefined ? [] : detail(`${down.why}; tried again from ${dateText(down.next)}`, columns)),
    ...refused.flatMap((one) => troubleLine(`message ${one.message}`, one, columns)),
  ]
}

/** How many messages are known: one that has had several names at its provider counts once. */
function knownOf(entries: readonly LedgerEntry[]): number {
  return new Set(entries.map(({ message, hash, uniqueId }) => message ?? (hash === '' ? `had ${uniqueId}` : hash))).size
}

function times(attempts: number): string {
  return attempts === 1 ? 'once' : `${attempts} times`
}

/** How it goes. */
function stateRows(
  { address, lastTry, lastSuccess, lastError, state }: Account,
  home: number,
  troubles: number,
): Row[] {
  const { failures = 0, next } = state
  return [
    ['known', plural(home, 'message')],
    [
      'last try',
      lastTry === undefined
        ? 'not yet'
        : `${dateText(lastTry)}: ${lastError === undefined ? 'all went well' : lastError}`,
    ],
    ['last success', lastSuccess === undefined ? 'never' : dateText(lastSuccess)],
    ['failures', failures === 0 ? undefined : `${failures} one after the other`],
    ['next try', next === undefined ? undefined : dateText(next)],
    ['log-in ends', consentWarning(address, state)],
    ['in quarantine', troubles === 0 ? 'nothing' : plural(troubles, 'message')],
  ]
}

/** One message that could not be fetched, or handed on. */
function troubleLine(
  name: string,
  { attempts, why, next }: { attempts: number; why: string; next: number },
  columns: number | undefined,
): string[] {
  return detail(`${name}: ${why}; tried ${times(attempts)}, again from ${dateText(next)}`, columns)
}

function detail(text: string, columns: number | undefined): string[] {
  return wrapWords(`  ${singleLine(text)}`, columns, 4)
}
