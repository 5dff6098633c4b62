import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { folderOf } from '../../test/folder-of.ts'
import type { Findings, Found } from './found.ts'
import { parsePopState } from './popstate.ts'
import { readThunderbird } from './thunderbird.ts'

type Values = Readonly<Record<string, string | number | boolean>>

/** The lines of a prefs.js for one server and its account. */
function prefs(server: Values, number = 1, identity = 'mario@example.it'): string {
  const all: Values = {
    [`mail.account.account${number}.identities`]: `id${number}`,
    [`mail.account.account${number}.server`]: `server${number}`,
    [`mail.identity.id${number}.useremail`]: identity,
    ...Object.fromEntries(
      Object.entries(server).map(([name, value]) => [`mail.server.server${number}.${name}`, value]),
    ),
  }
  const lines = Object.entries(all).map(([name, value]) => `user_pref("${name}", ${JSON.stringify(value)});`)
  return `// Mozilla User Preferences\n\n${lines.join('\n')}\n`
}

function found(t: TestContext, files: Readonly<Record<string, string>>): Findings {
  return readThunderbird(folderOf(t, files))
}

const pop3 = { type: 'pop3', hostname: 'pop.example.it', userName: 'mario' }

function only(t: TestContext, server: Values, files: Readonly<Record<string, string>> = {}): Found {
  const { accounts, faults } = found(t, { 'prefs.js': prefs({ ...pop3, ...server }), ...files })
  assert.deepEqual(faults, [])
  return accounts[0] as Found
}

test('server, port, TLS and what stays are those of the profile', (t) => {
  const of = (server: Values): unknown => {
    const { settings } = only(t, server)
    return [settings.protocol, settings.server, settings.port, settings.tls, settings.login, settings.leave]
  }
  assert.deepEqual(of({}), ['pop3', 'pop.example.it', 110, 'none', 'mario', 'delete'])
  assert.deepEqual(of({ socketType: 3, leave_on_server: true }), [
    'pop3',
    'pop.example.it',
    995,
    'implicit',
    'mario',
    'forever',
  ])
  assert.deepEqual(of({ socketType: 2, port: 1110, leave_on_server: true, delete_by_age_from_server: true }), [
    'pop3',
    'pop.example.it',
    1110,
    'starttls',
    'mario',
    7,
  ])
  const days = { leave_on_server: true, delete_by_age_from_server: true, num_days_to_leave_on_server: 30 }
  assert.deepEqual(of({ ...days, realhostname: 'new.example.it', realuserName: 'm' }), [
    'pop3',
    'new.example.it',
    110,
    'none',
    'm',
    30,
  ])
  assert.deepEqual(of({ type: 'imap', isSecure: true }), [
    'imap',
    'pop.example.it',
    993,
    'implicit',
    'mario',
    'forever',
  ])
})

test('options become options, and the address is that of the identity', (t) => {
  const { settings, address, password } = only(t, {
    check_time: 15,
    limit_offline_message_size: true,
    max_size: 100,
    authMethod: 4,
  })
  assert.deepEqual(settings.options, { allow: ['CRAM-MD5'], every: 900_000, largest: 102_400, beyond: 'header' })
  assert.deepEqual([address, password], ['mario@example.it', undefined])
  assert.deepEqual(only(t, { check_time: 15, check_new_mail: false }).settings.options, {})
  const google = only(t, { hostname: 'pop.gmail.com', authMethod: 10 })
  assert.deepEqual(google.settings.options, { auth: 'oauth', issuer: 'google' })
  assert.match(google.remarks[0]?.text ?? '', /^authMethod is OAuth 2\.0: .*log in anew/)
})

const state = `# POP3 State File
# This is a generated file!  Do not edit.

*pop.example.it mario
k UIDL1 1700000000
b UIDL2 1700000000
d UIDL3 1700000000\r
f UIDL4 1700000000
k UIDL5
x UIDL6 1
`

test('what Thunderbird has is in the popstate.dat of its server', (t) => {
  const had = (server: Values, path: string): string[] =>
    only(t, server, { [path]: state }).had.map(({ uniqueId }) => uniqueId)
  assert.deepEqual(had({}, 'Mail/pop.example.it/popstate.dat'), ['UIDL1', 'UIDL3', 'UIDL5'])
  assert.deepEqual(had({ 'directory-rel': '[ProfD]Mail/pop-1' }, 'Mail/pop-1/popstate.dat'), [
    'UIDL1',
    'UIDL3',
    'UIDL5',
  ])
  assert.deepEqual(had({ 'directory-rel': '[ProfD]Mail/pop-1' }, 'Mail/pop-2/popstate.dat'), [])
})

test('too large messages and those whose rest is wanted were not fetched whole; of several lists, the one by name counts', () => {
  assert.deepEqual(parsePopState(state, ['pop.example.it'], ['mario'])[0], {
    uniqueId: 'UIDL1',
    when: 1_700_000_000_000,
  })
  assert.equal(parsePopState(state, ['renamed.example'], ['m']).length, 3)
  const two = `${state}*pop.example.it my name\nk A 1\n`
  assert.deepEqual(parsePopState(two, ['POP.example.it'], ['my name']), [{ uniqueId: 'A', when: 1000 }])
  assert.deepEqual(parsePopState(two, ['other.example'], ['mario']), [])
})

test('only the accounts that there are count, and only those with mail; user.js comes last', (t) => {
  const accounts = 'user_pref("mail.accountmanager.accounts", "account2,account3,account4");\n'
  const { accounts: list, faults } = found(t, {
    'prefs.js':
      prefs({ ...pop3, userName: 'removed' }) +
      prefs({ ...pop3, userName: 'a "quoted" one', hostname: 'two.example' }, 2) +
      prefs({ type: 'none', hostname: 'Local Folders', userName: 'nobody' }, 3) +
      prefs({ type: 'exchange', hostname: 'x', userName: 'y' }, 4) +
      accounts,
    'user.js': 'user_pref("mail.server.server2.port", 2110);\n',
  })
  assert.deepEqual(
    list.map(({ settings }) => [settings.login, settings.port]),
    [['a "quoted" one', 2110]],
  )
  assert.deepEqual(
    faults.map(({ text }) => text.replace(/;.*/, '')),
    ['there is nothing here for an account of the type exchange'],
  )
})

test('a value that cannot be read is named with its line, and the account without it', (t) => {
  const { accounts, faults } = found(t, { 'prefs.js': `${prefs(pop3)}user_pref("mail.server.server1.port", 1e);\n` })
  assert.deepEqual(
    faults.map(({ line, text }) => [line, text]),
    [[9, 'the value of mail.server.server1.port cannot be read']],
  )
  assert.equal(accounts[0]?.settings.port, 110)
})

test('an account without a server is named', (t) => {
  const { accounts, faults } = found(t, { 'prefs.js': prefs({ type: 'pop3', userName: 'x' }) })
  assert.deepEqual(accounts, [])
  assert.match(faults[0]?.text ?? '', /^there is no hostname/)
})
