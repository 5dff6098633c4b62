import type { Reason } from './reasons.ts'

/** Every code that a Postino error carries. Codes are stable; messages are for people and may change. */
export type ErrorCode = PeerCode | MisuseCode | RefusedCode | StoreCode

export type PeerCode =
  | 'protocol'
  | 'line-too-long'
  | 'reply-too-long'
  | 'connection-lost'
  | 'timed-out'
  | 'unreachable'
  | 'tls'
export type MisuseCode = 'usage' | 'configuration' | 'state'
export type RefusedCode = 'refused'
export type StoreCode =
  | 'damaged' // octets do not match their hash, or a file does not have its format
  | 'missing' // a file that must be there is not
  | 'newer-schema' // written by a newer Postino
  | 'read-only'
  | 'disk-full'
  | 'busy' // another process holds it
  | 'no-such-message'
  | 'no-such-user'
  | 'over-quota' // there is no room left of what the user may keep
  | 'held' // a legal hold is on it
  | 'io'

/** What all Postino errors share. Which class it is tells who must act. */
export abstract class PostinoError extends Error {
  abstract readonly code: ErrorCode
}

/** The other side broke the protocol, or the line: note it and hang up. */
export class PeerError extends PostinoError {
  override readonly name = 'PeerError'
  readonly code: PeerCode
  /** Whether commands were under way together (PIPELINING), so that an answer may have been lost: one by one it may go well. */
  readonly pipelined: boolean
  constructor(code: PeerCode, message: string, options?: ErrorOptions & { pipelined?: boolean }) {
    super(message, options)
    this.code = code
    this.pipelined = options?.pipelined ?? false
  }
}

/** Our caller is wrong: the words of a command, the configuration, or the program. */
export class MisuseError extends PostinoError {
  override readonly name = 'MisuseError'
  readonly code: MisuseCode
  constructor(code: MisuseCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

/** The other side understood and said no. */
export class RefusedError extends PostinoError {
  override readonly name = 'RefusedError'
  readonly code = 'refused'
  readonly reason: Reason
  /** The other side's own words, as they came. */
  readonly reply: string
  constructor(reason: Reason, reply: string, message: string, options?: ErrorOptions) {
    super(message, options)
    this.reason = reason
    this.reply = reply
  }
}

/** Disk, index or quota. `retry`: whether the same call may succeed later without anybody doing anything. */
export class StoreError extends PostinoError {
  override readonly name = 'StoreError'
  readonly code: StoreCode
  readonly retry: boolean
  constructor(code: StoreCode, message: string, options?: ErrorOptions & { retry?: boolean }) {
    super(message, options)
    this.code = code
    this.retry = options?.retry ?? code === 'busy'
  }
}
