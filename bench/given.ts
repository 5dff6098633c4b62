import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { importMail } from '../src/doors/import.ts'
import { DiskStore } from '../src/store/disk.ts'

/** How many messages are given on at a time. */
const together = 256

/** The messages of a folder of real mail: .eml files, mbox files or Maildirs, each message once for each time that it is there. */
export async function* givenMessages(folder: string): AsyncGenerator<readonly Uint8Array[]> {
  const data = mkdtempSync(join(tmpdir(), 'postino-given-'))
  const store = new DiskStore(data)
  try {
    const mail = await store.open('given')
    const { failed } = await importMail(mail, [folder])
    for (const { path, why } of failed) console.error(`${path} was passed over: ${why}`)
    const ids = await mail.read((view) => view.messages().map(({ id }) => id))
    for (let at = 0; at < ids.length; at += together) {
      const messages: Uint8Array[] = []
      for (const id of ids.slice(at, at + together)) {
        const pieces: Uint8Array[] = []
        for await (const piece of mail.bytes(id)) pieces.push(Uint8Array.from(piece))
        messages.push(Buffer.concat(pieces))
      }
      yield messages
    }
  } finally {
    await store.close()
    rmSync(data, { recursive: true, force: true })
  }
}
