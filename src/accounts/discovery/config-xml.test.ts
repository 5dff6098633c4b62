import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { PeerError } from '../../errors.ts'
import { fromConfig } from './by-config.ts'
import { longestConfig } from './client-config.ts'
import { readConfig } from './config-xml.ts'
import type { Found, Question } from './found.ts'

const server = (type: string, more: string): string => `<incomingServer type="${type}">${more}</incomingServer>`
const at = (host: string, port: number, socket: string, ...auth: string[]): string =>
  `<hostname>${host}</hostname><port>${port}</port><socketType>${socket}</socketType><username>%EMAILADDRESS%</username>` +
  (auth.length === 0 ? ['password-cleartext'] : auth).map((one) => `<authentication>${one}</authentication>`).join('')
const file = (inside: string, beside = ''): string =>
  `<?xml version="1.0" encoding="UTF-8"?>
<clientConfig version="1.1">
  <emailProvider id="posta.example"><domain>posta.example</domain><domain> Altra.example </domain>
    <displayName>Posta &amp; Co</displayName>${inside}</emailProvider>${beside}
</clientConfig>`

const question = (address: string, protocol?: 'pop3' | 'imap'): Question => ({
  address,
  domain: address.slice(address.lastIndexOf('@') + 1),
  protocol,
})
const found = (text: string, address = 'mario.rossi@posta.example', protocol?: 'pop3' | 'imap'): Found | undefined =>
  fromConfig(readConfig(text), question(address, protocol), 'autoconfig', 'a file').found

test('a clientConfig is read: domains, servers, log-ins, time between log-ins', () => {
  const config = readConfig(
    file(
      server('exchange', at('x.posta.example', 443, 'SSL')) +
        server('imap', at('imap.posta.example', 993, 'SSL')) +
        server(
          'pop3',
          `${at('pop.posta.example', 110, 'STARTTLS', 'OAuth2', 'password-cleartext')}<pop3><checkInterval minutes="15"/></pop3>`,
        ) +
        server('pop3', at('pop.posta.example', 0, 'SSL')),
      `<oAuth2><issuer>accounts.google.com</issuer></oAuth2>
       <enable visiturl="https://posta.example/"><instruction lang="it">Accendi POP3</instruction>
       <instruction>Switch
         POP3 on</instruction></enable>`,
    ),
  )
  assert.deepEqual(
    { ...config, incoming: config.incoming.length },
    {
      id: 'posta.example',
      name: 'Posta & Co',
      domains: ['posta.example', 'altra.example'],
      incoming: 2,
      issuerHost: 'accounts.google.com',
      instruction: 'Switch POP3 on',
    },
  )
  assert.deepEqual(config.incoming[1], {
    protocol: 'pop3',
    host: 'pop.posta.example',
    port: 110,
    tls: 'starttls',
    login: '%EMAILADDRESS%',
    authentication: ['OAuth2', 'password-cleartext'],
    leastInterval: 900_000,
  })
})

test('POP3 goes before IMAP, and --protocol before that; the order of the file counts within', () => {
  const text = file(
    server('imap', at('imap.posta.example', 993, 'SSL')) +
      server('pop3', at('pop1.posta.example', 110, 'plain')) +
      server('pop3', at('pop2.posta.example', 995, 'SSL')) +
      server('pop3', at('pop3.posta.example', 995, 'SSL')),
  )
  assert.equal(found(text)?.server, 'pop2.posta.example')
  assert.equal(found(text, undefined, 'imap')?.server, 'imap.posta.example')
  assert.equal(found(file(server('imap', at('imap.posta.example', 143, 'STARTTLS'))))?.tls, 'starttls')
})

test('every placeholder is filled in, in the host and in the login', () => {
  const text = file(
    server(
      'pop3',
      '<hostname>%EMAILLOCALPART%.%EMAILDOMAIN%</hostname><port>995</port><socketType>SSL</socketType>' +
        '<username>%EMAILDOMAIN%\\%EMAILLOCALPART%+%EMAILADDRESS%</username><authentication>password-cleartext</authentication>',
    ),
  )
  const { server: host, login } = found(text) ?? {}
  assert.equal(host, 'mario.rossi.posta.example')
  assert.equal(login, 'posta.example\\mario.rossi+mario.rossi@posta.example')
  // `$&` would be a pattern in a replacement.
  assert.equal(
    found(file(server('pop3', at('pop.posta.example', 995, 'SSL'))), '$&@posta.example')?.login,
    '$&@posta.example',
  )
  // What would be no host's name is not taken.
  assert.equal(found(text, 'a/b@posta.example'), undefined)
})

