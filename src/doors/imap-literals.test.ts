import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ImapLiterals } from './imap-literals.ts'

interface Divided {
  protocol: string
  messages: string[]
  answers: number
}

/** What comes out of octets that come in pieces of so many. */
function divide(text: string, size: number, taking = true): Divided {
  const literals = new ImapLiterals()
  literals.taking = taking
  const octets = Buffer.from(text, 'latin1')
  const out: Divided = { protocol: '', messages: [], answers: 0 }
  const tokens: string[] = []
  for (let at = 0; at < octets.length; at += size) {
    for (const part of literals.divide(octets.subarray(at, at + size))) {
      if (part.kind === 'protocol') out.protocol += Buffer.from(part.octets).toString('latin1')
      else if (part.kind === 'message') out.messages.push('')
      else if (part.kind === 'octets')
        out.messages.push((out.messages.pop() ?? '') + Buffer.from(part.octets).toString('latin1'))
      else if (part.kind === 'end') tokens.push(part.token)
      else out.answers++
    }
  }
  for (const [place, token] of tokens.entries()) out.protocol = out.protocol.replace(token, `MESSAGE ${place + 1}`)
  return out
}

const session = [
  '* OK [CAPABILITY IMAP4rev1] ready {5}\r\n',
  'hello\r\n',
  '* 1 FETCH (UID 7 BODY[] {5}\r\nA\n\0\r\n FLAGS (\\Seen))\r\n',
  '* 2 FETCH (BODY[] ~{0}\r\n UID 8)\r\n',
  '* 3 FETCH (body[]<0> {3+}\r\n)\r\n UID 9)\r\n',
  '* 4 FETCH (UID 10 BODY[HEADER] {4}\r\nX: y BODY[] NIL)\r\n',
  '* 5 FETCH (UID 11 BINARY[] {12}\r\nBODY[] {3}\r\n BODY[] "x")\r\n',
  'A1 OK done\r\n',
  '+ go on\r\n',
  'A2 BAD what\n',
].join('')

test('messages are taken out of what a server says, whatever the pieces it comes in', () => {
  const whole: Divided = {
    protocol: [
      '* OK [CAPABILITY IMAP4rev1] ready {5}\r\n',
      'hello\r\n',
      '* 1 FETCH (UID 7 BODY[] "MESSAGE 1" FLAGS (\\Seen))\r\n',
      '* 2 FETCH (BODY[] "MESSAGE 2" UID 8)\r\n',
      '* 3 FETCH (body[]<0> "MESSAGE 3" UID 9)\r\n',
      '* 4 FETCH (UID 10 BODY[HEADER] {4}\r\nX: y BODY[] NIL)\r\n',
      '* 5 FETCH (UID 11 BINARY[] "MESSAGE 4" BODY[] "x")\r\n',
      'A1 OK done\r\n',
      '+ go on\r\n',
      'A2 BAD what\n',
    ].join(''),
    messages: ['A\n\0\r\n', '', ')\r\n', 'BODY[] {3}\r\n'],
    answers: 2,
  }
  for (const size of [1, 2, 7, 63, 64, 65, 1000]) assert.deepEqual(divide(session, size), whole, `pieces of ${size}`)
})

test('while nobody takes messages, nothing is taken out', () => {
  for (const size of [1, 7, 1000]) {
    const { protocol, messages, answers } = divide(session, size, false)
    assert.deepEqual([protocol, messages, answers], [session, [], 2])
  }
})

test('junk never throws, and nothing of it is lost', () => {
  const word = fc.constantFrom(
    '* ',
    'BODY[]',
    ' {3}',
    '{12',
    '}',
    '\r\n',
    '\n',
    '"',
    'A1 OK',
    '~',
    '<0>',
    '\r',
    'x'.repeat(70),
  )
  fc.assert(
    fc.property(fc.array(word, { maxLength: 60 }), fc.integer({ min: 1, max: 90 }), (words, size) => {
      const text = words.join('')
      const cut = divide(text, size)
      assert.deepEqual(cut, divide(text, text.length + 1))
      assert.ok(divide(text, size, false).protocol.length >= text.length - 64)
    }),
  )
})
