import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { MisuseError } from '../errors.ts'
import { parseQuery, type Query, type Term, wantedTerms } from './query.ts'

const term = (text: string, place: Term['place'] = 'anywhere', prefix = false): Term => ({
  kind: 'term',
  place,
  text,
  prefix,
})
const and = (...of: Query[]): Query => ({ kind: 'and', of })
const or = (...of: Query[]): Query => ({ kind: 'or', of })
const not = (of: Query): Query => ({ kind: 'not', of })
/** What must all match. */
const terms = (text: string): readonly Query[] => {
  const query = parseQuery(text)
  return query.kind === 'and' ? query.of : [query]
}
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
  assert.deepEqual(terms('after:2024 before:2024-03'), [
    { kind: 'after', moment: new Date(2024, 0, 1).getTime() },
    { kind: 'before', moment: new Date(2024, 2, 1).getTime() },
  ])
  assert.deepEqual(parseQuery('after:2024-02-29'), { kind: 'after', moment: new Date(2024, 1, 29).getTime() })
})

test('larger: and smaller: are octets, thousands or millions of them', () => {
  const octets = { '5': 5, '200k': 200_000, '5M': 5_000_000, '1.5mb': 1_500_000, '2GB': 2_000_000_000, '0': 0 }
  for (const [text, value] of Object.entries(octets)) {
    assert.deepEqual(parseQuery(`larger:${text}`), { kind: 'larger', octets: value })
    assert.deepEqual(parseQuery(`smaller:${text}`), { kind: 'smaller', octets: value })
  }
})

test('has:attachment, is: and in:', () => {
  assert.deepEqual(terms('has:Attachment in:INBOX IS:Unread in:"Posta inviata"'), [
    { kind: 'attachment' },
    { kind: 'in', mailboxes: ['INBOX', 'Posta inviata'] },
    { kind: 'is', state: 'unread' },
  ])
  // Either side of an OR, and what is not to be, stand for themselves.
  assert.deepEqual(
    parseQuery('in:A OR -in:B -in:C'),
    or({ kind: 'in', mailboxes: ['A'] }, and(...['B', 'C'].map((name) => not({ kind: 'in', mailboxes: [name] })))),
  )
})

test('filename: and list: with a word or a quoted value', () => {
  assert.deepEqual(terms('filename:fattura* list:"Dev Talk" list:dev.example.it'), [
    term('fattura', 'filename', true),
    term('Dev Talk', 'list'),
    term('dev.example.it', 'list'),
  ])
})

test('OR, NOT, a minus and brackets; what stands side by side binds closer than OR', () => {
  const [a, b, c, d] = ['a', 'b', 'c', 'd'].map((text) => term(text)) as [Term, Term, Term, Term]
  assert.deepEqual(parseQuery('a b OR c d'), or(and(a, b), and(c, d)))
  assert.deepEqual(parseQuery('a AND b'), and(a, b))
  assert.deepEqual(parseQuery('a (b OR c) d'), and(a, or(b, c), d))
  assert.deepEqual(parseQuery('a(b OR c)d'), and(a, or(b, c), d))
  assert.deepEqual(parseQuery('((a))'), a)
  assert.deepEqual(parseQuery('a OR b OR (c d)'), or(a, b, and(c, d)))
  for (const text of ['a NOT b', 'a -b', 'a NOT (b)', 'a -(b)', 'a AND NOT b', '(a) -"b"'])
    assert.deepEqual(parseQuery(text), and(a, not(b)), text)
  assert.deepEqual(parseQuery('-a'), not(a))
  assert.deepEqual(parseQuery('NOT NOT a'), not(not(a)))
  assert.deepEqual(parseQuery('-from:anna -(b OR c)'), and(not(term('anna', 'from')), not(or(b, c))))
  // In lower case, quoted, or behind a colon they are words.
  assert.deepEqual(parseQuery('a or "OR" and'), and(a, term('or'), term('OR'), term('and')))
  assert.deepEqual(parseQuery('from:NOT'), term('NOT', 'from'))
  assert.deepEqual(parseQuery('e-mail'), term('e-mail'))
  assert.deepEqual(parseQuery('a - b'), and(a, b))
  assert.deepEqual(parseQuery('constructor'), term('constructor'))
})

test('the words by which a message is found are none of a NOT', () => {
  const wanted = (text: string): string[] => wantedTerms(parseQuery(text)).map((one) => one.text)
  assert.deepEqual(wanted('a -b (c OR NOT d) -(e -f)'), ['a', 'c', 'f'])
  assert.deepEqual(wanted('is:unread from:g'), ['g'])
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
  refused('larger:much', /larger:much is not a size.*larger:200k/)
  refused('smaller:5T', /smaller:5T/)
  refused('larger:-1', /larger:-1/)
  refused('larger:5M*', /larger:5M\*/)
  refused('is:red', /is:red is not known; is:read, is:unread/)
  refused('filename:', /filename:/)
  refused('list:?!', /list:\?!/)
  refused('luce OR', /OR needs/)
  refused('OR luce', /OR needs/)
  refused('luce OR ?!', /OR needs/)
  refused('a OR OR b', /OR needs/)
  refused('luce AND', /AND needs/)
  refused('AND luce', /AND needs/)
  refused('luce NOT', /NOT needs/)
  refused('NOT OR luce', /NOT needs/)
  refused('(luce', /bracket is not closed/)
  refused('luce)', /no bracket is open/)
  refused(':-)', /no bracket is open.*quotes/)
  refused('luce ()', /nothing to search for in a bracket/)
  refused('(?!)', /nothing to search for in a bracket/)
  refused('from:(anna OR mario)', /from: takes one word.*from:one OR from:two/)
  refused('fattura --luce', /--luce/)
  refused(`${'('.repeat(25)}a${')'.repeat(25)}`, /20 deep/)
  refused(`${'NOT '.repeat(25)}a`, /20 deep/)
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
