import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseFetchmailRc, type ServerEntry } from './fetchmail-rc.ts'

function parsed(text: string): readonly ServerEntry[] {
  const { servers, faults } = parseFetchmailRc(text, 'rc')
  assert.deepEqual(faults, [])
  return servers
}

/** What is set, as `name` or `no name`, with values behind it. */
function settings({ settings: list }: Pick<ServerEntry, 'settings'>): string[] {
  return list.map(({ name, on, values }) => [on ? name : `no ${name}`, ...values].join(' '))
}

test('an entry may be written in English, in any order, over several lines', () => {
  const [entry, ...others] = parsed(`
    # a comment
    poll pop.example.it with protocol pop3 and port 995, timeout 60:
      username "mario" there has password 'geheim'; is "m" here and wants keep, ssl
      options fetchall no rewrite norewrite`)
  assert.deepEqual(others, [])
  assert.deepEqual([entry?.kind, entry?.name, entry?.line], ['poll', 'pop.example.it', 3])
  assert.deepEqual(entry && settings(entry), ['proto pop3', 'port 995', 'timeout 60'])
  const user = entry?.users[0]
  assert.deepEqual([user?.remote, user?.names], ['mario', [{ there: 'm', here: 'm' }]])
  const all = ['password geheim', 'keep', 'ssl', 'fetchall', 'no rewrite', 'no rewrite']
  assert.deepEqual(user && settings(user), all)
})

test('a server may have several users, described from there or from here', () => {
  const [entry] = parsed('server h proto imap user a there is b here pass x folder A B,C user c here is d there pass y')
  assert.deepEqual(
    entry?.users.map(({ remote, names }) => [remote, names.map(({ here }) => here)]),
    [
      ['a', ['b']],
      ['d', ['c']],
    ],
  )
  assert.deepEqual(entry?.users[0] && settings(entry.users[0]), ['password x', 'folder A B C'])
})

test('local names may be mapped, and be any number', () => {
  const [entry] = parsed("poll h localdomains x y envelope 2 'X-To' user all is a=anna \"b c\"='d' e * here")
  const names = entry?.users[0]?.names.map(({ there, here }) => `${there}>${here}`)
  assert.deepEqual(names, ['a>anna', 'b c>d', 'e>e', '*>*'])
  assert.deepEqual(entry && settings(entry), ['localdomains x y', 'envelope 2 X-To'])
})

test('a user who is not described is one without a name; defaults have one too', () => {
  const [defaults, bare, options, skip] = parsed('defaults proto pop3 keep poll a poll b no dns pass x skip c')
  assert.deepEqual([defaults?.kind, bare?.name, skip?.kind], ['defaults', 'a', 'skip'])
  assert.deepEqual(defaults?.users[0] && settings(defaults.users[0]), ['keep'])
  assert.deepEqual(bare?.users, [{ line: 1, remote: undefined, names: [], settings: [] }])
  assert.deepEqual(options?.users[0] && settings(options.users[0]), ['password x'])
})

test('a name may be spelt like a keyword where a name must stand', () => {
  const [entry] = parsed('poll h user keep password is to here')
  assert.deepEqual([entry?.users[0]?.remote, entry?.users[0] && settings(entry.users[0])], ['keep', ['password is']])
  assert.deepEqual(entry?.users[0]?.names, [{ there: 'here', here: 'here' }])
})

test('quotes hold what has spaces; within a word, or without an end, they are part of it', () => {
  const value = (text: string): string | undefined =>
    parsed(`poll h pass ${text} keep`)[0]?.users[0]?.settings[0]?.values[0]
  assert.equal(value(`"a 'b' c"`), "a 'b' c")
  assert.equal(value(`'a "b" c'`), 'a "b" c')
  assert.equal(value(`'it''s'`), `'it''s'`)
  assert.equal(value(`'tis`), `'tis`)
  assert.equal(value(`"x"y`), `"x"y`)
})

test('escapes are octets: decimal, octal, hexadecimal, and UTF-8 where they make it', () => {
  const value = (text: string): string | undefined => parsed(`poll h pass ${text}`)[0]?.users[0]?.settings[0]?.values[0]
  assert.equal(value(String.raw`"a\x41\0667\66\n\t\"`), 'aA67B\n\t')
  assert.equal(value(String.raw`p\#\"q`), 'p#"q')
  assert.equal(value(String.raw`"\195\xA9"`), 'é')
  assert.equal(value(String.raw`"\xE9"`), 'é')
  assert.equal(value('"one\\\ntwo"'), 'onetwo')
  assert.equal(value('"one\ntwo"'), 'one\ntwo')
})

test('what stands behind "set" is for all', () => {
  const { globals } = parseFetchmailRc('set daemon 300 set idfile = "~/x" set no bouncemail', 'rc')
  assert.deepEqual(settings({ settings: globals }), ['daemon 300', 'idfile ~/x', 'no bouncemail'])
})

test('a fault is named with its line, costs its user alone, and no secret', () => {
  const text = `poll a user one pass secret words keep
    user two pass x
poll b user three pass y timeout 60
poll c keep user four
poll d user
five
poll e user six pass z "
poll f user seven pass w`
  const { servers, faults } = parseFetchmailRc(text, 'rc')
  assert.deepEqual(
    faults.map(({ line, text: what }) => [line, what]),
    [
      [1, 'a word follows "password" that fetchmail does not know'],
      [3, '"timeout" is about the server, and must stand before the first "user"'],
      [4, '"user" must stand before the options of the user'],
      [7, 'a word follows "password" that fetchmail does not know'],
    ],
  )
  assert.deepEqual(
    servers.map(({ name, users }) => [name, ...users.map(({ remote }) => remote)]),
    [['a', 'two'], ['b'], ['c', 'four'], ['d', 'five'], ['e'], ['f', 'seven']],
  )
  assert.doesNotMatch(JSON.stringify(faults), /secret|words/)
})

test('whatever a file says, reading it ends, and each account has a line', () => {
  const pieces = fc.constantFrom(
    ...'poll skip defaults set user password is to here there = keep no nokeep ssl proto pop3 folder "a b" "x \' # \\ , ; : 12 * envelope via'.split(
      ' ',
    ),
    '\n',
    'word',
  )
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 40 }), (words) => {
      const { servers, faults } = parseFetchmailRc(words.join(' '), 'rc')
      for (const { line } of [...servers, ...servers.flatMap(({ users }) => users), ...faults]) assert.ok(line > 0)
    }),
  )
})
