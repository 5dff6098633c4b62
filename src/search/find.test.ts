import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import fc from 'fast-check'
import type { MessageId } from '../ids.ts'
import { MemoryStore } from '../store/memory.ts'
import type { Flag, UserMail } from '../store/store.ts'
import { SearchIndex } from './index-file.ts'

const received = Date.UTC(2026, 5, 1)

interface Letter {
  readonly from?: string
  readonly to?: string
  readonly subject?: string
  readonly id?: string
  readonly references?: string
  readonly list?: string
  readonly minute?: number
  readonly text?: string
  readonly attachment?: string
  readonly mailbox?: string
  readonly flags?: readonly Flag[]
}

function octetsOf(letter: Letter): Uint8Array {
  const { from = 'a@example.it', to = 'b@example.it', subject = '', minute = 0, text = '', attachment } = letter
  const field = (name: string, value: string | undefined): string =>
    value === undefined ? '' : `${name}: ${value}\r\n`
  const date = new Date(Date.UTC(2025, 0, 1, 0, minute)).toUTCString().replace('GMT', '+0000')
  const part = attachment === undefined ? '' : `--b\r\nContent-Type: application/pdf; name="${attachment}"\r\n\r\nx\r\n`
  return new Uint8Array(
    Buffer.from(
      `From: ${from}\r\nTo: ${to}\r\nSubject: ${subject}\r\nDate: ${date}\r\n` +
        field('Message-ID', letter.id) +
        field('References', letter.references) +
        field('List-Id', letter.list) +
        `Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n${text}\r\n${part}--b--\r\n`,
    ),
  )
}

async function indexed(t: TestContext, letters: readonly Letter[]): Promise<{ mail: UserMail; index: SearchIndex }> {
  const mail = await new MemoryStore().open('mario')
  const folder = mkdtempSync(join(tmpdir(), 'postino-find-'))
  for (const letter of letters) {
    const staging = mail.stage('wire')
    await staging.write(octetsOf(letter))
    const staged = await staging.finish()
    await mail.change((draft) => {
      const mailbox = draft.openMailbox(letter.mailbox ?? 'INBOX')
      return draft.add(staged, { mailbox, received, flags: letter.flags ?? [] })
    })
  }
  const index = SearchIndex.open(folder, mail)
  t.after(() => {
    index.close()
    rmSync(folder, { recursive: true })
  })
  await index.catchUp()
  return { mail, index }
}

const found = async (index: SearchIndex, query: string): Promise<number[]> =>
  (await index.search(query, { limit: 1_000 })).map(({ id }) => id).toSorted((a, b) => a - b)

test('sizes, flags, names of attachments and lists are found', async (t) => {
  const { mail, index } = await indexed(t, [
    { text: 'x'.repeat(5_000), flags: ['\\Seen', '\\Flagged'], attachment: 'Fattura di luce.pdf' },
    { text: 'fattura', flags: ['\\SEEN', '\\Answered'], list: 'Chi sviluppa <dev.lists.example.it>' },
    { text: 'y', flags: ['\\Draft'], list: '<utenti.lists.example.it>', attachment: 'ricevuta-7.pdf' },
    { text: 'lists', flags: ['$Forwarded'] },
  ])
  const expected: Record<string, number[]> = {
    'is:unread': [3, 4],
    'is:read': [1, 2],
    'is:flagged': [1],
    'is:answered': [2],
    'is:draft': [3],
    '-is:draft is:unread': [4],
    'larger:5k': [1],
    'smaller:5k': [2, 3, 4],
    'larger:1G': [],
    'filename:fattura': [1],
    'filename:fattura.pdf': [],
    'filename:"di luce.pdf"': [1],
    'filename:ricev*': [3],
    'filename:pdf': [1, 3],
    'list:dev': [2],
    'list:dev.lists.example.it': [2],
    'list:"chi sviluppa"': [2],
    'list:svil*': [2],
    'list:example': [2, 3],
    '-list:example': [1, 4],
    // What only names the list is not found as a word of the message.
    lists: [4],
    'fattura OR lists': [1, 2, 4],
    'fattura -filename:fattura': [2],
    '(is:flagged OR list:utenti) has:attachment': [1, 3],
  }
  for (const [query, ids] of Object.entries(expected)) assert.deepEqual(await found(index, query), ids, query)
  const octets = await mail.read((view) => view.message(1 as MessageId)?.octets ?? 0)
  assert.deepEqual(await found(index, `larger:${octets}`), [])
  assert.deepEqual(await found(index, `larger:${octets - 1}`), [1])
  assert.deepEqual(await found(index, `smaller:${octets + 1} larger:4k`), [1])
})

