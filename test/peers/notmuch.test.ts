import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { importMail } from '../../src/doors/import.ts'
import { SearchIndex } from '../../src/search/index-file.ts'
import { MemoryStore } from '../../src/store/memory.ts'
import { Random } from '../corpus/generate-random.ts'
import { available, runWell } from './run.ts'

// Postino finds the same messages as notmuch, on the same mail, wherever the two languages mean the same.

/** Without stems and accents, which notmuch treats otherwise; none is the beginning of another. */
const words = [
  'bolletta',
  'fattura',
  'acqua',
  'vento',
  'zucca',
  'limone',
  'treno',
  'cane',
  'gatto',
  'pizza',
  'x1',
  '42',
]
const people = ['Anna Bianchi <anna@example.it>', 'Mario Rossi <mario@example.it>', 'Rosa <rosa@elsewhere.example>']

/** So many messages in a Maildir, of every kind that is asked for below. */
function writeMail(folder: string, count: number): void {
  mkdirSync(join(folder, 'cur'), { recursive: true })
  mkdirSync(join(folder, 'new'))
  mkdirSync(join(folder, 'tmp'))
  const random = new Random(5)
  const some = (most: number): string =>
    Array.from({ length: random.between(1, most) }, () => random.pick(words)).join(' ')
  for (let index = 0; index < count; index++) {
    const date = Date.UTC(2021, 0, 1, 12) + random.between(0, 4 * 365) * 86_400_000
    const attached = random.chance(0.2)
    const name = `${random.pick(words)}-${random.pick(words)}.pdf`
    const part = `--b\nContent-Type: application/pdf\nContent-Disposition: attachment; filename="${name}"\n\nx\n`
    const octets =
      `From: ${random.pick(people)}\nTo: ${random.pick(people)}\nSubject: ${some(4)}\n` +
      `Date: ${new Date(date).toUTCString().replace('GMT', '+0000')}\nMessage-ID: <${index}@search.test>\n` +
      `MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n` +
      `--b\nContent-Type: text/plain\n\n${some(12)}\n${attached ? part : ''}--b--\n`
    const flags = ['D', 'F', 'R', 'S'].filter(() => random.chance(0.3)).join('')
    writeFileSync(join(folder, 'cur', `${Math.floor(date / 1000)}.M${index}.host:2,${flags}`), octets)
  }
}

/** A query, and what it is called there where that is not the same. Capitals keep notmuch from looking for stems. */
const queries: readonly (readonly [ours: string, theirs?: string])[] = [
  ...words.map((word) => [word, capital(word)] as const),
  ['BOLLETTA', 'Bolletta'],
  ['fattura acqua', 'Fattura Acqua'],
  ['"fattura acqua"'],
  ['"gatto cane zucca"'],
  ['bol*'],
  ['fattur* -x1', 'fattur* NOT x1'],
  ['from:anna', 'from:Anna'],
  ['from:"mario rossi"'],
  ['from:anna@example.it'],
  ['to:rosa', 'to:Rosa'],
  ['subject:treno', 'subject:Treno'],
  ['subject:"treno cane"'],
  ['-subject:treno', 'NOT subject:Treno'],
  ['has:attachment', 'tag:attachment'],
  ['filename:limone', 'attachment:Limone'],
  ['filename:pizza -filename:gatto', 'attachment:Pizza NOT attachment:Gatto'],
  ['after:2022 before:2023', 'date:2022-01-01..2022-12-31'],
  ['after:2022-05-17', 'date:2022-05-17..'],
  ['before:2022-05-17', 'date:..2022-05-16'],
  ['is:unread', 'tag:unread'],
  ['is:read', 'NOT tag:unread'],
  ['is:flagged', 'tag:flagged'],
  ['is:answered', 'tag:replied'],
  ['is:draft', 'tag:draft'],
  ['vento OR treno', 'Vento OR Treno'],
  ['vento cane OR treno gatto', 'Vento Cane OR Treno Gatto'],
  ['vento (cane OR treno) gatto', 'Vento (Cane OR Treno) Gatto'],
  ['vento NOT cane', 'Vento NOT Cane'],
  ['-(vento OR cane)', 'NOT (Vento OR Cane)'],
  ['vento -(cane gatto)', 'Vento NOT (Cane Gatto)'],
  ['(is:flagged OR from:rosa) -is:draft limone', '(tag:flagged OR from:Rosa) Limone NOT tag:draft'],
  ['nothingofthesort', 'Nothingofthesort'],
]

function capital(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1)
}

async function notmuch(folder: string): Promise<(query: string) => Promise<string[]>> {
  const config = join(folder, 'config')
  writeFileSync(
    config,
    `[database]\npath=${join(folder, 'mail')}\n[user]\nprimary_email=a@example.it\n[new]\ntags=\n` +
      `[search]\nexclude_tags=\n[maildir]\nsynchronize_flags=true\n`,
  )
  // Days begin there at midnight of this zone, too.
  const env = { NOTMUCH_CONFIG: config, HOME: folder }
  await runWell('notmuch', ['new', '--quiet'], { env })
  return async (query) => {
    const { stdout } = await runWell('notmuch', ['search', '--output=messages', '--', query], { env })
    return stdout.split('\n').flatMap((line) => (line === '' ? [] : [line.replace(/^id:/, '')]))
  }
}

async function postino(t: TestContext, folder: string): Promise<(query: string) => Promise<string[]>> {
  const mail = await new MemoryStore().open('anna')
  const { failed } = await importMail(mail, [join(folder, 'mail')])
  assert.deepEqual(failed, [])
  const index = SearchIndex.open(folder, mail)
  t.after(() => index.close())
  await index.catchUp()
  return async (query) => {
    const names: string[] = []
    for (const { id } of await index.find(query, { limit: 10_000 })) {
      const parts: Uint8Array[] = []
      for await (const part of mail.bytes(id)) parts.push(part)
      names.push(/^Message-ID: <(.*)>/im.exec(Buffer.concat(parts).toString())?.[1] ?? '')
    }
    return names
  }
}

test('the same hits as notmuch on the same mail', async (t) => {
  if (!available('notmuch')) return t.skip('notmuch is not installed')
  const folder = mkdtempSync(join(tmpdir(), 'postino-notmuch-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const count = 400
  writeMail(join(folder, 'mail'), count)
  const [theirs, ours] = [await notmuch(folder), await postino(t, folder)]
  assert.equal((await theirs('*')).length, count)
  let hits = 0
  for (const [query, other = query] of queries) {
    const [one, two] = [await ours(query), await theirs(other)]
    hits += one.length
    assert.deepEqual(one.toSorted(), two.toSorted(), `${query} and ${other}`)
  }
  assert.ok(hits > 1_000, `only ${hits} hits in all`)
})
