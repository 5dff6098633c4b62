import { ConsentNeeded } from '../accounts/oauth/consent-needed.ts'
import { MisuseError, PostinoError, RefusedError, StoreError } from '../errors.ts'
import type { Reason } from '../reasons.ts'
import { singleLine } from './printable.ts'

/** How a command ended (sysexits.h calls 75 EX_TEMPFAIL). */
export type ExitCode = 0 | 1 | 2 | 75

/** One line for a person: what happened, to what, and what to do. */
export function describeFailure(error: unknown): string {
  if (error instanceof PostinoError) return singleLine(error.message)
  if (!(error instanceof Error)) return `unexpected: ${singleLine(String(error))}`
  const system = describeSystemError(error)
  if (system !== undefined) return singleLine(system)
  return `unexpected: ${singleLine(error.message)} (POSTINO_DEBUG=1 shows where; please report it)`
}

/** The same of a remote account: with what to do where the server only said no. */
export function describeAccountFailure(error: unknown): string {
  const text = describeFailure(error)
  // That one says itself what to do.
  if (error instanceof ConsentNeeded) return text
  return error instanceof RefusedError ? `${text.replace(/\.$/, '')}${whatToDo[error.reason]}` : text
}

const whatToDo: Readonly<Record<Reason, string>> = {
  'bad-login': '; check the login and the password, and whether the provider wants an app password',
  no: '; check the login and the password, and whether the provider wants an app password',
  'in-use': '; another program is reading that mailbox: try again when it is done',
  'login-delay': '; the server wants some time between two log-ins: try again later',
  'try-later': '; try again later',
  broken: '; trying again will not help: ask the provider',
  'needs-utf8': '; this message is only for programs that read UTF-8 headers',
}

/** The exit code that an error asks for. */
export function exitCodeOf(error: unknown): ExitCode {
  if (error instanceof MisuseError) return 2
  if (isTemporary(error)) return 75
  return 1
}

/** Whether the other side, or another process here, says to try again later. */
export function isTemporary(error: unknown): boolean {
  if (error instanceof StoreError) return error.retry
  if (!(error instanceof RefusedError)) return false
  return error.reason === 'in-use' || error.reason === 'try-later' || error.reason === 'login-delay'
}

const systemErrors: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file or folder',
  EACCES: 'you have no right to it',
  EPERM: 'that is not permitted',
  EISDIR: 'it is a folder',
  ENOTDIR: 'it is not a folder',
  EEXIST: 'it is there already',
  ENOSPC: 'the disk is full; free some space and try again',
  EDQUOT: 'your quota is used up; free some space and try again',
  EROFS: 'it is on a disk that can only be read',
  EMFILE: 'too many files are open',
  EADDRINUSE: 'something else listens there; choose another port',
  EADDRNOTAVAIL: 'this machine has no such address',
}

function describeSystemError(error: Error): string | undefined {
  const { code, path, address, port } = error as NodeJS.ErrnoException & { address?: string; port?: number }
  if (code === undefined) return undefined
  const why = systemErrors[code]
  const where = path ?? (address === undefined ? undefined : `${address}:${port}`)
  if (why === undefined) return where === undefined ? undefined : `${where}: ${error.message}`
  return where === undefined ? `${why} (${error.message})` : `${where}: ${why}`
}
