import type { HandOnTarget } from '../accounts/hand-on-target.ts'
import { RefusedError } from '../errors.ts'
import type { Reach } from '../net/connect.ts'
import { commandCourier } from './hand-on-command.ts'
import type { Courier } from './hand-on-courier.ts'
import { imapCourier } from './hand-on-imap.ts'
import type { HandOnSecret } from './hand-on-log-in.ts'
import { maildirCourier } from './hand-on-maildir.ts'
import { smtpCourier } from './hand-on-smtp.ts'
import type { Patience } from './pop3-connection.ts'

/** How to get to a target. */
export interface TargetAccess {
  readonly target: HandOnTarget
  /** The address of the account whose mail it is. */
  readonly address: string
  /** What to log in with, where that is wanted. */
  readonly secret?: HandOnSecret | undefined
  readonly signal?: AbortSignal | undefined
  readonly patience?: Patience | undefined
  readonly reach?: Reach | undefined
}

/** Opens a target: connects, and logs in where that is wanted. Rejects with PostinoError. */
export async function openCourier(access: TargetAccess): Promise<Courier> {
  const { target, address, secret, signal, patience, reach } = access
  const options = { signal, patience, reach }
  switch (target.kind) {
    case 'imap':
      if (secret === undefined) throw new RefusedError('bad-login', '', `there is no password for ${target.name}`)
      return await imapCourier(target, secret, options)
    case 'smtp':
    case 'lmtp':
      return await smtpCourier(target, secret, { ...options, account: address })
    case 'maildir':
      return await maildirCourier(target)
    case 'command':
      return commandCourier(target, { account: address, signal })
  }
}

/** Whether a target can be opened now: as `account add` tries a log-in before it saves it. Nothing is handed on. */
export async function tryTarget(access: TargetAccess): Promise<void> {
  const courier = await openCourier(access)
  await courier.close()
}
