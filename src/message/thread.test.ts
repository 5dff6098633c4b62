import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseHeader } from './header.ts'
import { messageIdOf, referencesOf } from './message-ids.ts'
import { messagesIn, type Thread, type Threadable, threadsOf } from './thread.ts'

interface Letter extends Threadable {
  readonly name: string
}

/** `a < b c: subject`: a message with the id a, which names b and c, of a subject; `?`: without an id. One a minute. */
function letters(...lines: readonly string[]): Letter[] {
  return lines.map((line, index) => {
    const [, name = '', references = '', subject = ''] = /^(\S+)(?: < ([^:]*))?(?:: (.*))?$/.exec(line) ?? []
    const ids = references.split(' ').filter((id) => id !== '')
    return {
      name,
      messageId: name.startsWith('?') ? undefined : name,
      references: ids,
      subject: subject === '' ? `only ${index}` : subject,
      date: index * 60_000,
    }
  })
}

/** A thread as IMAP writes it (RFC 5256 §4), with names for numbers. */
function written(thread: Thread<Letter>): string {
  const below = thread.children.map(written)
  const own = thread.message?.name ?? ''
  if (below.length === 0) return own
  if (below.length === 1) return `${own} ${below[0]}`.trim()
  return `${own} ${below.map((one) => `(${one})`).join('')}`.trim()
}

const threads = (...lines: readonly string[]): string[] => threadsOf(letters(...lines)).map(written)

test('answers stand below what they answer, by References', () => {
  assert.deepEqual(threads('a', 'b < a', 'c < a b', 'd < a', 'e'), ['a (b c)(d)', 'e'])
  // The order in which they came does not matter, but the date does.
  const all = letters('a', 'b < a', 'c < a b')
  assert.deepEqual(threadsOf(all.toReversed()).map(written), ['a b c'])
})

test('of a message that is not there, the answers are siblings; one alone stands for itself', () => {
  assert.deepEqual(threads('b < gone', 'c < gone'), ['(b)(c)'])
  assert.deepEqual(threads('b < gone'), ['b'])
  assert.deepEqual(threads('b < gone gone2', 'c < gone gone3'), ['(b)(c)'])
  assert.deepEqual(threads('a', 'c < a gone', 'd < a gone'), ['a (c)(d)'])
})

test('what comes later fills the place of what was only named', () => {
  assert.deepEqual(threads('c < a b', 'b < a', 'a'), ['a b c'])
})

test('the last reference of the message itself is believed more than a link that others made', () => {
  assert.deepEqual(threads('a', 'b', 'd < a c', 'c < b'), ['a', 'b c d'])
  // One that names none has no parent, whatever others said.
  assert.deepEqual(threads('a', 'c < a b', 'b'), ['a', 'b c'])
})

test('no loop, whoever names whom', () => {
  assert.deepEqual(threads('a < b', 'b < a'), ['b a'])
  assert.deepEqual(threads('a < a'), ['a'])
  assert.deepEqual(threads('a < b c', 'b < c a', 'c < a b').length, 1)
})

test('a second message of the same id is one of its own', () => {
  assert.deepEqual(threads('a', 'a', 'b < a'), ['a b', 'a'])
  assert.deepEqual(threads('?1', '?2'), ['?1', '?2'])
})

test('threads of the same base subject are one', () => {
  assert.deepEqual(threads('a: Fattura', 'b: Re: fattura', 'c: Altro'), ['a b', 'c'])
  assert.deepEqual(threads('b: Re: Fattura', 'a: Fattura'), ['a b'])
  assert.deepEqual(threads('a: Fattura', 'b: Fattura'), ['(a)(b)'])
  assert.deepEqual(threads('a: Fattura', 'b: Fattura', 'c: Re: Fattura', 'd: Fattura'), ['(a)(b)(c)(d)'])
  assert.deepEqual(threads('b < gone: Re: x', 'c < gone: Re: x', 'a: x'), ['(b)(c)(a)'])
  assert.deepEqual(threads('b < g: x', 'c < g: x', 'd < h: x', 'e < h: x'), ['(b)(c)(d)(e)'])
  // An empty subject says nothing.
  assert.deepEqual(threads('a: Re:', 'b: Re:'), ['a', 'b'])
})

test('the oldest is first, everywhere; of the same moment, the first in the mailbox', () => {
  const all = letters('a', 'b < a', 'c < a', 'd').map((letter) => ({ ...letter, date: 5 }))
  assert.deepEqual(threadsOf(all).map(written), ['a (b)(c)', 'd'])
  const back = letters('a', 'b < a', 'c < a', 'd').map((letter) => ({ ...letter, date: -letter.date }))
  assert.deepEqual(threadsOf(back).map(written), ['d', 'a (c)(b)'])
})

test('every message is in the threads once, none is above itself, and what is named joins', () => {
  const id = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f')
  const letter = fc.record({
    messageId: fc.option(id, { nil: undefined }),
    references: fc.array(id, { maxLength: 4 }),
    subject: fc.constantFrom('', 'x', 'Re: x', 'y'),
    date: fc.integer({ min: 0, max: 3 }),
  })
  fc.assert(
    fc.property(fc.array(letter, { maxLength: 12 }), (all) => {
      const found = threadsOf(all).flatMap((thread) => [...messagesIn(thread)])
      assert.equal(found.length, all.length)
      assert.deepEqual(new Set(found.map(({ message }) => message)), new Set(all))
    }),
    { numRuns: 500 },
  )
})

test('a thread of ten thousand answers, one below the other, is one', () => {
  const count = 10_000
  const all = Array.from({ length: count }, (_, index): Threadable => ({
    messageId: String(index),
    references: index === 0 ? [] : [String(index - 1)],
    subject: 'x',
    date: index,
  }))
  for (const order of [all, all.toReversed()]) {
    const [thread, ...others] = threadsOf(order)
    assert.equal(others.length, 0)
    assert.ok(thread !== undefined)
    assert.equal([...messagesIn(thread)].at(-1)?.depth, count - 1)
  }
})

test('ids are compared without quoting and folding; In-Reply-To counts where References names none', () => {
  const header = (text: string): ReturnType<typeof parseHeader> =>
    parseHeader(new Uint8Array(Buffer.from(`${text}\r\n\r\n`)))
  assert.equal(messageIdOf(header('Message-ID: <"01KF8JCEOCBS0045PS"@xxx.yyy.com>')), '01KF8JCEOCBS0045PS@xxx.yyy.com')
  assert.equal(messageIdOf(header('Message-ID: <"a\\"b>c"@d>')), 'a"b>c@d')
  assert.equal(messageIdOf(header('Message-ID: nothing')), undefined)
  assert.equal(messageIdOf(header('Message-ID: <none>')), undefined)
  assert.deepEqual(referencesOf(header('References: <a@b>\r\n <c\r\n @d> <e@f>')), ['a@b', 'c@d', 'e@f'])
  assert.deepEqual(referencesOf(header('In-Reply-To: <a@b> of <c@d>')), ['a@b'])
  assert.deepEqual(referencesOf(header('References: lost\r\nIn-Reply-To: Your message <a@b>')), ['a@b'])
  assert.deepEqual(referencesOf(header('References: <x@y>\r\nIn-Reply-To: <a@b>')), ['x@y'])
  const many = Array.from({ length: 200 }, (_, at) => `<${at}@x>`)
  const some = referencesOf(header(`References: ${many.join('\r\n ')}`))
  assert.deepEqual([some.length, some[0], some[1], some.at(-1)], [50, '0@x', '151@x', '199@x'])
})
