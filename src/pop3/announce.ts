import type { Mechanism } from '../sasl/mechanism.ts'
import { type Policy, type ServerOptions, usualPolicy } from './server-options.ts'

/** What is so at the moment when CAPA is asked. */
export interface Moment {
  readonly options: ServerOptions
  readonly loggedIn: boolean
  /** Whether one may log in, and by which mechanisms. */
  readonly mayLogIn: boolean
  readonly mechanisms: readonly Mechanism[]
  readonly mayStartTls: boolean
  /** Whether there is a choice of languages. */
  readonly languages: boolean
  /** Of the user, where one has logged in and it is known. */
  readonly policy: Policy | undefined
}

/** The lines of CAPA (RFC 2449 §5, §6). What can be used before the log-in is told after it as well. */
export function announce(moment: Moment): string[] {
  const { options, mechanisms } = moment
  const lines = ['TOP', 'UIDL', 'RESP-CODES', 'AUTH-RESP-CODE', 'PIPELINING', ...policyLines(moment)]
  // RFC 6856 §2.2: names and passwords may be UTF-8.
  if (options.utf8 !== false) lines.push('UTF8 USER')
  if (moment.languages) lines.push('LANG')
  if (moment.mayLogIn) lines.push('USER')
  if (mechanisms.length > 0) lines.push(`SASL ${mechanisms.join(' ')}`)
  if (moment.mayStartTls) lines.push('STLS')
  return [...lines, `IMPLEMENTATION ${options.implementation ?? 'Postino'}`]
}

function policyLines({ options, policy, loggedIn }: Moment): string[] {
  const general = options.policy ?? usualPolicy
  const { expire, loginDelay } = policy ?? general
  // RFC 2449 §6.5, §6.7: USER says, before the log-in, that it may differ for each user.
  const perUser = (differs: boolean | undefined): string => (differs === true && !loggedIn ? ' USER' : '')
  const lines = [`EXPIRE ${expire === 'never' ? 'NEVER' : expire}${perUser(general.expirePerUser)}`]
  if (general.loginDelay > 0 || general.loginDelayPerUser === true || loginDelay > 0) {
    lines.push(`LOGIN-DELAY ${loginDelay}${perUser(general.loginDelayPerUser)}`)
  }
  return lines
}
