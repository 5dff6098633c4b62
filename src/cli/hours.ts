/** Hours of each day, in minutes from midnight on this machine's clock: from `from` on, until `to`. */
export interface Hours {
  readonly from: number
  readonly to: number
}

/** `01:00-06:00`, or over midnight `22:30-05:00`; undefined where it is no such time. */
export function parseHours(text: string): Hours | undefined {
  const [, from = '', to = ''] = /^(\d\d:\d\d)-(\d\d:\d\d)$/.exec(text) ?? []
  const found = { from: minutesOf(from), to: minutesOf(to) }
  // Hours that end when they begin: all day or never? Nobody knows.
  return Number.isNaN(found.from + found.to) || found.from === found.to ? undefined : found
}

/** Whether it is that time of day now. `now`: milliseconds since 1970. */
export function isWithin({ from, to }: Hours, now: number): boolean {
  const date = new Date(now)
  const minute = date.getHours() * 60 + date.getMinutes()
  return from < to ? from <= minute && minute < to : from <= minute || minute < to
}

/** `24:00` is the end of a day. */
function minutesOf(text: string): number {
  const [hours = Number.NaN, minutes = Number.NaN] = text.split(':').map(Number)
  return minutes < 60 && hours * 60 + minutes <= 24 * 60 ? hours * 60 + minutes : Number.NaN
}