test('flags and mailboxes are those of this moment, before the index knows and after', async (t) => {
  const letters = [{ text: 'word' }, { text: 'word', flags: ['\\Seen'] }, { text: 'word' }, { text: 'word' }]
  const { mail, index } = await indexed(t, letters)
  assert.deepEqual(await found(index, 'is:unread'), [1, 3, 4])
  await mail.change((draft) => {
    draft.setFlags(1 as MessageId, ['\\Seen', '\\Flagged'])
    draft.setFlags(2 as MessageId, [])
    draft.move(3 as MessageId, draft.openMailbox('Altro'))
    draft.remove(4 as MessageId)
  })
  for (const when of ['behind', 'caught up', 'and again']) {
    assert.deepEqual(await found(index, 'is:unread'), [2, 3], when)
    assert.deepEqual(await found(index, 'word -is:unread'), [1], when)
    assert.deepEqual(await found(index, 'is:flagged OR in:altro'), [1, 3], when)
    assert.deepEqual(await found(index, '-in:INBOX'), [3], when)
    assert.deepEqual(
      (await index.search('word is:unread', { limit: 1 })).map(({ id }) => id),
      [3],
      when,
    )
    await index.catchUp()
  }
})

test('by date either way, or by how much is said of the words', async (t) => {
  const { index } = await indexed(t, [
    { subject: 'luce', text: 'altro', minute: 1 },
    { text: `luce ${'gas '.repeat(200)}`, minute: 3 },
    { text: 'luce luce luce', minute: 2 },
    { subject: 'gas', text: 'altro', minute: 4, flags: ['\\Flagged'] },
  ])
  const ids = async (query: string, order: 'newest' | 'oldest' | 'relevance'): Promise<number[]> =>
    (await index.search(query, { order })).map(({ id }) => id)
  assert.deepEqual(await ids('luce', 'newest'), [2, 3, 1])
  assert.deepEqual(await ids('luce', 'oldest'), [1, 3, 2])
  assert.deepEqual(await ids('luce', 'relevance'), [1, 3, 2])
  // What is found without any of the words comes last; where there are no words, the newest is first.
  assert.deepEqual(await ids('luce OR is:flagged', 'relevance'), [1, 3, 2, 4])
  assert.deepEqual(await ids('has:attachment OR is:flagged OR smaller:1G', 'relevance'), [4, 2, 3, 1])
  assert.deepEqual(await ids('-gas', 'relevance'), [3, 1])
})

test('snippets mark what matched, and nothing of what was not to be', async (t) => {
  const { index } = await indexed(t, [
    { text: 'La bolletta della luce, e perché il gas non c’è', minute: 1 },
    { text: '明日の会議は大阪で', minute: 2 },
    { text: `${'parola '.repeat(20_000)}ornitorinco`, minute: 3 },
  ])
  const snippet = async (query: string): Promise<string | undefined> => (await index.search(query))[0]?.snippet
  assert.equal(await snippet('luce -(gas vento)'), 'La bolletta della [luce], e perché il gas non c’è')
  assert.equal(await snippet('(luce OR vento) PERCHE'), 'La bolletta della [luce], e [perché] il gas non c’è')
  assert.equal(await snippet('boll* -acqua'), 'La [bolletta] della luce, e perché il gas non c’è')
  assert.equal(await snippet('会議 -東京'), '明日の[会議]は大阪で')
  assert.equal(await snippet('-東京 before:2025-01-02 NOT ornitorinco'), '明日の会議は大阪で')
  // Far from the beginning, too.
  assert.match((await snippet('ornitorinco')) ?? '', /^… .*parola \[ornitorinco\]$/)
})

