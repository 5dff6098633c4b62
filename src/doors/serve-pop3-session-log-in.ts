import { TooManyLogIns } from '../accounts/crowd.ts'
import type { Credentials } from '../pop3/need.ts'
import type { Pop3Server } from '../pop3/server.ts'
import type { Reason } from '../reasons.ts'
import type { Say } from '../pop3/texts.ts'
import type { OpenMaildrop, OpenMaildropFor } from './open-maildrop.ts'
import { messageOf, reasonOf, sayRefused } from './serve-pop3-failure.ts'
import type { Authentication, Pop3DoorOptions } from './serve-pop3-options.ts'
import type { SessionTally } from './serve-pop3-session-log.ts'

export interface LogInOptions {
  readonly authenticator: Authentication
  readonly openMaildrop: OpenMaildropFor
  readonly onLogIn: Pop3DoorOptions['onLogIn']
}

/** One session's way in. */
export interface Entrance {
  readonly server: Pop3Server
  readonly tally: SessionTally
  readonly address: string
  /** Whether the client is there no more: then nothing is locked for it. */
  readonly gone: () => boolean
}

/**
 * The first half of `log-in`: gives the maildrop that is now locked for the session. Undefined: there is none, and the need has been
 * answered.
 */
export async function logIn(
  credentials: Credentials,
  options: LogInOptions,
  entrance: Entrance,
): Promise<OpenMaildrop | undefined> {
  const begun = performance.now()
  const { server, tally, address } = entrance
  const refuse = (reason: Reason, say: Say): undefined => {
    options.onLogIn?.(reason, performance.now() - begun)
    server.refuse(reason, say)
  }
  let found: Awaited<ReturnType<Authentication['authenticate']>>
  try {
    found = await options.authenticator.authenticate(credentials, address)
  } catch (error) {
    tally.problem = messageOf(error)
    return refuse(reasonOf(error), sayNotLookedAt(error))
  }
  if (found === undefined) {
    tally.failedLogIns++
    return refuse('bad-login', (texts) => texts.wrongLogin)
  }
  if (entrance.gone()) return refuse('try-later', (texts) => texts.whyUnknown)
  const { user, device } = found
  try {
    const open = await options.openMaildrop({ user, device, address })
    tally.user = user
    tally.device = device
    tally.mechanism = credentials.by === 'apop' ? 'APOP' : credentials.mechanism
    return open
  } catch (error) {
    tally.problem = messageOf(error)
    return refuse(
      reasonOf(error),
      sayRefused(error, (why) => (texts) => texts.cannotOpen(why(texts))),
    )
  }
}

/** Answers `keys`. */
export async function giveKeys(login: string, options: LogInOptions, entrance: Entrance): Promise<void> {
  const { server, tally, address } = entrance
  const begun = performance.now()
  try {
    const keys = await options.authenticator.keys?.(login, address)
    if (keys !== undefined) return server.keys(keys)
    server.refuse('bad-login', (texts) => texts.wrongLogin)
  } catch (error) {
    tally.problem = messageOf(error)
    options.onLogIn?.(reasonOf(error), performance.now() - begun)
    server.refuse(reasonOf(error), sayNotLookedAt(error))
  }
}

/** Why the credentials were not even looked at. */
function sayNotLookedAt(error: unknown): Say {
  if (error instanceof TooManyLogIns) return (texts) => texts.tooManyLogIns
  return sayRefused(error, (why) => why)
}
