import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { type TestContext, test } from 'node:test'
import fc from 'fast-check'
import { MisuseError, StoreError } from '../errors.ts'
import type { MessageId } from '../ids.ts'
import { MemoryStore } from '../store/memory.ts'
import type { Staged, UserMail } from '../store/store.ts'
import { SearchIndex } from './index-file.ts'

const received = Date.UTC(2026, 5, 1)

interface Letter {
  readonly from?: string
  readonly to?: string
  readonly subject?: string
  readonly date?: string
  readonly text?: string
  readonly attachment?: string
  readonly mailbox?: string
}

async function add(mail: UserMail, ...letters: readonly Letter[]): Promise<MessageId[]> {
  const staged: { staged: Staged; mailbox: string }[] = []
  for (const letter of letters) {
    const staging = mail.stage('unknown')
    await staging.write(octetsOf(letter))
    staged.push({ staged: await staging.finish(), mailbox: letter.mailbox ?? 'INBOX' })
  }
  return await mail.change((draft) =>
    staged.map((one) => draft.add(one.staged, { mailbox: draft.openMailbox(one.mailbox), received })),
  )
}

function octetsOf(letter: Letter): Uint8Array {
  const { from = 'a@example.it', to = 'b@example.it', subject = '', date = '', text = '', attachment } = letter
  const part = attachment === undefined ? '' : `--b\r\nContent-Type: application/pdf; name="${attachment}"\r\n\r\nx\r\n`
  const head = `From: ${from}\r\nTo: ${to}\r\nSubject: ${subject}\r\nDate: ${date}\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n`
  return new Uint8Array(Buffer.from(`${head}--b\r\n\r\n${text}\r\n${part}--b--\r\n`))
}

async function mailOf(
  t: TestContext,
): Promise<{ mail: UserMail; folder: string; open: (mail?: UserMail) => SearchIndex }> {
  const mail = await new MemoryStore().open('mario')
  const folder = mkdtempSync(join(tmpdir(), 'postino-search-'))
  const opened: SearchIndex[] = []
  t.after(() => {
    for (const index of opened) index.close()
    rmSync(folder, { recursive: true })
  })
  return {
    mail,
    folder,
    open(of = mail) {
      const index = SearchIndex.open(folder, of)
      opened.push(index)
      return index
    },
  }
}

/** The same mail, with something done before each reading of a message. */
function before(mail: UserMail, work: (id: MessageId) => void): UserMail {
  return {
    user: mail.user,
    modseq: () => mail.modseq(),
    read: (look) => mail.read(look),
    change: (work) => mail.change(work),
    stage: (form) => mail.stage(form),
    bytes: (id) => {
      work(id)
      return mail.bytes(id)
    },
    lend: (id, take) => {
      work(id)
      return mail.lend(id, take)
    },
    close: () => mail.close(),
  }
}

const found = async (index: SearchIndex, query: string): Promise<number[]> =>
  (await index.search(query)).map(({ id }) => id).toSorted((a, b) => a - b)

test('every operator finds what it should and nothing else', async (t) => {
  const { mail, open } = await mailOf(t)
  await add(
    mail,
    {
      from: 'Mario Rossi <mario@example.it>',
      subject: 'Fattura',
      text: 'Il totale del mese',
      date: '1 Jan 2024 12:00 +0000',
    },
    {
      from: 'Rossella <r@example.it>',
      to: 'Mario <m@x.it>',
      text: 'fattura pagata',
      date: '1 Jul 2024 12:00 +0000',
      attachment: 'ricevuta.pdf',
    },
    { subject: 'Altro', text: 'mese del totale', date: '1 Jan 2025 12:00 +0000', mailbox: 'Archivio/2025' },
  )
  const index = open()
  assert.equal(await index.catchUp(), 3)
  const expected: Record<string, number[]> = {
    fattura: [1, 2],
    'fattura totale': [1],
    '"totale del mese"': [1],
    'totale mese': [1, 3],
    'rosse*': [2],
    'from:rossi': [1],
    'from:"mario rossi"': [1],
    'from:mario@example.it': [1],
    'to:mario': [2],
    'subject:fattura': [1],
    'subject:FATT*': [1],
    'after:2024-06': [2, 3],
    'before:2024-06': [1],
    'after:2024-02 before:2024-12-31': [2],
    'has:attachment': [2],
    ricevuta: [2],
    'in:inbox': [1, 2],
    'in:archivio/2025 totale': [3],
    'in:inbox in:archivio/2025 totale': [1, 3],
    'foo:totale': [],
    'subject:totale': [],
  }
  for (const [query, ids] of Object.entries(expected)) assert.deepEqual(await found(index, query), ids, query)
})