test('threads are found whole, each once, in the order of their first hits', async (t) => {
  const { mail, index } = await indexed(t, [
    { id: '<a@x>', subject: 'Cena', text: 'pizza', minute: 1 },
    { id: '<b@x>', references: '<a@x>', subject: 'Re: Cena', text: 'sushi', minute: 2 },
    { id: '<c@x>', subject: 'Altro', text: 'pizza', minute: 3 },
    { id: '<e@x>', references: '<a@x> <b@x> <gone@x>', subject: 'Dove?', text: 'pizza al sushi', minute: 5 },
    { id: '<d@x>', references: '<a@x> <b@x>', subject: 'Re: Cena', text: 'gelato', minute: 4 },
    { subject: 'AW: Re: Altro', text: 'solo', minute: 6 },
    { subject: 'Re: altro', text: 'gelato', minute: 7 },
  ])
  const threads = async (query: string, limit = 50): Promise<string[]> =>
    (await index.threads(query, { limit })).map((thread) =>
      thread.map(({ id, depth, snippet }) => `${' '.repeat(depth)}${id}${snippet === undefined ? '' : '!'}`).join('\n'),
    )
  const [cena, altro] = ['1!\n 2\n  5\n  4!', '3!\n 7']
  assert.deepEqual(await threads('pizza'), [cena, altro])
  assert.deepEqual(await threads('pizza', 1), [cena])
  assert.deepEqual(await threads('pizza', 0), [])
  assert.deepEqual(await threads('gelato'), ['3\n 7!', '1\n 2\n  5!\n  4'])
  assert.deepEqual(await threads('solo'), ['6!'])
  assert.deepEqual(await threads('piz* -sushi'), ['3!\n 7', '1!\n 2\n  5\n  4'])
  await mail.change((draft) => draft.remove(1 as MessageId))
  for (const when of ['behind', 'caught up']) {
    assert.deepEqual(await threads('sushi'), [when === 'behind' ? ' 2!\n  5\n  4!' : '2!\n 5\n 4!'], when)
    await index.catchUp()
  }
})

/** How the dates of so many messages lie, by the order in which they came. */
const dates: Readonly<Record<string, (at: number, count: number) => number>> = {
  'as they came': (at) => at,
  'in any order': (at, count) => (at * 7) % count,
  'many at the same moment': (at) => at % 3,
  'old ones after new ones': (at, count) => (at < count / 2 ? at + count : at),
}

