import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { MisuseError } from '../errors.ts'
import { parseQuery, type Term } from './query.ts'

const terms = (text: string): readonly Term[] => parseQuery(text).terms
const term = (text: string, place: Term['place'] = 'anywhere', prefix = false): Term => ({ place, text, prefix })
const refused = (text: string, says: RegExp): void =>
  assert.throws(
    () => parseQuery(text),
    (error) => error instanceof MisuseError && error.code === 'usage' && says.test(error.message),
  )

test('words, phrases, and words that may go on', () => {
  assert.deepEqual(terms(' fattura  "ordine del mese" perch* "da ved"* '), [
    term('fattura'),
    term('ordine del mese'),
    term('perch', 'anywhere', true),
    term('da ved', 'anywhere', true),
  ])
  assert.deepEqual(terms('“typed on a telephone”'), [term('typed on a telephone')])
  assert.deepEqual(terms('"never closed'), [term('never closed')])
  assert.deepEqual(terms('a"b c"d'), [term('a'), term('b c'), term('d')])
})

test('from:, to: and subject: with a word or a quoted value, in any case', () => {
  assert.deepEqual(terms('from:"Mario Rossi" TO:anna@example.it Subject:fattur* subject: due'), [
    term('Mario Rossi', 'from'),
    term('anna@example.it', 'to'),
    term('fattur', 'subject', true),
    term('due', 'subject'),
  ])
})

test('an unknown name before a colon is a word like any other', () => {
  assert.deepEqual(terms('http://example.it foo:bar foo:"bar baz"'), [
    term('http://example.it'),
    term('foo:bar'),
    term('foo:'),
    term('bar baz'),
  ])
})

test('after: and before: are days, months and years of this time zone', () => {
  const { after, before } = parseQuery('after:2024 before:2024-03')
  assert.deepEqual([after, before], [new Date(2024, 0, 1).getTime(), new Date(2024, 2, 1).getTime()])
  assert.equal(parseQuery('after:2024-02-29').after, new Date(2024, 1, 29).getTime())
  assert.equal(parseQuery('after:2024 after:2025 before:2027 before:2026').before, new Date(2026, 0, 1).getTime())
})

test('has:attachment and in:', () => {
  const query = parseQuery('has:Attachment in:INBOX in:"Posta inviata"')
  assert.deepEqual(query, {
    terms: [],
    after: undefined,
    before: undefined,
    hasAttachment: true,
    mailboxes: ['INBOX', 'Posta inviata'],
  })
})

test('what cannot be meant is refused, naming it', () => {
  refused('after:yesterday', /after:yesterday.*YYYY-MM-DD/)
  refused('before:2024-02-30', /before:2024-02-30/)
  refused('after:2024-13', /after:2024-13/)
  refused('after:24', /after:24/)
  refused('has:legs', /has:legs.*has:attachment/)
  refused('word from:', /from:/)
  refused('in:""', /in:/)
  refused('in:INBO*', /in:INBO\*/)
  refused('in:"Posta inv"* ciao', /in:"Posta inv"\*/)
  refused('after:2024*', /after:2024\*/)
  refused('before:2024-0*', /before:2024-0\*/)
  refused('has:attach*', /has:attach\*/)
  refused('ciao from:?!', /from:\?!/)
  refused('ciao subject:"- -"*', /subject:"- -"/)
  refused('', /nothing to search for/)
  refused('?! --', /nothing to search for.*\?! --/)
  refused('a '.repeat(101), /101/)
  refused('a'.repeat(10_001), /too long/)
})

test('punctuation beside words is left out', () => {
  assert.deepEqual(terms('fattura - ! *'), [term('fattura')])
})

test('no text breaks it', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 40 }), (text) => {
      try {
        parseQuery(text)
      } catch (error) {
        assert.ok(error instanceof MisuseError)
      }
    }),
  )
})
