import type { UserSettings } from '../accounts/settings.ts'
import { RefusedError } from '../errors.ts'
import type { ModSeq } from '../ids.ts'
import { Maildrop } from '../pop3/maildrop.ts'
import type { UserMail } from '../store/store.ts'

/** So many maildrops are remembered, and of so many messages in all. */
const enough = { maildrops: 256, messages: 1_000_000 }
/** A user may have so many devices. */
const mostDevices = 50

/** A maildrop as it was at one moment. */
export interface Snapshot {
  readonly mail: UserMail
  readonly modseq: ModSeq
  readonly storedFrom: number
  readonly maildrop: Maildrop
  /** The messages' ids, by message-number less one. */
  readonly ids: Float64Array
}

export interface SnapshotWanted {
  readonly device: string | undefined
  /** What a device begins with that has not been here yet. */
  readonly newDevices: UserSettings['newDevices']
  /** Only what was stored then or later (milliseconds since 1970). */
  readonly storedFrom: number
}

/** Maildrops as they are, remembered while nothing changes in them: a session then costs one look at the last change's number. */
export class Snapshots {
  /** The one used last stands last. */
  readonly #known = new Map<string, Snapshot>()
  #messages = 0

  async look(mail: UserMail, wanted: SnapshotWanted): Promise<Snapshot> {
    const { device, storedFrom } = wanted
    // Neither the name of a user nor that of a device has a NUL in it.
    const key = device === undefined ? mail.user : `${mail.user}\0${device}`
    const known = this.#known.get(key)
    const fresh =
      known !== undefined && known.mail === mail && known.storedFrom === storedFrom && known.modseq === mail.modseq()
    const snapshot = fresh ? known : await take(mail, wanted)
    this.#forget(key)
    this.#known.set(key, snapshot)
    this.#messages += snapshot.maildrop.count
    for (const oldest of this.#known.keys()) {
      if (oldest === key || (this.#known.size <= enough.maildrops && this.#messages <= enough.messages)) break
      this.#forget(oldest)
    }
    return snapshot
  }

  #forget(key: string): void {
    const known = this.#known.get(key)
    if (known === undefined) return
    this.#messages -= known.maildrop.count
    this.#known.delete(key)
  }
}

async function take(mail: UserMail, wanted: SnapshotWanted): Promise<Snapshot> {
  const { device, storedFrom, newDevices } = wanted
  const found = await mail.read((view) => {
    if (device !== undefined && !view.hasDevice(device)) return undefined
    return { modseq: view.modseq, rows: view.maildrop(device, storedFrom) }
  })
  if (found !== undefined) {
    const { modseq, rows } = found
    return { mail, modseq, storedFrom, maildrop: new Maildrop(rows), ids: rows.ids }
  }
  await mail.change((draft) => {
    if (draft.view.devices().length >= mostDevices)
      throw new RefusedError('no', '', `there are ${mostDevices} devices already: remove one first`)
    draft.openDevice(device ?? '', newDevices)
  })
  return await take(mail, wanted)
}
