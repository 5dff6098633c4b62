import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { MisuseError } from '../src/errors.ts'
import { Intake } from '../src/intake/intake.ts'
import { SearchIndex } from '../src/search/index-file.ts'
import { MemoryStore } from '../src/store/memory.ts'

const page = await readFile(new URL('../docs/search.md', import.meta.url), 'utf8')

/** What every example of the page is to find, unless it asks for something else (see `others`). */
const message = `From: Mario Rossi <anna@example.it>
To: Anna <anna@example.it>
Date: Tue, 31 Mar 2026 12:00:00 +0000
Subject: Fattura di luce per Anna
List-Id: Chi sviluppa <dev.lists.example.it>
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="b"

--b
Content-Type: text/plain; charset=utf-8

Perché l'ordine del mese non arriva? E-mail: http://example.it
来週の新幹線で大阪へ。
--b
Content-Type: application/pdf; name="fattura.pdf"
Content-Disposition: attachment

--b--
`.replaceAll('\n', '\r\n')

/** Where the messages are, and how they are flagged. */
const places = [
  { mailbox: 'INBOX', flags: [] },
  { mailbox: 'Posta inviata', flags: ['\\Flagged', '\\Answered', '\\Draft'] },
  { mailbox: 'Posta inviata', flags: ['\\Seen'] },
]

/** Of the examples that find not all of them, how many they find. */
const others: Readonly<Record<string, number>> = {
  'in:INBOX': 1,
  'is:unread': 2,
  'is:read': 1,
  'is:flagged': 1,
  'is:answered': 1,
  'is:draft': 1,
  '(luce OR gas) -acqua is:unread': 2,
  'before:2026-03-31': 0,
  'before:2026': 0,
}

/** The code block under the heading, and the queries in the first column of every table. */
function examples(): string[] {
  const block = /```\n([^`]*)```/.exec(page)?.[1]?.trim().split('\n') ?? []
  const cells = [...page.matchAll(/^\| (`[^|]*`) \|/gm)].flatMap(([, cell = '']) => [...cell.matchAll(/`([^`]+)`/g)])
  return [...block, ...cells.map(([, example = '']) => example).filter((example) => !example.startsWith('--'))]
}

async function indexOf(t: TestContext): Promise<SearchIndex> {
  const folder = await mkdtemp(join(tmpdir(), 'postino-search-docs-'))
  const mail = await new MemoryStore().open('anna')
  const intake = new Intake(mail)
  for (const [place, { mailbox, flags }] of places.entries()) {
    const staging = intake.stage('wire')
    await staging.write(Buffer.from(message))
    const origin = { account: 'test', uniqueId: String(place), nth: 0 }
    await intake.keep(await staging.finish(), { mailbox, flags, received: Date.UTC(2026, 3, 1), origin })
  }
  await mail.change((draft) => draft.openMailbox('Archivio'))
  const index = SearchIndex.open(folder, mail)
  t.after(async () => {
    index.close()
    await rm(folder, { recursive: true, force: true, maxRetries: 3 })
  })
  await index.catchUp()
  return index
}

test('every example of docs/search.md finds what the page says', async (t) => {
  const index = await indexOf(t)
  const all = examples()
  assert.ok(all.length >= 40, `${all.length} examples`)
  for (const example of all) {
    const expected = Object.hasOwn(others, example) ? others[example] : places.length
    for (const order of ['newest', 'oldest', 'relevance'] as const)
      assert.equal((await index.search(example, { order })).length, expected, example)
  }
  for (const example of Object.keys(others)) assert.ok(all.includes(example), `${example} is no example`)
})

test('what docs/search.md says beside the tables is so', async (t) => {
  const index = await indexOf(t)
  const words = (...lines: readonly (readonly string[])[]): string[] => lines.flat()
  const expected: Readonly<Record<number, readonly string[]>> = {
    3: words(
      ['perché', 'PERCHE', 'e mail', 'e-mail', "l'ordine", 'l ordine', 'in:"Posta inviata" in:inbox', 'Ｏｒｄｉｎｅ'],
      ['luce AND ordine', 'fattura luce OR gas', '(fattura luce) OR gas', 'luce - ordine', 'luce (ordine)'],
      [
        '(from:anna OR from:mario)',
        'subject:fattura ordine',
        'filename:fattura.pdf',
        'subject:fattur*',
        'list:svilup*',
      ],
      ['smaller:1k', 'smaller:1G', '大', '線で大', '-zebra'],
    ),
    2: ['in:"Posta inviata"', '-in:INBOX', 'is:read OR is:flagged'],
    0: words(
      ['fatture', 'luce or gas', '"luce OR gas"', '"mese ordine"', 'from:luce', '線新', 'after:2026-04', '-luce'],
      ['sviluppa', 'larger:1k', 'luce -fattura', 'NOT luce'],
    ),
  }
  for (const [count, queries] of Object.entries(expected)) {
    for (const query of queries) assert.equal((await index.search(query)).length, Number(count), query)
  }
  const named = /What cannot be understood \(([^]*?),\s+an unknown mailbox/.exec(page)?.[1] ?? ''
  const wrong = [...named.matchAll(/`([^`]+)`/g)].map(([, query = '']) => query)
  assert.ok(wrong.length >= 8, named)
  for (const query of [...wrong, 'in:Nowhere', '', 'from:(anna OR mario)'])
    await assert.rejects(index.search(query), MisuseError, query)
  const [hit] = await index.search('luce -gas')
  assert.match(hit?.snippet ?? '', /^Perché/)
})
