import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseParameters } from './parameters.ts'

const parameters = (text: string): Record<string, string> => Object.fromEntries(parseParameters(text).parameters)

test('RFC 2045 §5.1: values, quoted values and comments', () => {
  assert.equal(parseParameters(' Text/PLAIN (comment) ; a=b').value, 'text/plain')
  assert.deepEqual(parameters('text/plain; charset=us-ascii (Plain text)'), { charset: 'us-ascii' })
  assert.deepEqual(parameters('text/plain; Charset="us-ascii"; x="a;b=\\"c\\""'), { charset: 'us-ascii', x: 'a;b="c"' })
  assert.deepEqual(parameters('a/b; x=1; x=2'), { x: '1' })
})

test('RFC 2231 §3: continuations in any order', () => {
  const text = 'message/external-body; access-type=URL; URL*1="cs.utk.edu/pub"; URL*0="ftp://"'
  assert.deepEqual(parameters(text), { 'access-type': 'URL', url: 'ftp://cs.utk.edu/pub' })
})

test('RFC 2231 §4: charset and language', () => {
  assert.deepEqual(parameters("application/x-stuff; title*=us-ascii'en-us'This%20is%20%2A%2A%2Afun%2A%2A%2A"), {
    title: 'This is ***fun***',
  })
  const split =
    "a/b; title*0*=us-ascii'en'This%20is%20even%20more%20; title*1*=%2A%2A%2Afun%2A%2A%2A%20; title*2=\"isn't it!\""
  assert.deepEqual(parameters(split), { title: "This is even more ***fun*** isn't it!" })
  assert.deepEqual(parameters("a/b; n*0*=utf-8''%E6%97; n*1*=%A5; n=old"), { n: '日' })
})

test('floods are bounded', () => {
  const flood = Array.from({ length: 100_000 }, (_, index) => `; p${index}=v`).join('')
  assert.equal(Object.keys(parameters(`a/b${flood}`)).length, 1000)
  const sections = Array.from({ length: 100_000 }, (_, index) => `; p*${index}=v`).join('')
  assert.deepEqual(parameters(`a/b${sections}`), { p: 'v'.repeat(1000) })
})
