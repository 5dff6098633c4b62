/** What a user chose for the maildrops. */
export interface UserSettings {
  /** What becomes of a message that a client deletes: gone from that maildrop only; moved to the trash; gone for good. */
  readonly dele: 'hide' | 'trash' | 'expunge'
  /** How long the trash keeps a message, days. */
  readonly trashDays: number
  /** For so many days after it was stored a maildrop has a message; undefined: for ever. What CAPA says of EXPIRE (RFC 2449 §6.7). */
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

/** Where the directory keeps each. */
export const settingColumns: Readonly<Record<keyof UserSettings, string>> = {
  dele: 'dele',
  trashDays: 'trash_days',
  expireDays: 'expire_days',
  loginDelay: 'login_delay',
  newDevices: 'new_devices',
}

/** What is wrong with these settings, for a person; undefined where nothing is. */
export function settingsFault(settings: Partial<UserSettings>): string | undefined {
  const { trashDays, expireDays, loginDelay } = settings
  const whole = (value: number | undefined, most: number): boolean =>
    value === undefined || (Number.isInteger(value) && value >= 0 && value <= most)
  if (!whole(trashDays, 36_500)) return `the trash cannot keep messages for ${trashDays} days: give 0 to 36500`
  // RFC 2449 §6.7: EXPIRE 0 would say that a message may go as soon as it was read.
  if (!whole(expireDays, 36_500) || expireDays === 0)
    return `messages cannot expire after ${expireDays} days: give 1 to 36500`
  if (!whole(loginDelay, 86_400)) return `there cannot be ${loginDelay} seconds between log-ins: give 0 to 86400`
  return undefined
}
