import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { parseFetchIds } from './fetchmail-ids.ts'
import { readFetchmail } from './fetchmail.ts'
import type { Findings, Found } from './found.ts'
import { folderOf } from '../../test/folder-of.ts'

interface Files {
  readonly rc: string
  readonly [name: string]: string
}

/** What is found in a home with these files, `rc` being the .fetchmailrc. */
function found(t: TestContext, { rc, ...others }: Files): Findings & { readonly home: string } {
  const home = folderOf(t, { '.fetchmailrc': rc, ...others })
  return { home, ...readFetchmail(join(home, '.fetchmailrc'), { home, person: 'me', lists: [] }) }
}

function only(t: TestContext, files: Files): Found {
  const { accounts, faults } = found(t, files)
  assert.deepEqual(faults, [])
  assert.equal(accounts.length, 1)
  return accounts[0] as Found
}

test('server, port, TLS and what stays are those of the old program', (t) => {
  const of = (rc: string): unknown => {
    const { settings } = only(t, { rc })
    return [settings.protocol, settings.server, settings.port, settings.tls, settings.login, settings.leave]
  }
  assert.deepEqual(of('poll h proto pop3 user a ssl keep'), ['pop3', 'h', 995, 'implicit', 'a', 'forever'])
  assert.deepEqual(of('poll h proto pop3 user a'), ['pop3', 'h', 110, 'starttls', 'a', 'delete'])
  assert.deepEqual(of("poll h via r proto IMAP user a sslproto ''"), ['imap', 'r', 143, 'none', 'a', 'delete'])
  assert.deepEqual(of('poll h proto imap user a ssl nokeep'), ['imap', 'h', 993, 'implicit', 'a', 'delete'])
  assert.deepEqual(of("poll h proto imap user a ssl sslproto ''"), ['imap', 'h', 993, 'implicit', 'a', 'delete'])
  assert.deepEqual(of('poll h service 1110 proto pop3 user a'), ['pop3', 'h', 1110, 'starttls', 'a', 'delete'])
  assert.deepEqual(of('poll h service imaps user a ssl'), ['imap', 'h', 993, 'implicit', 'a', 'delete'])
  assert.deepEqual(of('poll h proto pop3'), ['pop3', 'h', 110, 'starttls', 'me', 'delete'])
})

test('options become options', (t) => {
  const options = (rc: string): unknown => only(t, { rc }).settings.options
  assert.deepEqual(options('set daemon 300 poll h proto pop3 interval 2 user a limit 5000'), {
    every: 600_000,
    largest: 5000,
  })
  assert.deepEqual(options('skip h proto apop user a'), { every: 0, allow: ['APOP'] })
  assert.deepEqual(options('poll h proto imap auth cram-md5 user a folder INBOX, "Sent Mail"'), {
    allow: ['CRAM-MD5'],
    only: ['INBOX', 'Sent Mail'],
  })
  assert.deepEqual(options('poll h proto imap user a'), { only: ['INBOX'] })
  const { home, accounts } = found(t, { rc: 'poll h proto pop3 user a sslcert c.pem sslkey /k.pem sslcertfile ca.pem' })
  assert.deepEqual(accounts[0]?.settings.options, {
    clientCertificate: { certificate: join(home, 'c.pem'), key: '/k.pem' },
    trust: join(home, 'ca.pem'),
  })
  assert.deepEqual(options('poll pop.gmail.com proto pop3 auth oauthbearer user a'), {
    auth: 'oauth',
    issuer: 'google',
  })
})

test('a password is that of the file, of a file it names, or of .netrc by either name of the server', (t) => {
  const netrc =
    'machine other login a password wrong\nmachine r login b password wrong login\nmachine r login a password "net \\"rc"'
  const password = (rc: string): string | undefined => only(t, { rc, '.netrc': netrc, secret: 'in a file\n' }).password
  assert.equal(password('poll h via r proto pop3 user a'), 'net "rc')
  assert.equal(password('poll h via r proto pop3 user a pass "in clear"'), 'in clear')
  assert.equal(password('poll h proto pop3 user a passwordfile secret'), 'in a file')
  assert.equal(password('poll h proto pop3 user a'), undefined)
})

test('what was fetched is read from .fetchids, from the file that is named, by login and server', (t) => {
  const ids = 'a@r 1\nb@r 2\nA@R 3\na@h 4\n'
  const had = (files: Files): string[] => only(t, files).had.map(({ uniqueId }) => uniqueId)
  assert.deepEqual(had({ rc: 'poll h via r proto pop3 user a', '.fetchids': ids }), ['1', '3'])
  assert.deepEqual(had({ rc: 'poll h proto pop3 user a', '.fetchids': ids }), ['4'])
  const named = { rc: 'set idfile "deep/ids" poll r proto pop3 user b', 'deep/ids': ids, '.fetchids': 'b@r 9\n' }
  assert.deepEqual(had(named), ['2'])
  assert.deepEqual(had({ rc: 'poll r proto imap user a', '.fetchids': ids }), [])
  const { remarks } = found(t, { rc: 'set idfile "ids"\npoll r proto pop3 user b' })
  assert.match(remarks[0]?.text ?? '', /there is no idfile ids/)
})

