import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { folderOf } from '../../test/folder-of.ts'
import { imapUniqueId } from '../doors/fetch-imap-ledger.ts'
import type { Findings, Found } from './found.ts'
import { readGetmail } from './getmail.ts'
import { parseIni, pythonStrings } from './ini.ts'
import { oldmailFile, parseOldmail } from './oldmail.ts'

function found(t: TestContext, rc: string, others: Readonly<Record<string, string>> = {}): Findings & { home: string } {
  const home = folderOf(t, { 'getmail/rc': rc, ...others })
  return { home, ...readGetmail(join(home, 'getmail', 'rc'), { home, person: 'me', lists: [] }) }
}

function only(t: TestContext, rc: string, others?: Readonly<Record<string, string>>): Found {
  const { accounts, faults } = found(t, rc, others)
  assert.deepEqual(faults, [])
  return accounts[0] as Found
}

const pop3 = '[retriever]\ntype = SimplePOP3SSLRetriever\nserver = pop.example.it\nusername = mario\n'

test('each type of retriever is a protocol, a port and a form of TLS', (t) => {
  const of = (type: string, more = ''): unknown => {
    const { settings } = only(t, `[retriever]\ntype: ${type}\nserver: h\nusername: a\n${more}`)
    return [settings.protocol, settings.port, settings.tls]
  }
  assert.deepEqual(of('SimplePOP3Retriever'), ['pop3', 110, 'none'])
  assert.deepEqual(of('SimplePOP3SSLRetriever'), ['pop3', 995, 'implicit'])
  assert.deepEqual(of('BrokenUIDLPOP3SSLRetriever'), ['pop3', 995, 'implicit'])
  assert.deepEqual(of('MultidropPOP3Retriever', 'envelope_recipient: delivered-to:1\nport: 1110'), [
    'pop3',
    1110,
    'none',
  ])
  assert.deepEqual(of('MultidropSDPSRetriever'), ['pop3', 110, 'none'])
  assert.deepEqual(of('SimpleIMAPRetriever'), ['imap', 143, 'none'])
  assert.deepEqual(of('MultidropIMAPSSLRetriever'), ['imap', 993, 'implicit'])
})

test('delete, delete_after and sizes are taken over', (t) => {
  const of = (options: string): unknown => {
    const { settings } = only(t, `${pop3}[options]\n${options}`)
    return [settings.leave, settings.options]
  }
  assert.deepEqual(of('read_all = false'), ['forever', {}])
  assert.deepEqual(of('delete = yes\ndelete_after = 30'), ['delete', {}])
  assert.deepEqual(of('delete = 0\ndelete_after = 30\nmax_message_size = 9000'), [30, { largest: 9000 }])
})

test('passwords are those of the file, of a command, or of .netrc where it is used', (t) => {
  const of = (more: string): unknown => {
    const { password, settings } = only(t, `${pop3}${more}`, {
      '.netrc': 'machine pop.example.it login mario password net',
    })
    return [password, settings.options]
  }
  assert.deepEqual(of("password = it's; # all of it"), ["it's; # all of it", {}])
  assert.deepEqual(of(`password_command = ("/bin/pass", "-p", "mail's key")`), [
    undefined,
    { secretFrom: { command: `/bin/pass -p 'mail'\\''s key'` } },
  ])
  assert.deepEqual(of('[options]\nuse_netrc = true'), ['net', {}])
  assert.deepEqual(of('[options]\nuse_netrc = false'), [undefined, {}])
})

test('certificates, pins and weak mechanisms are taken over', (t) => {
  const print = 'AB:'.repeat(31) + 'cd'
  const { home, accounts } = found(
    t,
    `${pop3}use_apop = True\nca_certs = ~/ca.pem\nkeyfile = /k.pem\ncertfile = /c.pem\nssl_fingerprints = ('${print}', "x")`,
  )
  assert.deepEqual(accounts[0]?.settings.options, {
    allow: ['APOP'],
    pins: ['ab'.repeat(31) + 'cd'],
    trust: join(home, 'ca.pem'),
    clientCertificate: { certificate: '/c.pem', key: '/k.pem' },
  })
})

test('the mailboxes of IMAP are those of the file: INBOX, some, or all', (t) => {
  const of = (more: string): unknown =>
    only(t, `[retriever]\ntype = SimpleIMAPSSLRetriever\nserver = h\nusername = a\n${more}`).settings.options
  assert.deepEqual(of(''), { only: ['INBOX'] })
  assert.deepEqual(of('mailboxes = ("INBOX", "Sent\n  Mail",\n   \'x.y\',)'.replace('\n  Mail', ' Mail')), {
    only: ['INBOX', 'Sent Mail', 'x.y'],
  })
  assert.deepEqual(of('mailboxes = ALL'), {})
  assert.deepEqual(of('use_xoauth2 = true\npassword_command = ("tokens",)'), { auth: 'oauth', only: ['INBOX'] })
})

