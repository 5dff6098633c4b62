import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { MessageId } from '../src/ids.ts'
import { SearchIndex } from '../src/search/index-file.ts'
import { DiskStore } from '../src/store/disk.ts'

/** What a fresh process took to look at a user's mail, milliseconds by what it did. */
export type Looks = Readonly<Record<string, number>>

/** How many messages a page has. */
const page = 50

const { positionals } = parseArgs({ allowPositionals: true })
const [data = '', user = '', ...queries] = positionals
const looks: Record<string, number> = {}

async function timed<T>(what: string, work: () => T | Promise<T>): Promise<T> {
  const began = performance.now()
  const value = await work()
  looks[what] = performance.now() - began
  return value
}

const store = new DiskStore(data)
const mail = await timed('open', () => store.open(user))
const inbox = await timed('mailboxes', () => mail.read((view) => view.mailbox('INBOX')))
const mailbox = inbox?.id
if (mailbox === undefined) throw new Error(`${user} has no INBOX`)
const newest = await timed('newest page', () => mail.read((view) => view.messages({ newest: true, limit: page })))
await timed('newest page of INBOX', () => mail.read((view) => view.messages({ mailbox, newest: true, limit: page })))
const middle = Math.floor((newest.at(-1)?.id ?? 0) / 2) as MessageId
await timed('page in the middle of INBOX', () =>
  mail.read((view) => view.messages({ mailbox, after: middle, limit: page })),
)
const index = await timed('open the search index', () => SearchIndex.open(join(data, 'users', user), mail))
if ((await timed('see that it is up to date', () => index.catchUp())) > 0)
  throw new Error('the search index was behind')
for (const query of queries)
  await timed(`search ${query}`, async () => {
    const hits = await index.search(query, { limit: page })
    if (hits.length === 0) throw new Error(`nothing was found for ${query}`)
  })
index.close()
await store.close()
console.log(JSON.stringify(looks))
