import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { DiskStore } from '../src/store/disk.ts'
import { schemaVersion } from '../src/store/schema.ts'
import type { Staged } from '../src/store/store.ts'
import { password } from './corpora.ts'
import { postino } from './postino.ts'

/** Who has them. */
export const millionUser = 'million'

/** So many come in together. */
const batch = 5000

/** Each is one of so many groups, by a word of its text. */
export const millionGroups = 1000

/**
 * A data folder with so many tiny messages, made through the store, which takes minutes; what was made before is used again, as long
 * as it is of today's format.
 */
export async function prepareMillion(folder: string, count: number): Promise<string> {
  const record = join(folder, 'made')
  const data = join(folder, 'data')
  const key = JSON.stringify({ count, schemaVersion, text: 2 })
  if (existsSync(record) && readFileSync(record, 'utf8') === key) return data
  rmSync(folder, { recursive: true, force: true })
  await mkdir(data, { recursive: true })
  await postino(data, ['user', 'add', millionUser, '--password-stdin'], { input: `${password}\n` })
  await fill(data, count)
  await postino(data, ['search', 'nothing', '--user', millionUser])
  writeFileSync(record, key)
  return data
}

async function fill(data: string, count: number): Promise<void> {
  const store = new DiskStore(data)
  try {
    const mail = await store.open(millionUser)
    for (let from = 0; from < count; from += batch) {
      const staged: Staged[] = []
      for (let number = from; number < Math.min(from + batch, count); number++) {
        const staging = mail.stage('wire')
        const text = `Message-ID: <${number}@million.test>\r\nSubject: ${number}\r\n\r\nTiny, of group${number % millionGroups}.\r\n`
        await staging.write(Buffer.from(text))
        staged.push(await staging.finish())
      }
      await mail.change((draft) => {
        const mailbox = draft.openMailbox('INBOX')
        for (const one of staged) draft.add(one, { mailbox, received: 1_700_000_000_000 + from })
      })
      for (const one of staged) one.discard()
    }
  } finally {
    await store.close()
  }
}
