import { createHash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Draft, Staged, UserMail } from '../../src/store/store.ts'

/** One user's mail, and the hashes of all messages of which somebody was told that they are durable. */
export interface WatchedMail {
  readonly mail: UserMail
  readonly durable: ReadonlySet<string>
}

/** Watches a user's mail; `before`: what is durable already. Each `change` resolves a little late, so that whoever does not wait for it is caught. */
export function watch(mail: UserMail, before: Iterable<string> = []): WatchedMail {
  const durable = new Set(before)
  const change = async <T>(work: (draft: Draft) => T): Promise<T> => {
    const added: string[] = []
    const value = await mail.change((draft) =>
      work(
        new Proxy(draft, {
          get: (target, name) => {
            if (name === 'add') {
              return (staged: Staged, addition: Parameters<Draft['add']>[1]) => {
                added.push(staged.hash)
                return target.add(staged, addition)
              }
            }
            const member: unknown = Reflect.get(target, name, target)
            return typeof member === 'function' ? (member.bind(target) as unknown) : member
          },
        }),
      ),
    )
    await sleep(3)
    for (const hash of added) durable.add(hash)
    return value
  }
  return {
    durable,
    mail: {
      user: mail.user,
      modseq: () => mail.modseq(),
      change,
      read: (look) => mail.read(look),
      stage: (form) => mail.stage(form),
      bytes: (id) => mail.bytes(id),
      lend: (id, take) => mail.lend(id, take),
      close: () => mail.close(),
    },
  }
}

/** So many messages are read; of more, it is believed what the store says of them. */
const mostRead = 10_000

/** The SHA-256 of the octets of every message, in order of arrival. */
export async function allHashes(mail: UserMail): Promise<string[]> {
  const out: string[] = []
  const messages = await mail.read((view) => view.messages())
  if (messages.length > mostRead) return messages.map((message) => message.hash)
  for (const { id } of messages) {
    const hash = createHash('sha256')
    for await (const chunk of mail.bytes(id)) hash.update(chunk)
    out.push(hash.digest('hex'))
  }
  return out
}

/** The octets of every message, in order of arrival. */
export async function allOctets(mail: UserMail): Promise<Buffer[]> {
  const out: Buffer[] = []
  for (const { id } of await mail.read((view) => view.messages())) {
    const chunks: Uint8Array[] = []
    for await (const chunk of mail.bytes(id)) chunks.push(chunk)
    out.push(Buffer.concat(chunks))
  }
  return out
}
