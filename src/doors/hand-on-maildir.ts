import { hash } from 'node:crypto'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { MaildirTarget } from '../accounts/hand-on-target.ts'
import { diskError } from '../disk-errors.ts'
import type { Message } from '../store/store.ts'
import { ExportFile, ExportFolders, giveName } from './export-file.ts'
import { type Courier, type Missing, type Outcome, type Parcel, unreadable } from './hand-on-courier.ts'
import { lettersOf } from './maildir.ts'

/** Puts messages into a Maildir, each durable there under a name of its own, always the same: so that it is found again. */
export async function maildirCourier({ path }: MaildirTarget): Promise<Courier> {
  const folders = new ExportFolders()
  for (const part of ['tmp', 'new', 'cur']) await folders.open(join(path, part))

  const write = async (parcel: Parcel): Promise<Outcome> => {
    const { message } = parcel
    const base = baseName(message)
    const letters = lettersOf(message.flags)
    // What has been looked at has flags, and stands in cur; what is new has none.
    const name = letters === '' ? join('new', base) : join('cur', `${base}${infoMark}${letters}`)
    const file = await ExportFile.create(join(path, 'tmp', base))
    try {
      const contents = await parcel.contents()
      for await (const piece of contents.octets()) await file.write(piece)
      await file.finish(message.received)
      await giveName(join(path, 'tmp', base), join(path, name))
    } catch (error) {
      await file.discard()
      if (parcel.fault === undefined) throw error
      return unreadable(parcel.fault)
    }
    return { kind: 'taken', reply: name }
  }

  return {
    most: 64,
    mark: () => Promise.resolve(''),
    carry: async (parcels, tell) => {
      const outcomes: [Parcel, Outcome][] = []
      const waiting = [...parcels]
      const worker = async (): Promise<void> => {
        for (let parcel = waiting.shift(); parcel !== undefined; parcel = waiting.shift())
          outcomes.push([parcel, await write(parcel)])
      }
      const ended = await Promise.allSettled(Array.from({ length: 8 }, worker))
      // Their names are durable with their folders, and not before.
      await folders.sync()
      for (const [parcel, outcome] of outcomes) tell(parcel, outcome)
      for (const each of ended) if (each.status === 'rejected') throw each.reason
    },
    find: async (missing: readonly Missing[]) => {
      // Whoever reads the mail may have moved it, and changed what is behind the base name.
      const there = new Set<string>()
      for (const part of ['new', 'cur'])
        for (const name of await names(join(path, part))) there.add(name.replace(/[:;!]2,.*$/, ''))
      await folders.sync()
      return new Set(missing.flatMap(({ message }) => (there.has(baseName(message)) ? [message] : [])))
    },
    close: () => Promise.resolve(),
  }
}

const infoMark = process.platform === 'win32' ? ';2,' : ':2,'

/** The name of a message for ever, in any Maildir: by what is its alone, and when it was received, by which programs sort. */
function baseName({ received, uniqueId, hash: octets, size }: Message): string {
  const own = hash('sha256', `${uniqueId} ${octets}`).slice(0, 24)
  return `${Math.max(0, Math.floor(received / 1000))}.${own}.postino,S=${size}`
}

async function names(folder: string): Promise<string[]> {
  try {
    return await readdir(folder)
  } catch (error) {
    throw diskError(error, folder)
  }
}