for (const [how, minuteOf] of Object.entries(dates))
  test(`words that thousands of messages have are found like others, by date: ${how}`, async (t) => {
    // What thousands match is gathered otherwise than what hundreds do.
    const count = how === 'in any order' ? 6_000 : 2_000
    const mail = await new MemoryStore().open('mario')
    const folder = mkdtempSync(join(tmpdir(), 'postino-find-'))
    const index = SearchIndex.open(folder, mail)
    t.after(() => {
      index.close()
      rmSync(folder, { recursive: true })
    })
    const wordsOf = (at: number): string =>
      `word ${at % 6 === 0 ? 'sixth' : 'other'}${at % 700 === 0 ? ' seldom other' : ''}`
    const all = await Promise.all(
      Array.from({ length: count }, async (_, at) => {
        const staging = mail.stage('wire')
        await staging.write(octetsOf({ text: wordsOf(at), minute: minuteOf(at, count) }))
        return await staging.finish()
      }),
    )
    await mail.change((draft) => {
      const mailbox = draft.openMailbox('INBOX')
      for (const [at, one] of all.entries())
        draft.add(one, { mailbox, received, flags: at % 100 === 0 ? ['\\Flagged'] : [] })
    })
    await index.catchUp()
    const ids = async (query: string, limit: number, order: 'newest' | 'oldest' = 'newest'): Promise<number[]> =>
      (await index.find(query, { limit, order })).map(({ id }) => id)
    const first = (await mail.read((view) => view.messages({ limit: 1 })))[0]?.id ?? 0
    const expected = (matches: (at: number) => boolean): number[] =>
      Array.from({ length: count }, (_, at) => at)
        .filter(matches)
        .toSorted((a, b) => minuteOf(b, count) - minuteOf(a, count) || b - a)
        .map((at) => at + first)
    const queries: Record<string, (at: number) => boolean> = {
      word: () => true,
      'wor*': () => true,
      '"word other"': (at) => at % 6 !== 0,
      '"other seldom"': (at) => at % 700 === 0 && at % 6 !== 0,
      '"seldom other" sixth': (at) => at % 2100 === 0,
      'word -sixth': (at) => at % 6 !== 0,
      'word is:flagged': (at) => at % 100 === 0,
      'word is:flagged -sixth': (at) => at % 100 === 0 && at % 6 !== 0,
      '-word': () => false,
      '-sixth -is:flagged': (at) => at % 6 !== 0 && at % 100 !== 0,
      'sixth OR is:flagged': (at) => at % 6 === 0 || at % 100 === 0,
      '(seldom OR is:flagged) -sixth': (at) => (at % 700 === 0 || at % 100 === 0) && at % 6 !== 0,
    }
    for (const [query, matches] of Object.entries(queries)) {
      const whole = expected(matches)
      for (const limit of [1, 20, count]) {
        assert.deepEqual(await ids(query, limit), whole.slice(0, limit), `${query}, ${limit}`)
        const oldest = whole.toReversed().slice(0, limit)
        assert.deepEqual(await ids(query, limit, 'oldest'), oldest, `${query}, the ${limit} oldest`)
      }
    }
    // Most of them are gone before the index knows.
    const gone = await mail.read((view) => view.messages().map(({ id }) => id))
    await mail.change((draft) => gone.slice(0, -10).forEach((id) => draft.remove(id)))
    assert.equal((await ids('word', 20)).length, 10)
    assert.equal((await index.threads('word')).length, 10)
  })

/** What a query is to mean, said once more: as a text, and as a predicate. */
interface Meaning {
  readonly text: string
  readonly matches: (letter: Required<Letter>, octets: number) => boolean
}

