import { MisuseError } from '../errors.ts'

/**
 * What stays at the remote server of what is home: everything; nothing; what came home less than so many days ago; the newest so many;
 * the newest that fit into so many octets, or into so many percent of the room there (see `AccountOptions.room`).
 */
export type Leave =
  | 'forever'
  | 'delete'
  | number
  | { readonly newest: number }
  | { readonly octets: number }
  | { readonly percent: number }

/** What `--leave` says: `forever`, `delete`, days, `newest:500`, `700MB` or `70%`. Throws MisuseError. */
export function parseLeave(text: string): Leave {
  if (text === 'forever' || text === 'delete') return text
  if (/^\d{1,5}$/.test(text)) return Number(text) === 0 ? 'delete' : Number(text)
  const newest = /^newest:(\d{1,9})$/.exec(text)?.[1]
  if (newest !== undefined) return { newest: Number(newest) }
  const percent = /^(\d{1,2})%$/.exec(text)?.[1]
  if (percent !== undefined) return { percent: Number(percent) }
  const octets = parseOctets(text)
  if (octets !== undefined) return { octets }
  throw new MisuseError(
    'usage',
    `--leave ${text}: give forever, delete, a number of days, newest:500, an amount such as 700MB, or a share such as 70%`,
  )
}

/** As `parseLeave` reads it. */
export function leaveText(leave: Leave): string {
  if (typeof leave !== 'object') return String(leave)
  if ('newest' in leave) return `newest:${leave.newest}`
  return 'octets' in leave ? `${leave.octets}B` : `${leave.percent}%`
}

const units: Readonly<Record<string, number>> = { B: 1, KB: 1e3, MB: 1e6, GB: 1e9, TB: 1e12 }

/** `20MB`, `1.5GB`: octets, by thousands; undefined where it is no such amount. */
export function parseOctets(text: string): number | undefined {
  const [, amount = '', unit = ''] = /^(\d{1,15}(?:\.\d{1,3})?)(B|KB|MB|GB|TB)$/i.exec(text) ?? []
  const octets = Number(amount) * (units[unit.toUpperCase()] ?? Number.NaN)
  return amount !== '' && Number.isSafeInteger(Math.round(octets)) ? Math.round(octets) : undefined
}
