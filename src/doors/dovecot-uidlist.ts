import { MisuseError } from '../errors.ts'

/** What `dovecot-uidlist` says of one message of a Maildir. */
interface Entry {
  readonly uid: number
  readonly guid: string | undefined
  /** The unique-id that was fixed for this message, whatever the format. */
  readonly fixed: string | undefined
}

/** How Dovecot makes a unique-id unless `pop3_uidl_format` says otherwise. */
const usualUidlFormat = '%08Xu%08Xv'

/**
 * The file in which Dovecot keeps the UIDs of a Maildir, version 3: `3 V<uidvalidity> N<next uid> …`, then for each message
 * `uid [letter and value…] :file name`; `G` is a GUID, `P` a unique-id of its own.
 */
export class DovecotUidlist {
  readonly #uidValidity: number
  readonly #entries: ReadonlyMap<string, Entry>

  private constructor(uidValidity: number, entries: ReadonlyMap<string, Entry>) {
    this.#uidValidity = uidValidity
    this.#entries = entries
  }

  /** Reads the file; undefined where it is none of this version. */
  static parse(text: string): DovecotUidlist | undefined {
    const [head = '', ...lines] = text.split('\n')
    const uidValidity = /^3 (?:.* )?V(\d+)(?: |$)/.exec(head)?.[1]
    if (uidValidity === undefined) return undefined
    const entries = new Map<string, Entry>()
    for (const line of lines) {
      const [, uid, more = '', name = ''] = /^(\d+)((?: [^: ][^ ]*)*) :(.+)$/.exec(line) ?? []
      if (uid === undefined) continue
      const value = (letter: string): string | undefined =>
        more
          .split(' ')
          .find((word) => word.startsWith(letter))
          ?.slice(1)
      entries.set(bareName(name), { uid: Number(uid), guid: value('G'), fixed: value('P') })
    }
    return new DovecotUidlist(Number(uidValidity), entries)
  }

  /** The unique-id that Dovecot's POP3 server gave the message in this file; undefined where the list does not have it. */
  uniqueIdOf(name: string, format: string = usualUidlFormat): string | undefined {
    const bare = bareName(name)
    const entry = this.#entries.get(bare)
    if (entry === undefined) return undefined
    if (entry.fixed !== undefined) return entry.fixed
    const values = { u: entry.uid, v: this.#uidValidity, f: bare, g: entry.guid ?? bare }
    return format.replace(variable, (_, zero: string, width: string, hex: string, what: keyof typeof values) => {
      const value = values[what]
      const spelt = typeof value === 'number' ? value.toString(hex === '' ? 10 : 16) : value
      // With a zero the width is the least, without one it is the most.
      if (zero !== '') return spelt.padStart(Number(width), '0')
      return width === '' ? spelt : spelt.slice(0, Number(width))
    })
  }
}

const variable = /%(0?)(\d*)(X?)([uvfg])/g

/** Throws MisuseError where this is no format that can be followed here. */
export function checkUidlFormat(format: string): void {
  const rest = format.replace(variable, '')
  if (rest !== format && !rest.includes('%')) return
  throw new MisuseError(
    'usage',
    `--uidl-format ${format}: give %u, %v, %f and %g, with 0, width and X, as in ${usualUidlFormat}`,
  )
}

/** The name of a file in a Maildir without its flags. */
function bareName(name: string): string {
  return name.replace(/[:;!]2,[^/]*$/, '')
}
