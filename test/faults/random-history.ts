import { hash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { StoreError } from '../../src/errors.ts'
import type { MessageId } from '../../src/ids.ts'
import { octetsOf, stage } from '../../src/store/contract-mail.ts'
import type { DiskStore } from '../../src/store/disk.ts'
import type { UserMail } from '../../src/store/store.ts'
import type { Random } from '../corpus/generate-random.ts'

/** One message as a user knows it, whatever its number. */
export interface Known {
  readonly id: MessageId
  /** Their SHA-256. */
  readonly octets: string
  readonly mailbox: string
  readonly flags: string
  readonly hidden: boolean
  readonly trashed: boolean
}

/** By their unique-ids. */
export type KnownMail = ReadonlyMap<string, Known>

/** A folder for tests that write much: in memory where the system has such, for there fsync costs nothing. */
export async function quickFolder(name: string): Promise<string> {
  return await mkdtemp(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), `postino-${name}-`))
}

/** Does what happens to mail in the course of years, in so many steps. */
export async function live(mail: UserMail, random: Random, steps: number): Promise<void> {
  const attachment = Buffer.from(Array.from({ length: 3000 }, () => random.between(0, 255))).toString('base64')
  const lines = attachment.replace(/.{76}/g, '$&\r\n')
  for (let step = 0; step < steps; step++) {
    const ids = await mail.read((view) => view.messages().map(({ id }) => id))
    const id = random.pick(ids)
    const kind = ids.length < 4 ? 0 : random.between(0, 19)
    if (kind < 10) {
      const body = random.chance(0.2)
        ? 'the same again\r\n'
        : random.chance(0.3)
          ? `Content-Transfer-Encoding: base64\r\n\r\n${lines}\r\n`
          : `Subject: message ${random.bits()}\r\n\r\n${'Some words of it.\r\n'.repeat(random.between(0, 60))}`
      const staged = await stage(mail, body)
      const origin = random.chance(0.5)
        ? { origin: { account: 'pop3:mario@example.it', uniqueId: `uid-${step}`, nth: 0, listed: body.length } }
        : {}
      await mail.change((draft) =>
        draft.add(staged, { mailbox: draft.openMailbox('INBOX'), received: step, ...origin }),
      )
      staged.discard()
      continue
    }
    await mail.change((draft) => {
      if (kind < 13) draft.setFlags(id, random.pick([['\\Seen'], ['\\Seen', '\\Flagged'], ['$Work'], []]))
      else if (kind < 16) draft.move(id, draft.openMailbox(random.pick(['Archive', 'Archive/2026', 'INBOX'])))
      else if (kind < 17) draft.remove(id)
      else if (kind < 18) draft.hide(id, random.chance(0.7))
      else if (kind < 19) draft.trash(id)
      else draft.trouble('pop3:mario@example.it', `uid-${step}`, { attempts: 1, why: 'it broke off', next: step })
    })
  }
}

/** All the mail that can be read, and the unique-ids of what cannot. Anything else that goes wrong is thrown. */
export async function readAll(
  mail: UserMail,
): Promise<{ readonly known: KnownMail; readonly unread: ReadonlySet<string> }> {
  const { messages, mailboxes } = await mail.read((view) => ({
    messages: view.messages(),
    mailboxes: new Map(view.mailboxes().map(({ id, name }) => [id, name])),
  }))
  const known = new Map<string, Known>()
  const unread = new Set<string>()
  for (const { id, uniqueId, mailbox, flags, hidden, trashed } of messages) {
    const rest = {
      mailbox: mailboxes.get(mailbox) ?? '',
      flags: flags.join(' '),
      hidden,
      trashed: trashed !== undefined,
    }
    const octets = await read(() => octetsOf(mail, id))
    const lent = await read(() => lentOf(mail, id))
    if (octets === undefined || lent === undefined) unread.add(uniqueId)
    // Both are given back to the caller to judge, where they are not the same.
    if (octets !== undefined) known.set(uniqueId, { id, octets, ...rest })
    if (lent !== undefined && lent !== octets) known.set(uniqueId, { id, octets: lent, ...rest })
  }
  return { known, unread }
}

/** Reads; undefined where it is said that it cannot be. */
async function read(octets: () => Promise<Buffer>): Promise<string | undefined> {
  try {
    return hash('sha256', await octets())
  } catch (error) {
    if (error instanceof StoreError && ['damaged', 'missing', 'no-such-message'].includes(error.code)) return undefined
    throw error
  }
}

async function lentOf(mail: UserMail, id: MessageId): Promise<Buffer> {
  const parts: Buffer[] = []
  await mail.lend(id, (some) => {
    for (const part of some) parts.push(Buffer.from(part))
    return undefined
  })
  return Buffer.concat(parts)
}

/** The store's mail of mario, or undefined where it says that it cannot be opened. */
export async function openIfItCan(store: DiskStore): Promise<UserMail | undefined> {
  try {
    return await store.open('mario')
  } catch (error) {
    if (error instanceof StoreError) return undefined
    throw error
  }
}
