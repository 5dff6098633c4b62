import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { MisuseError } from '../src/errors.ts'
import { Intake } from '../src/intake/intake.ts'
import { SearchIndex } from '../src/search/index-file.ts'
import { MemoryStore } from '../src/store/memory.ts'

const page = await readFile(new URL('../docs/search.md', import.meta.url), 'utf8')

/** What every example of the page is to find, unless it asks for an earlier time. */
const message = `From: Mario Rossi <anna@example.it>
To: Anna <anna@example.it>
Date: Tue, 31 Mar 2026 12:00:00 +0000
Subject: Fattura di luce per Anna
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

/** The code block under the heading, and the first column of every table. */
function examples(): string[] {
  const block = /```\n([^`]*)```/.exec(page)?.[1]?.trim().split('\n') ?? []
  const cells = [...page.matchAll(/^\| (`[^|]*`) \|/gm)].flatMap(([, cell = '']) => [...cell.matchAll(/`([^`]+)`/g)])
  return [...block, ...cells.map(([, example = '']) => example)]
}

test('every example of docs/search.md finds what the page says', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'postino-search-docs-'))
  t.after(() => rm(folder, { recursive: true, force: true, maxRetries: 3 }))
  const mail = await new MemoryStore().open('anna')
  const intake = new Intake(mail)
  for (const [index, mailbox] of ['INBOX', 'Posta inviata'].entries()) {
    const staging = intake.stage('wire')
    await staging.write(Buffer.from(message))
    const origin = { account: 'test', uniqueId: String(index), nth: 0 }
    await intake.keep(await staging.finish(), { mailbox, received: Date.UTC(2026, 3, 1), origin })
  }
  const index = SearchIndex.open(folder, mail)
  t.after(() => index.close())
  await index.catchUp()
  const found = async (query: string): Promise<number> => (await index.search(query)).length

  const all = examples()
  assert.ok(all.length >= 20, `${all.length} examples`)
  for (const example of all) {
    const expected = example.startsWith('before:') ? 0 : example.startsWith('in:') ? 1 : 2
    assert.equal(await found(example), expected, example)
  }
  // What the page says beside the tables.
  for (const query of [
    'perché',
    'PERCHE',
    'e mail',
    "l'ordine",
    'l ordine',
    '-luce',
    'in:"Posta inviata" in:inbox',
    'Ｏｒｄｉｎｅ',
  ])
    assert.equal(await found(query), 2, query)
  for (const query of ['fatture', 'luce OR gas', '"mese ordine"', 'from:luce', '線新', 'after:2026-04'])
    assert.equal(await found(query), 0, query)
  for (const query of ['after:yesterday', 'has:legs', 'in:INBO*', 'from:?!', 'in:Nowhere', ''])
    await assert.rejects(index.search(query), MisuseError, query)
})
