import type { Account } from '../accounts/directory.ts'
import { leaveText } from '../accounts/leave.ts'
import { consentWarning } from '../accounts/oauth/consent-end.ts'
import { limitsOf } from '../accounts/providers.ts'
import type { LedgerEntry, Trouble } from '../store/store.ts'
import { shown } from './account.ts'
import type { HandOnState } from '../doors/hand-on-state.ts'
import { count, dateText, octetsText, plural } from './amounts.ts'
import { readConfiguration } from './configuration.ts'
import type { Context } from './context.ts'
import { spellDuration } from './duration.ts'
import type { ExitCode } from './failure.ts'
import { chooseAccounts } from './fetch.ts'
import { handOnStates } from './hand-on.ts'
import { hostAndPort } from './listen-address.ts'
import { withDirectory, withStore } from './open.ts'
import { singleLine } from './printable.ts'

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
    } else
      for (const line of [...linesOf(account, { home, troubles, fetchEvery }), ...handOn.flatMap(handOnLines)])
        await context.output.line(line)
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

function handOnLines({ target, handed, waiting, refused, down }: HandOnState): string[] {
  const sum = `${count(handed)} handed on, ${count(waiting)} waiting, ${count(refused.length)} not taken`
  return [
    singleLine(`${target}: ${sum}`),
    ...(down === undefined ? [] : [singleLine(`  ${down.why}; tried again from ${dateText(down.next)}`)]),
    ...refused.map(({ message, attempts, why, next }) =>
      singleLine(`  message ${message}: ${why}; tried ${times(attempts)}, again from ${dateText(next)}`),
    ),
  ]
}

function times(attempts: number): string {
  return attempts === 1 ? 'once' : `${attempts} times`
}

function linesOf(
  account: Account,
  { home, troubles, fetchEvery }: { home: number; troubles: readonly Trouble[]; fetchEvery: number },
): string[] {
  const { address, user, protocol, server, port, tls, login, leave, options, lastTry, lastSuccess, lastError, state } =
    account
  const every = options.every ?? fetchEvery
  const least = limitsOf(account).leastInterval ?? 0
  const rows: [string, string | undefined][] = [
    ['account', address],
    ['for', user],
    ['from', `${protocol} ${hostAndPort(server, port)}, ${tls === 'none' ? 'without TLS' : `TLS ${tls}`}`],
    ['by way of', options.proxy],
    [
      'log-in',
      `${login}, by ${options.auth === 'oauth' ? `OAuth 2.0 (${options.issuer ?? 'own issuer'})` : secretText(account)}`,
    ],
    ['stays there', leaveText(leave)],
    ['fetched', every === 0 ? 'only when told to' : `every ${spellDuration(Math.max(every, least))} by \`serve\``],
    [
      'larger than',
      options.largest === undefined
        ? undefined
        : `${octetsText(options.largest)}: ${options.beyond === 'header' ? 'only the header comes' : 'waits'}`,
    ],
    ['per day', options.perDay === undefined ? undefined : octetsText(options.perDay)],
    ['into', options.mailbox],
    [
      'split',
      options.split &&
        `${Object.entries(options.split.users)
          .map(([to, who]) => `${to} for ${who}`)
          .join(', ')}, else for ${options.split.otherwise}`,
    ],
    ['handed on', options.handOn?.map(({ url }) => url).join(', ')],
    ['known', plural(home, 'message')],
    [
      'last try',
      lastTry === undefined
        ? 'not yet'
        : `${dateText(lastTry)}${lastError === undefined ? ': all went well' : `: ${lastError}`}`,
    ],
    ['last success', lastSuccess === undefined ? 'never' : dateText(lastSuccess)],
    [
      'failures',
      state.failures === undefined || state.failures === 0 ? undefined : `${state.failures} one after the other`,
    ],
    ['next try', state.next === undefined ? undefined : dateText(state.next)],
    ['log-in ends', consentWarning(address, state)],
    ['in quarantine', troubles.length === 0 ? 'nothing' : plural(troubles.length, 'message')],
  ]
  return [
    ...rows.flatMap(([name, text]) => (text === undefined ? [] : [`${name.padEnd(14)}${singleLine(text)}`])),
    ...troubles.map(({ uniqueId, attempts, why, next }) =>
      singleLine(`  ${uniqueId}: ${why}; tried ${times(attempts)}, again from ${dateText(next)}`),
    ),
  ]
}

function secretText({ options: { secretFrom } }: Account): string {
  if (secretFrom === 'keyring') return "a password in the system's keyring"
  return typeof secretFrom === 'object' ? `a password that \`${secretFrom.command}\` prints` : 'a password'
}

/** How many messages: one that has had several names there is one. */
function knownOf(rows: readonly LedgerEntry[]): number {
  const names = rows.map(({ message, hash, nth, uniqueId }) => message ?? (hash === '' ? uniqueId : `${hash} ${nth}`))
  return new Set(names).size
}