test('what was fetched is in the file that getmail names after server, port and login', (t) => {
  const had = (others: Readonly<Record<string, string>>): unknown =>
    only(t, pop3.replace('username = mario', 'username = mario@example.it'), others).had
  const list = 'id1\x001700000000\nGm-x/1\x001700000001\n'
  const name = 'oldmail-pop.example.it-995-mario@example.it'
  const both = [
    { uniqueId: 'id1', when: 1_700_000_000_000 },
    { uniqueId: 'Gm-x/1', or: 'Gm/x/1', when: 1_700_000_001_000 },
  ]
  assert.deepEqual(had({ [`getmail/${name}`]: list }), both)
  assert.deepEqual(had({ [`.getmail/${name}`]: list }), both)
  assert.deepEqual(had({ 'getmail/oldmail-pop.example.it-110-mario@example.it': list }), [])
  assert.equal(
    oldmailFile('/x', { server: '::1', port: 1, login: 'a|b/c' }),
    '/x/oldmail-1-1-a-b-c'.replace('l-1', 'l--1'),
  )
  assert.equal(oldmailFile('/x', { server: 'h', port: 1, login: 'a' }, 'INBOX/b'), '/x/oldmail-h-1-a-INBOX.b')
})

test('by IMAP, what was fetched is in a file for each mailbox', (t) => {
  const rc = '[retriever]\ntype = SimpleIMAPRetriever\nserver = h\nusername = a\n'
  const lists = {
    'getmail/oldmail-h-143-a-INBOX': '17/1\x001700000000\n17/INBOX/2\x001\nnonsense\x001\n',
    'getmail/oldmail-h-143-a-Work.2026': '18/4294967295\x001\n',
  }
  const had = (more: string): unknown => only(t, rc + more, lists).had.map(({ uniqueId, or }) => [uniqueId, or])
  const name = (uidValidity: number, uid: number, path: string): string =>
    imapUniqueId({ path, id: undefined, uidValidity }, uid)
  const inbox = [
    [name(17, 1, 'INBOX'), undefined],
    [name(17, 2, 'INBOX'), undefined],
  ]
  assert.deepEqual(had(''), inbox)
  assert.deepEqual(had('mailboxes = ("Work/2026",)'), [[name(18, 4_294_967_295, 'Work/2026'), undefined]])
  assert.deepEqual(had('mailboxes = ALL'), [
    ...inbox,
    [name(18, 4_294_967_295, 'Work.2026'), name(18, 4_294_967_295, 'Work/2026')],
  ])
})

test('lines of an oldmail file that are none are passed over', () => {
  const lines = 'a\x001\n\nno nul\nb\x00x\n  c d\x000  \n\x007\n'
  assert.deepEqual(parseOldmail(lines), [
    { uniqueId: 'a', when: 1000 },
    { uniqueId: 'c d', when: undefined },
  ])
})

test('what is not taken over is named with its line', (t) => {
  const { accounts } = found(
    t,
    `[retriever]
type = MultidropPOP3Retriever
server = h
username = a
timeout = 60
envelope_recipient = delivered-to:1
[destination]
type = Maildir
[filter-spam]
type = Filter_external
[options]
delivered_to = false
delete_bigger_than = 5
max_messages_per_session = 0
read_all = true
`,
  )
  const lines = accounts[0]?.remarks.map(({ line, text }) => `${line} ${text.replace(/[: ].*/, '')}`)
  assert.deepEqual(lines, [
    '8 [destination]',
    '10 [filter-spam]',
    '5 timeout',
    '13 delete_bigger_than',
    '2 the',
    '15 read_all',
  ])
})

test('a file with a fault gives no account, and says where', (t) => {
  const faults = (rc: string): unknown => {
    const { accounts, faults: list } = found(t, rc)
    assert.deepEqual(accounts, [])
    return list.map(({ line, text }) => `${line} ${text}`)
  }
  assert.deepEqual(faults('server = h\n[retriever]\nrubbish\n'), [
    '1 this stands before the first [section]',
    '3 this is neither a [section] nor NAME = VALUE',
  ])
  assert.deepEqual(faults('[retriever]\ntype = SimpleETRN\n'), [
    '2 there is nothing here for a retriever of the type SimpleETRN',
  ])
  assert.deepEqual(faults('[retriever]\ntype = SimplePOP3Retriever\nserver = h\n'), [
    '2 the retriever names no username',
  ])
  assert.deepEqual(faults(`${pop3}port = many`), ['5 many is no port'])
  assert.match(String(faults('[options]\n')), /^0 there is no \[retriever\]/)
})

test('an ini file is read as Python reads it', () => {
  const { ini, faults } = parseIni('; c\n[a]\nX = 1\n  2\n# c\n\n  3 = 4\ny: z:1\n[b]\nx=\n[a]\nq = " # "\n', 'f')
  assert.deepEqual(faults, [])
  assert.deepEqual(
    [...ini].map(([section, values]) => [section, [...values].map(([name, { text, line }]) => [name, text, line])]),
    [
      [
        'a',
        [
          ['x', '1\n2\n3 = 4', 3],
          ['y', 'z:1', 8],
          ['q', '" # "', 12],
        ],
      ],
      ['b', [['x', '', 10]]],
    ],
  )
})

test('tuples of strings are read, and nothing else', () => {
  assert.deepEqual(pythonStrings(`("a", 'b\\'c', u"d",)`), ['a', "b'c", 'd'])
  assert.deepEqual(pythonStrings('()'), [])
  assert.deepEqual(pythonStrings('"INBOX"'), ['INBOX'])
  for (const wrong of ['(open("x"))', '("a" "b")', '("a', 'ALL']) assert.equal(pythonStrings(wrong), undefined, wrong)
})
