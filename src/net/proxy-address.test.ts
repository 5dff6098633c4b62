import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MisuseError } from '../errors.ts'
import { parseProxy, spellProxy } from './proxy-address.ts'

test('a proxy in each of its forms', () => {
  const none = undefined
  const cases: [string, ReturnType<typeof parseProxy>][] = [
    ['socks5://proxy.example.it', { kind: 'socks5', host: 'proxy.example.it', port: 1080, login: none }],
    ['socks5h://127.0.0.1:9050/', { kind: 'socks5', host: '127.0.0.1', port: 9050, login: none }],
    [' SOCKS5://[::1]:1081 ', { kind: 'socks5', host: '::1', port: 1081, login: none }],
    ['http://proxy:3128', { kind: 'http', host: 'proxy', port: 3128, login: none }],
    ['http://mario@proxy:8080', { kind: 'http', host: 'proxy', port: 8080, login: { name: 'mario', password: '' } }],
    [
      'http://mario%40example.it:p%3Aw@rd:x@proxy:8080',
      { kind: 'http', host: 'proxy', port: 8080, login: { name: 'mario@example.it', password: 'p:w@rd:x' } },
    ],
  ]
  for (const [text, proxy] of cases) assert.deepEqual(parseProxy(text), proxy, text)
})

test('what is no proxy is told why, and never with a password', () => {
  const cases: [string, RegExp][] = [
    ['proxy.example.it:1080', /does not begin with/],
    ['mario:secret@proxy.example.it:1080', /does not begin with/],
    ['socks4://mario:secret@proxy', /socks4:\/\/ is not known/],
    ['https://mario:secret@proxy:443', /https:\/\/ is not known/],
    ['http://mario:secret@proxy', /it has no port/],
    ['http://mario:secret@proxy:0', /no port 0/],
    ['socks5://mario:secret@proxy:65536', /no port 65536/],
    ['socks5://mario:secret@proxy:1080/path', /make no sense/],
    ['socks5://mario:secret@', /make no sense/],
    ['socks5://:secret@proxy', /no user name/],
    ['socks5://mario:secret%zz@proxy', /%25/],
    ['', /does not begin with/],
  ]
  for (const [text, words] of cases) {
    assert.throws(
      () => parseProxy(text),
      (error) => {
        assert.ok(error instanceof MisuseError && error.code === 'usage', text)
        assert.match(error.message, words)
        assert.doesNotMatch(error.message, /secret/)
        return true
      },
    )
  }
})

test('people see a proxy without its log-in', () => {
  assert.equal(spellProxy(parseProxy('socks5://mario:secret@[::1]:1080')), 'socks5://[::1]:1080')
})