test('diacritics and case make no difference, either way round', async (t) => {
  const { mail, open } = await mailOf(t)
  await add(mail, { text: 'Perché no' }, { text: 'PERCHE si' }, { text: 'perche\u0301 forse' })
  const index = open()
  await index.catchUp()
  for (const query of ['perche', 'perché', 'PERCHÉ', 'perche\u0301', 'perch*'])
    assert.deepEqual(await found(index, query), [1, 2, 3], query)
})

test('a part of a sentence is found where no spaces stand between words', async (t) => {
  const { mail, open } = await mailOf(t)
  await add(
    mail,
    { text: '明日の会議は十時です。' },
    { text: '会の議事録' },
    { text: '서울에서 만나요' },
    { text: 'ﾌｧｲﾙを送ります' },
  )
  const index = open()
  await index.catchUp()
  assert.deepEqual(await found(index, '会議'), [1])
  assert.deepEqual(await found(index, '会議は十時'), [1])
  assert.deepEqual(await found(index, '会'), [1, 2])
  assert.deepEqual(await found(index, '서울'), [3])
  assert.deepEqual(await found(index, 'ファイル'), [4])
})

test('hits are the newest first, say what they are, and are at most so many', async (t) => {
  const { mail, open } = await mailOf(t)
  await add(
    mail,
    { text: 'first word', date: '5 Mar 2024 12:00 +0000' },
    { from: 'Mario <m@x.it>', subject: 'Newest', text: 'a second word', date: '5 Mar 2025 12:00 +0000' },
    { text: 'third word', date: '5 Mar 2023 12:00 +0000' },
    { text: 'word of the future', date: '5 Mar 2096 12:00 +0000' },
  )
  const index = open()
  await index.catchUp()
  const hits = await index.search('word')
  assert.deepEqual(
    hits.map(({ id }) => id),
    [4, 2, 1, 3],
  )
  // A date that cannot be is not believed.
  assert.equal(hits[0]?.date, received)
  assert.deepEqual(hits[1], {
    id: 2,
    received,
    date: Date.UTC(2025, 2, 5, 12),
    subject: 'Newest',
    from: 'Mario <m@x.it>',
    snippet: 'a second [word]',
  })
  assert.deepEqual(
    (await index.search('word', { limit: 2 })).map(({ id }) => id),
    [4, 2],
  )
  assert.deepEqual(await index.search('word', { limit: 0 }), [])
})

test('what was removed or moved since is not found where it was, even before the index knows', async (t) => {
  const { mail, open } = await mailOf(t)
  await add(mail, { text: 'word one' }, { text: 'word two' }, { text: 'word three' })
  const index = open()
  await index.catchUp()
  await mail.change((draft) => {
    draft.remove(1 as MessageId)
    draft.move(2 as MessageId, draft.openMailbox('Altro'))
  })
  for (const when of ['behind', 'caught up']) {
    assert.deepEqual(await found(index, 'word'), [2, 3], when)
    assert.deepEqual(await found(index, 'word in:INBOX'), [3], when)
    assert.deepEqual(await found(index, 'word in:altro'), [2], when)
    assert.equal(await index.catchUp(), 0)
  }
})

test('messages that were indexed together can go one after the other', async (t) => {
  const { mail, open } = await mailOf(t)
  const letters = Array.from({ length: 6 }, (_, place) => ({ text: `word number${place}` }))
  const ids = await add(mail, ...letters)
  const index = open()
  await index.catchUp()
  await mail.change((draft) => ids.slice(0, 3).forEach((id) => draft.remove(id)))
  await index.catchUp()
  await mail.change((draft) => draft.remove(ids[3] as MessageId))
  await add(mail, { text: 'word at last' })
  assert.equal(await index.catchUp(), 1)
  assert.deepEqual(await found(index, 'word'), [5, 6, 7])
  assert.deepEqual(await found(index, 'number1'), [])
})

test('it says how far it is behind, and catches up from there', async (t) => {
  const { mail, open } = await mailOf(t)
  await add(mail, { text: 'one' }, { text: 'two' })
  const index = open()
  assert.equal(await index.behind(), 2)
  assert.equal(await index.catchUp(), 2)
  assert.equal(await index.behind(), 0)
  await add(mail, { text: 'three' })
  await mail.change((draft) => draft.setFlags(1 as MessageId, ['\\Seen']))
  assert.equal(await index.behind(), 1)
  assert.equal(await index.catchUp(), 1)
  assert.deepEqual(await found(index, 'three'), [3])
})

