/** What a user chose for the maildrops. */
export interface UserSettings {
  /** What becomes of a message that a client deletes: gone from that maildrop only; moved to the trash; gone for good. */
  readonly dele: 'hide' | 'trash' | 'expunge'
  /** How long the trash keeps a message, days. */
  readonly trashDays: number
  /** How long a maildrop keeps a message that was read, days; undefined: for ever. What CAPA says of EXPIRE (RFC 2449 §6.6). */
  readonly expireDays: number | undefined
  /** The least time between two log-ins, seconds; 0: none (RFC 2449 §6.5). */
  readonly loginDelay: number
  /** What a new device begins with: all that is there, or what comes from then on. */
  readonly newDevices: 'all' | 'new'
}

/** Where a user chose nothing. */
export const usualSettings: UserSettings = {
  dele: 'hide',
  trashDays: 30,
  expireDays: undefined,
  loginDelay: 0,
  newDevices: 'all',
}
