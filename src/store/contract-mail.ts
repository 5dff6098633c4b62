import type { MessageId } from '../ids.ts'
import type { Addition, Range, Staged, Store, UserMail } from './store.ts'

/** Names one test of a store, and runs it with the empty mail of a user. */
export type It = (what: string, body: (mail: UserMail, store: Store) => Promise<void>) => void

/** Stages whole octets, in chunks of at most `chunk`. */
export async function stage(
  mail: UserMail,
  octets: Uint8Array | string,
  form: 'wire' | 'unknown' = 'unknown',
  chunk = 65_536,
): Promise<Staged> {
  const staging = mail.stage(form)
  const whole = Buffer.from(octets)
  for (let at = 0; at < whole.length; at += chunk) await staging.write(whole.subarray(at, at + chunk))
  return await staging.finish()
}

/** Adds one message to INBOX. */
export async function add(
  mail: UserMail,
  octets: Uint8Array | string,
  addition: Partial<Addition> = {},
): Promise<MessageId> {
  const staged = await stage(mail, octets)
  const id = await mail.change((draft) =>
    draft.add(staged, { mailbox: draft.openMailbox('INBOX'), received: 1000, ...addition }),
  )
  staged.discard()
  return id
}

/** All octets of a message, or a range of them. */
export async function octetsOf(mail: UserMail, id: MessageId, range?: Range): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  for await (const chunk of mail.bytes(id, range)) chunks.push(chunk)
  return Buffer.concat(chunks)
}
