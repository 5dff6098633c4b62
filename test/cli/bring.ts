import { add } from '../../src/store/contract-mail.ts'
import { DiskStore } from '../../src/store/disk.ts'
import type { Postino } from './postino.ts'

export const day = 86_400_000

/** Gives mario a message that was received so many days ago. */
export async function bring(
  { data }: Postino,
  days: number,
  options: { mailbox?: string; subject?: string; octets?: number; account?: string } = {},
): Promise<number> {
  const { mailbox = 'INBOX', subject = 'x', octets = 0, account } = options
  const store = new DiskStore(data)
  const mail = await store.open('mario')
  const into = await mail.change((draft) => draft.openMailbox(mailbox))
  const text = `From: anna@example.it\r\nSubject: ${subject}\r\n\r\n${'x'.repeat(octets)}`
  const id = await add(mail, text, {
    mailbox: into,
    received: Date.now() - days * day,
    ...(account !== undefined && { origin: { account: `pop3:${account}`, uniqueId: subject, nth: 0 } }),
  })
  await store.close()
  return id
}

/** By id, in which mailbox each of mario's messages is. */
export async function mailboxes({ json }: Postino): Promise<Record<string, unknown>> {
  return Object.fromEntries((await json(['list', '--user', 'mario'])).map(({ id, mailbox }) => [String(id), mailbox]))
}