test('stopped at any message, the next goes on from there and nothing is missing or twice', async (t) => {
  const { mail, folder, open } = await mailOf(t)
  const letters = Array.from({ length: 700 }, (_, at) => ({ text: `common word${at}` }))
  await add(mail, ...letters.slice(0, 400))
  await add(mail, ...letters.slice(400))
  let indexed = 0
  for (const after of [0, 1, 260, 260]) {
    const stop = new AbortController()
    let read = 0
    const stopping = before(mail, () => {
      if (read++ === after) stop.abort()
    })
    const index = SearchIndex.open(folder, stopping)
    await assert.rejects(index.catchUp({ signal: stop.signal, onProgress: () => indexed++ }), { name: 'AbortError' })
    index.close()
  }
  const index = open()
  assert.ok(indexed > 0)
  assert.ok((await index.behind()) > 0)
  await index.catchUp()
  assert.equal(await index.behind(), 0)
  assert.equal((await index.search('common', { limit: 10_000 })).length, letters.length)
  for (const at of [0, 249, 250, 399, 400, 699]) assert.deepEqual(await found(index, `word${at}`), [at + 1])
})

test('what another process indexes meanwhile is not read again', async (t) => {
  const { mail, open } = await mailOf(t)
  await add(mail, ...Array.from({ length: 20 }, (_, number) => ({ text: `word${number} all` })))
  const other = open()
  const read: MessageId[] = []
  let meanwhile: Promise<number> | undefined
  const index = open({
    ...before(mail, (id) => read.push(id)),
    lend: (id, take) => {
      read.push(id)
      meanwhile ??= other.catchUp()
      return meanwhile.then(() => mail.lend(id, take))
    },
  })
  await index.catchUp()
  assert.equal(await meanwhile, 20)
  assert.deepEqual(read, [1])
  assert.equal((await found(index, 'all')).length, 20)
  assert.deepEqual(await found(index, 'word0'), [1])
})

test('it may begin at the end, where another process begins at the beginning', async (t) => {
  const { mail, open } = await mailOf(t)
  await add(mail, ...Array.from({ length: 600 }, (_, number) => ({ text: `word${number}` })))
  const read: MessageId[] = []
  const index = open(before(mail, (id) => read.push(id)))
  assert.equal(await index.catchUp({ backwards: true }), 600)
  assert.deepEqual([read.length, read[0], read[250], read[599]], [600, 351, 101, 100])
  assert.equal(await index.behind(), 0)
  assert.deepEqual(await found(index, 'word0'), [1])
})

test('a damaged message is noted, found by what is known of it, and read when it can be', async (t) => {
  const { mail, folder, open } = await mailOf(t)
  await add(mail, { text: 'good one' }, { text: 'bad one' }, { text: 'another good one' })
  const damaged = before(mail, (id) => {
    if (id === 2) throw new StoreError('damaged', 'message 2 does not match its hash')
  })
  const index = SearchIndex.open(folder, damaged)
  assert.equal(await index.catchUp(), 3)
  assert.deepEqual(index.problems(), [{ id: 2, why: 'message 2 does not match its hash' }])
  assert.deepEqual(await found(index, 'one'), [1, 3])
  assert.deepEqual(await found(index, 'in:INBOX'), [1, 2, 3])
  index.close()
  const repaired = open()
  await repaired.catchUp()
  assert.deepEqual(repaired.problems(), [])
  assert.deepEqual(await found(repaired, 'one'), [1, 2, 3])
})

test('a file that is missing, junk, torn or of another form is made anew, and says so', async (t) => {
  const { mail, folder, open } = await mailOf(t)
  await add(mail, { text: 'a word' })
  const file = join(folder, 'search.sqlite')
  const first = open()
  await first.catchUp()
  assert.equal(first.remade, undefined)
  first.close()
  const good = readFileSync(file)

  const spoil: Record<string, () => void> = {
    missing: () => rmSync(file),
    junk: () => writeFileSync(file, 'this is no database '.repeat(1000)),
    torn: () => writeFileSync(file, good.subarray(0, good.length / 2)),
    'of another form': () => {
      const database = new DatabaseSync(file)
      database.exec('pragma user_version = 99')
      database.close()
    },
    'without its tables': () => {
      const database = new DatabaseSync(file)
      database.exec('drop table text')
      database.close()
    },
  }
  for (const [how, work] of Object.entries(spoil)) {
    work()
    const index = open()
    assert.equal(index.remade !== undefined, how !== 'missing', how)
    assert.equal(await index.catchUp(), 1, how)
    assert.deepEqual(await found(index, 'word'), [1], how)
    index.close()
  }
})

test('a file that is damaged while it is open is made anew', async (t) => {
  const { mail, folder, open } = await mailOf(t)
  await add(mail, ...Array.from({ length: 50 }, (_, at) => ({ text: `common word${at}` })))
  const index = open()
  await index.catchUp()
  const database = new DatabaseSync(join(folder, 'search.sqlite'), { defensive: false })
  database.exec("update text_data set block = x'ffffffffffff' where id > 10")
  database.close()
  assert.equal((await found(index, 'common')).length, 50)
  assert.match(index.remade ?? '', /damaged/)
})