test('without TLS, or with a log-in that is not known here, nothing is taken', () => {
  const why = (text: string): string | undefined =>
    fromConfig(readConfig(text), question('mario@posta.example'), 'autoconfig', 'a file').why
  assert.match(why(file(server('pop3', at('pop.posta.example', 110, 'plain')))) ?? '', /^a file: .*has no TLS/)
  assert.match(why(file(server('pop3', at('pop.posta.example', 995, 'SSL', 'GSSAPI')))) ?? '', /log-in/)
  assert.match(why(file('')) ?? '', /there is no POP3 or IMAP server/)
})

test('OAuth 2.0: where it is all there is, and beside passwords; the issuer by the name that we know', () => {
  const text = (...auth: string[]): string =>
    file(
      server('pop3', at('pop.posta.example', 995, 'SSL', ...auth)),
      '<oAuth2><issuer>login.microsoftonline.com</issuer></oAuth2>',
    )
  const only = found(text('OAuth2'))
  assert.deepEqual([only?.auth, only?.issuer], ['oauth', 'microsoft'])
  assert.match(only?.notes[0] ?? '', /takes no passwords/)
  const both = found(text('OAuth2', 'password-cleartext'))
  assert.deepEqual([both?.auth, both?.issuer, both?.notes], ['password', 'microsoft', []])
})

test('of a server that Postino knows, its own facts go before: the port that the ISPDB has wrong is right', () => {
  const pec = found(
    file(server('pop3', at('pop3s.pec.aruba.it', 993, 'SSL')).replace('%EMAILADDRESS%', '%EMAILLOCALPART%')),
  )
  assert.deepEqual([pec?.server, pec?.port, pec?.login], ['pop3s.pec.aruba.it', 995, 'mario.rossi@posta.example'])
  assert.match(pec?.notes.join() ?? '', /two-step/)
})

test('what is no clientConfig is a PeerError that says why; entities are not expanded, and nothing is fetched', () => {
  const cases: [string, RegExp][] = [
    ['', /not well-formed/],
    ['<html><body>Welcome</body></html>', /not a clientConfig/],
    ['<clientConfig version="1.1">', /not well-formed/],
    [`${file('')}<more/>`, /not well-formed/],
    [file('<a b=c/>'), /not well-formed/],
    [file('&nbsp;'), /not well-formed/],
    ['<clientConfig version="2.0"><emailProvider/></clientConfig>', /version "2\.0"/],
    ['<clientConfig version="1.1"/>', /no emailProvider/],
    [
      file('&bomb;').replace('<clientConfig', '<!DOCTYPE c [<!ENTITY bomb SYSTEM "file:///etc/passwd">]><clientConfig'),
      /document type/,
    ],
    [file(' '.repeat(longestConfig)), /are the most/],
  ]
  for (const [text, expected] of cases)
    assert.throws(
      () => readConfig(text),
      (error) => error instanceof PeerError && error.code === 'protocol' && expected.test(error.message),
      `${text.slice(0, 80)} ${expected}`,
    )
})

test('nesting as deep as fits is refused or read, and takes no stack with it', () => {
  const depth = Math.floor((longestConfig - 1000) / 7)
  const text = file('<a>'.repeat(depth) + '</a>'.repeat(depth))
  const config = readConfig(text)
  assert.equal(config.id, 'posta.example')
})

test('whatever is sent, the reader gives a config or a PeerError', () => {
  const piece = fc.constantFrom(
    '<clientConfig version="1.1">',
    '</clientConfig>',
    '<emailProvider id="x">',
    '</emailProvider>',
    '<incomingServer type="pop3">',
    '</incomingServer>',
    '<port>995</port>',
    '<hostname>',
    '</hostname>',
    '<![CDATA[',
    ']]>',
    '<!--',
    '-->',
    '&#0;',
    '&#x41;',
    '&amp;',
    '<?x?>',
    'xmlns:a="b"',
    '<a:b/>',
    '\u0000',
  )
  fc.assert(
    fc.property(fc.array(fc.oneof(piece, fc.string({ unit: 'binary' })), { maxLength: 30 }), (pieces) => {
      for (const text of [pieces.join(''), file(pieces.join(''))]) {
        try {
          readConfig(text)
        } catch (error) {
          if (!(error instanceof PeerError)) throw error
        }
      }
    }),
  )
})