test('lines of .fetchids may have @ and spaces where logins and unique-ids have them', () => {
  const lists = parseFetchIds(
    'mario@example.it@pop.example.it id1\nMARIO@example.it@POP.example.it <a@b>\r\n  my name@h  id3  \nnonsense\n@ \na@h \n',
  )
  assert.deepEqual(
    [...lists].map(([key, had]) => [key, ...had.map(({ uniqueId }) => uniqueId)]),
    [
      ['mario@example.it@pop.example.it', 'id1', '<a@b>'],
      ['my name@h', 'id3'],
    ],
  )
})

test('one local name says whose mail it is; several make a split by the envelope', (t) => {
  assert.deepEqual(only(t, { rc: 'poll h proto pop3 user a is mario here' }).owner, 'mario')
  const many = only(t, {
    rc: `set postmaster "posta"
poll pop.isp.example proto pop3 localdomains example.it casa.example envelope 1 "Delivered-To:" qvirtual "mbox-"
  user box there is info=anna luigi Sales@Shop.example=anna * here`,
  })
  assert.equal(many.owner, undefined)
  assert.deepEqual(many.split, {
    fields: ['Delivered-To'],
    prefix: 'mbox-',
    users: {
      'info@example.it': 'anna',
      'info@casa.example': 'anna',
      'luigi@example.it': 'luigi',
      'luigi@casa.example': 'luigi',
      'sales@shop.example': 'anna',
    },
    otherwise: 'posta',
  })
  assert.deepEqual(
    many.remarks.map(({ line }) => line),
    [2, 2],
  )
})

test('what is not taken over is named with its line, once for each account it concerns', (t) => {
  const { accounts } = found(t, {
    rc: `poll a proto pop3 timeout 60
  user a mda "procmail" keep
  preconnect "ssh x" no sslcertck fetchall no rewrite
poll b user b`,
  })
  assert.deepEqual(
    accounts.map(({ remarks }) => remarks.map(({ line, text }) => `${line} ${text.replace(/[: ].*/, '')}`)),
    [['1 timeout', '2 mda', '3 preconnect', '3 no', '3 fetchall', '2 fetchmail'], ['4 no']],
  )
})

test('what fetchmail left at an IMAP server for having been read is told to come and go', (t) => {
  const remarks = (rc: string): string[] => only(t, { rc }).remarks.map(({ text }) => text.replace(/:.*/, ''))
  assert.deepEqual(remarks('poll h proto imap user a'), ['fetchmail left at the server what had been read'])
  assert.deepEqual(remarks('poll h proto imap user a fetchall'), [])
  assert.deepEqual(remarks('poll h proto imap user a keep'), ['fetchmail keeps no list of what it fetched by IMAP'])
})

test('an account that cannot be is named, and the others are there', (t) => {
  const { accounts, faults } = found(t, {
    rc: 'poll a proto etrn user x\npoll b proto pop3 port nowhere user y\npoll c proto pop3 user z',
  })
  assert.deepEqual(
    accounts.map(({ settings }) => settings.login),
    ['z'],
  )
  assert.deepEqual(
    faults.map(({ line, text }) => [line, text]),
    [
      [1, 'there is no protocol etrn here; x at a was not taken over'],
      [2, '"nowhere" is no port that is known here; y at b was not taken over'],
    ],
  )
})

test('no remark and no fault says a password', (t) => {
  const { accounts, faults, remarks } = found(t, {
    rc: 'poll a proto pop3 esmtppassword "s3cret" user x pass "s3cret"\npoll b proto pop3 esmtppassword s3cret user y pass s3cret s3cret mda "s3cret"',
  })
  assert.equal(accounts[0]?.password, 's3cret')
  assert.ok(faults.length > 0)
  assert.doesNotMatch(JSON.stringify([faults, remarks, accounts.map((one) => one.remarks)]), /s3cret/)
})

test('a file that is a folder is refused by name', (t) => {
  const home = folderOf(t, {})
  mkdirSync(join(home, 'rc'))
  writeFileSync(join(home, 'x'), '')
  assert.throws(
    () => readFetchmail(join(home, 'rc'), { home, person: 'me', lists: [] }),
    /rc cannot be read: it is no file/,
  )
})