test('random queries find what they mean', async (t) => {
  const vocabulary = ['luce', 'gas', 'acqua', 'vento', 'perché']
  const random = fc.sample(
    fc.record<Required<Omit<Letter, 'id' | 'references'>>>({
      from: fc.constantFrom('luce@example.it', 'gas@example.it'),
      to: fc.constantFrom('vento@example.it', 'luce@example.it'),
      subject: fc.array(fc.constantFrom(...vocabulary), { maxLength: 2 }).map((words) => words.join(' ')),
      list: fc.constantFrom('<gas.example.it>', '<luce.example.it>'),
      minute: fc.integer({ min: 0, max: 5_000 }),
      text: fc.array(fc.constantFrom(...vocabulary), { maxLength: 4 }).map((words) => words.join(' ')),
      attachment: fc.constantFrom('luce.pdf', 'acqua.pdf'),
      mailbox: fc.constantFrom('INBOX', 'Altro'),
      flags: fc.subarray(['\\Seen', '\\Flagged']),
    }),
    { numRuns: 60, seed: 7 },
  )
  const letters = random.map((letter) => ({ ...letter, id: undefined, references: undefined }) as unknown as Letter)
  const { mail, index } = await indexed(t, letters)
  const octets = await mail.read((view) => view.messages().map((message) => message.octets))
  const middle = octets.toSorted((a, b) => a - b)[30] ?? 0

  const has = (text: string, word: string): boolean => text.split(/[^\p{L}]+/u).includes(word)
  const word = fc.constantFrom(...vocabulary)
  const leaf: fc.Arbitrary<Meaning> = fc.oneof(
    word.map((one): Meaning => ({
      text: one,
      matches: ({ from, to, subject, text, attachment }) =>
        [from, to, subject, text, attachment].some((place) => has(place, one)),
    })),
    fc.tuple(word, word).map(([one, two]): Meaning => ({
      text: `"${one} ${two}"`,
      matches: ({ subject, text }) => [subject, text].some((place) => ` ${place} `.includes(` ${one} ${two} `)),
    })),
    fc.constant<Meaning>({
      text: 'l*',
      matches: ({ from, to, subject, text, attachment }) =>
        [from, to, subject, text, attachment].some((place) => has(place, 'luce')),
    }),
    word.map((one): Meaning => ({ text: `subject:${one}`, matches: ({ subject }) => has(subject, one) })),
    word.map((one): Meaning => ({ text: `from:${one}`, matches: ({ from }) => has(from, one) })),
    word.map((one): Meaning => ({ text: `to:${one}`, matches: ({ to }) => has(to, one) })),
    word.map((one): Meaning => ({ text: `filename:${one}`, matches: ({ attachment }) => has(attachment, one) })),
    word.map((one): Meaning => ({ text: `list:${one}`, matches: ({ list }) => has(list, one) })),
    fc.constantFrom<Meaning>(
      { text: 'is:read', matches: ({ flags }) => flags.includes('\\Seen') },
      { text: 'is:unread', matches: ({ flags }) => !flags.includes('\\Seen') },
      { text: 'is:flagged', matches: ({ flags }) => flags.includes('\\Flagged') },
      { text: 'in:altro', matches: ({ mailbox }) => mailbox === 'Altro' },
      { text: `larger:${middle}`, matches: (_, size) => size > middle },
      { text: `smaller:${middle}`, matches: (_, size) => size < middle },
      { text: 'is:draft', matches: () => false },
    ),
  )
  const { query } = fc.letrec<{ query: Meaning }>((tie) => {
    const several = fc.array(tie('query'), { minLength: 2, maxLength: 3 })
    return {
      query: fc.oneof(
        { depthSize: 'small', withCrossShrink: true },
        leaf,
        several.map((all): Meaning => ({
          text: `(${all.map(({ text }) => text).join(' ')})`,
          // Several `in:` side by side mean any of them, and here they are the same.
          matches: (letter, size) => all.every((one) => one.matches(letter, size)),
        })),
        several.map((all): Meaning => ({
          text: `(${all.map(({ text }) => text).join(' OR ')})`,
          matches: (letter, size) => all.some((one) => one.matches(letter, size)),
        })),
        tie('query').map((one): Meaning => ({
          // Directly before it, a minus would make a word of NOT.
          text: `-${one.text}`.replace(/^-(?=-|NOT )/, 'NOT '),
          matches: (letter, size) => !one.matches(letter, size),
        })),
      ),
    }
  })
  const check = async (orders: readonly ('newest' | 'relevance')[]): Promise<void> => {
    await fc.assert(
      fc.asyncProperty(query, async ({ text, matches }) => {
        const expected = letters.flatMap((letter, place) =>
          matches(letter as Required<Letter>, octets[place] ?? 0) ? [place + 1] : [],
        )
        for (const order of orders) {
          const hits = await index.find(text, { limit: 1_000, order })
          assert.deepEqual(
            hits.map(({ id }) => id).toSorted((a, b) => a - b),
            expected,
            `${order}: ${text}`,
          )
        }
      }),
      { numRuns: 120 },
    )
  }
  await check(['newest', 'relevance'])
  // The same while the index is behind: every other message is flagged otherwise, and elsewhere.
  await mail.change((draft) => {
    for (const [place, letter] of letters.entries()) {
      if (place % 2 === 0) continue
      const id = (place + 1) as MessageId
      const flags = letter.flags?.includes('\\Seen') === true ? ['\\Flagged'] : ['\\Seen']
      const mailbox = letter.mailbox === 'Altro' ? 'INBOX' : 'Altro'
      draft.setFlags(id, flags)
      draft.move(id, draft.openMailbox(mailbox))
      letters[place] = { ...letter, flags, mailbox }
    }
  })
  await check(['newest', 'relevance'])
})