test('a file that is removed while it is open is made anew', async (t) => {
  const { mail, folder, open } = await mailOf(t)
  await add(mail, { text: 'a word' })
  const [one, two] = [open(), open()]
  await one.catchUp()
  assert.equal(await two.catchUp(), 0)
  for (const end of ['', '-wal', '-shm']) rmSync(join(folder, `search.sqlite${end}`), { force: true })
  assert.equal(await one.catchUp(), 1)
  // The second finds the first one's new file, and leaves it.
  assert.equal(await two.catchUp(), 0)
  assert.equal(await one.catchUp(), 0)
  assert.deepEqual(await found(two, 'word'), [1])
})

test('mail that was restored from a copy is indexed anew', async (t) => {
  const { mail, open } = await mailOf(t)
  await add(mail, { text: 'lost' }, { text: 'lost too' })
  const index = open()
  await index.catchUp()
  index.close()

  const older = await new MemoryStore().open('mario')
  await add(older, { text: 'kept' })
  const again = open(older)
  assert.equal(await again.catchUp(), 1)
  assert.match(again.remade ?? '', /restored/)
  assert.deepEqual(await found(again, 'kept'), [1])
  assert.deepEqual(await found(again, 'lost'), [])
  again.close()

  // Other mail that has come further is known by the unique-ids.
  const other = await new MemoryStore().open('mario')
  await add(other, { text: 'different' })
  for (let count = 0; count < 5; count++) await add(other, { text: 'more' })
  const third = open(other)
  assert.equal(await third.catchUp(), 6)
  assert.match(third.remade ?? '', /restored/)
})

test('that what is indexed is what is stored, is checked', async (t) => {
  const { mail, folder, open } = await mailOf(t)
  await add(mail, { text: 'word one' }, { text: 'word two' })
  const index = open()
  await index.catchUp()
  const database = new DatabaseSync(join(folder, 'search.sqlite'))
  database.exec('delete from messages where id = 1; delete from heads where id = 1; delete from text where rowid = 1')
  database.exec('insert into messages values (77, 1, 0, 0, 0, 0, 0, null), (78, 1, 0, 0, 0, 0, 0, null)')
  database.exec('update state set messages = messages + 1')
  database.close()
  assert.equal(await index.catchUp(), 1)
  assert.deepEqual(await found(index, 'word'), [1, 2])
  assert.deepEqual(await found(index, 'in:INBOX'), [1, 2])
})

test('an unknown mailbox is refused, naming those that there are', async (t) => {
  const { open } = await mailOf(t)
  const says = (error: unknown): boolean => error instanceof MisuseError && /"Nowhere".*INBOX/.test(error.message)
  await assert.rejects(open().search('in:Nowhere'), says)
})

test('no query is an error of FTS5', async (t) => {
  const { mail, open } = await mailOf(t)
  await add(mail, { text: 'a b c' })
  const index = open()
  await index.catchUp()
  const piece = fc.oneof(
    fc.constantFrom(
      '"',
      '*',
      'from:',
      'subject:',
      ' ',
      'NEAR(',
      ')',
      'AND',
      'NOT',
      '^',
      '{',
      '}',
      ':',
      '-',
      '+',
      "'",
      '\0',
      'a',
      '会',
      '\ud800',
    ),
    fc.string({ unit: 'binary', maxLength: 5 }),
  )
  await fc.assert(
    fc.asyncProperty(fc.array(piece, { maxLength: 15 }), async (pieces) => {
      try {
        await index.search(pieces.join(''))
      } catch (error) {
        assert.ok(error instanceof MisuseError, String(error))
      }
    }),
    { numRuns: 500 },
  )
})

test('a message is found by each of its words, and by a phrase of any of them', async (t) => {
  const { mail, open } = await mailOf(t)
  const vocabulary = ['perché', 'casa', '会議', 'naïve', 'x1', 'Ω', 'straße', 'дом']
  const texts = fc.sample(fc.array(fc.constantFrom(...vocabulary), { minLength: 1, maxLength: 6 }), {
    numRuns: 40,
    seed: 1,
  })
  await add(mail, ...texts.map((words) => ({ text: words.join(' ') })))
  const index = open()
  await index.catchUp()
  const phrase = fc.array(fc.constantFrom(...vocabulary), { minLength: 1, maxLength: 3 })
  await fc.assert(
    fc.asyncProperty(phrase, async (words) => {
      const expected = texts.flatMap((text, at) =>
        ` ${text.join(' ')} `.includes(` ${words.join(' ')} `) ? [at + 1] : [],
      )
      assert.deepEqual(await found(index, `"${words.join(' ')}"`), expected)
      const all = texts.flatMap((text, at) => (words.every((word) => text.includes(word)) ? [at + 1] : []))
      assert.deepEqual(await found(index, words.join(' ')), all)
    }),
  )
})
