import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MisuseError } from '../errors.ts'
import { handOnSecretName, needsSecret, parseHandOnTarget } from './hand-on-target.ts'

const direct = { to: 'mario@example.it', original: [] }

for (const [text, target] of [
  [
    'imaps://mario%40example.it@imap.example.it/INBOX',
    {
      kind: 'imap',
      host: 'imap.example.it',
      port: 993,
      tls: 'implicit',
      login: 'mario@example.it',
      mailbox: 'INBOX',
      name: 'imap://mario@example.it@imap.example.it/INBOX',
    },
  ],
  [
    'imap://mario@example.it@IMAP.example.it/Posta/L%27et%C3%A0',
    {
      kind: 'imap',
      host: 'imap.example.it',
      port: 143,
      tls: 'starttls',
      login: 'mario@example.it',
      mailbox: "Posta/L'età",
      name: "imap://mario@example.it@imap.example.it/Posta/L'età",
    },
  ],
  [
    'imap://mario@[::1]:1143/INBOX',
    {
      kind: 'imap',
      host: '::1',
      port: 1143,
      tls: 'none',
      login: 'mario',
      mailbox: 'INBOX',
      name: 'imap://mario@[::1]:1143/INBOX',
    },
  ],
  [
    'smtps://mario@smtp.example.it/?to=mario@example.it',
    {
      kind: 'smtp',
      host: 'smtp.example.it',
      port: 465,
      tls: 'implicit',
      login: 'mario',
      envelope: direct,
      name: 'smtp://mario@smtp.example.it/mario@example.it',
    },
  ],
  [
    'smtp://mario@smtp.example.it?to=mario+home@example.it&from=relay@example.it',
    {
      kind: 'smtp',
      host: 'smtp.example.it',
      port: 587,
      tls: 'starttls',
      login: 'mario',
      envelope: { to: 'mario+home@example.it', original: [], from: 'relay@example.it' },
      name: 'smtp://mario@smtp.example.it/mario+home@example.it',
    },
  ],
  [
    'smtp://relay.example.it?tls=none&to=mario@example.it&original=@Example.it&original=example.org',
    {
      kind: 'smtp',
      host: 'relay.example.it',
      port: 25,
      tls: 'none',
      envelope: { to: 'mario@example.it', original: ['example.it', 'example.org'] },
      name: 'smtp://relay.example.it/mario@example.it,@example.it,@example.org',
    },
  ],
  [
    'lmtp://127.0.0.1:24/?to=mario@example.it',
    {
      kind: 'lmtp',
      host: '127.0.0.1',
      port: 24,
      envelope: direct,
      name: 'lmtp://127.0.0.1:24/mario@example.it',
    },
  ],
  [
    'lmtp:/run/dovecot/lmtp?to=mario@example.it',
    { kind: 'lmtp', path: '/run/dovecot/lmtp', envelope: direct, name: 'lmtp:/run/dovecot/lmtp/mario@example.it' },
  ],
  [
    'maildir:/home/mario/50% #1?/',
    { kind: 'maildir', path: '/home/mario/50% #1?', name: 'maildir:/home/mario/50% #1?' },
  ],
  [
    'command: spamc | deliver -a "$1"',
    { kind: 'command', command: 'spamc | deliver -a "$1"', name: 'command:spamc | deliver -a "$1"' },
  ],
] as const) {
  test(`${text} is a place to hand mail on to`, () => {
    assert.deepEqual(parseHandOnTarget(text), target)
  })
}

test('a place has one name, however it is reached: what was handed on stays so when TLS is chosen otherwise', () => {
  const names = ['imap://m@h/A', 'imaps://m@h/A', 'imap://m@h:143/A?tls=none', 'imaps://m@h:993/A'].map(
    (text) => parseHandOnTarget(text).name,
  )
  assert.equal(new Set(names).size, 1)
  assert.notEqual(parseHandOnTarget('imap://m@h:1143/A').name, names[0])
  assert.equal(handOnSecretName(parseHandOnTarget('imaps://m@h/A')), 'hand-on:imap://m@h/A')
})

test('who logs in needs a password, and nobody else', () => {
  assert.deepEqual(
    ['imap://m@h/A', 'smtp://m@h?to=a@b', 'smtp://h?to=a@b', 'lmtp:/s?to=a@b', 'maildir:/m', 'command:x'].map((text) =>
      needsSecret(parseHandOnTarget(text)),
    ),
    [true, true, false, false, false, false],
  )
})

for (const [text, says] of [
  ['', /no place/],
  ['mario', /no place/],
  ['https://example.it', /https: is not known/],
  ['imap://imap.example.it/INBOX', /no login/],
  ['imap://mario@imap.example.it', /no mailbox/],
  ['imap://mario@imap.example.it/IN%0D%0ABOX', /control character/],
  ['imap://mario@imap.example.it/100%', /%25/],
  ['imap://mario@imap.example.it/a#b', /%23/],
  ['imap://mario@/INBOX', /no URL/],
  ['imaps://mario@h/INBOX?tls=none', /TLS from the start/],
  ['imap://mario@h/INBOX?tls=implicit', /say imaps:/],
  ['imap://mario@h/INBOX?tls=maybe', /tls=maybe/],
  ['imap://mario@h/INBOX?to=a@b', /knows no \?to=/],
  ['smtp://h', /\?to=ADDRESS/],
  ['smtp://h?to=mario', /mario is no address/],
  ['smtp://h?to=a@b%3E%0D%0ADATA', /no address/],
  ['smtp://h?to=a@b&to=c@d', /more than one/],
  ['smtp://h/x?to=a@b', /no \/x in SMTP/],
  ['smtp://h?to=a@b&orginal=b', /knows no \?orginal=/],
  ['lmtp://h/?to=a@b', /no usual port/],
  ['lmtp://mario@h:24/?to=a@b', /no log-in/],
  ['lmtp:socket?to=a@b', /whole path/],
  ['maildir:Maildir', /whole path/],
  ['command: ', /no command/],
] as const) {
  test(`${text || 'nothing'} is no place, and the error says why`, () => {
    assert.throws(
      () => parseHandOnTarget(text),
      (error) => error instanceof MisuseError && says.test(error.message),
    )
  })
}

test('a password in a URL is refused, and not shown', () => {
  for (const text of ['imaps://mario:opensesame@h/INBOX', 'smtp://mario:opensesame@h/?to=a@b']) {
    assert.throws(
      () => parseHandOnTarget(text),
      (error) => error instanceof MisuseError && /password/.test(error.message) && !error.message.includes('sesame'),
    )
  }
})
