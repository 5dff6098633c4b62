import fc from 'fast-check'

const numbers = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 1, max: 4 }).map(String) },
  {
    weight: 3,
    arbitrary: fc.constantFrom(
      '0',
      '-1',
      '1.5',
      '1e3',
      '+1',
      '1x',
      '007',
      '0x1',
      '4294967296',
      '18446744073709551616',
      '9'.repeat(60),
      '\u00b9',
      '%d',
      '',
      ' ',
      '1 2',
      '1\t',
      '\0',
    ),
  },
)

const base64 = fc.oneof(
  fc.constantFrom(
    '=',
    '*',
    '',
    '====',
    'AG1hcmlvAHNlY3JldA==',
    'AG1hcmlvAHdyb25n',
    'bWFyaW8=',
    'c2VjcmV0',
    'AAAA',
    'biwsbj1tYXJpbyxyPWFiY2RlZg==',
  ),
  fc.uint8Array({ maxLength: 80 }).map((octets) => Buffer.from(octets).toString('base64')),
  // A SCRAM or OAUTHBEARER message, more or less.
  fc
    .constantFrom(
      'n,,n=mario,r=abcdef',
      'y,,n=mario,r=abc',
      'p=tls-exporter,,n=mario,r=abc',
      'n,a=mario,\x01auth=Bearer x\x01\x01',
    )
    .map((text) => Buffer.from(text, 'latin1').toString('base64')),
)

const mechanism = fc.constantFrom(
  'PLAIN',
  'plain',
  'LOGIN',
  'SCRAM-SHA-256',
  'SCRAM-SHA-256-PLUS',
  'OAUTHBEARER',
  'XOAUTH2',
  'CRAM-MD5',
  '',
)

const logIn = fc.constantFrom(
  'USER mario',
  'PASS secret',
  'PASS wrong',
  'USER mario+phone',
  'USER \xff',
  'PASS  a b \xc3\xa8 ',
)

const command = fc.oneof(
  { weight: 3, arbitrary: logIn },
  {
    weight: 8,
    arbitrary: fc
      .tuple(fc.constantFrom('RETR', 'DELE', 'LIST', 'UIDL', 'retr', 'Dele'), numbers)
      .map(([verb, number]) => `${verb} ${number}`),
  },
  { weight: 3, arbitrary: fc.tuple(numbers, numbers).map(([number, lines]) => `TOP ${number} ${lines}`) },
  {
    weight: 6,
    arbitrary: fc.constantFrom(
      'STAT',
      'LIST',
      'UIDL',
      'RSET',
      'NOOP',
      'CAPA',
      'UTF8',
      'LANG',
      'LANG it',
      'LANG *',
      'LANG xx',
      'LAST',
      'UTF8 USER',
    ),
  },
  { weight: 2, arbitrary: fc.tuple(mechanism, base64).map(([name, initial]) => `AUTH ${name} ${initial}`.trimEnd()) },
  { weight: 1, arbitrary: mechanism.map((name) => `AUTH ${name}`.trimEnd()) },
  { weight: 2, arbitrary: base64 },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      'APOP mario 0123456789abcdef0123456789abcdef',
      'APOP',
      'XTND',
      '%s%n',
      ' STAT',
      '+OK',
      '.',
    ),
  },
  // NUL, 8-bit and anything else but a line end.
  {
    weight: 1,
    arbitrary: fc
      .uint8Array({ maxLength: 30 })
      .map((octets) => Buffer.from(octets).toString('latin1').replaceAll('\n', '').replaceAll('\r', '')),
  },
  // About as long as a command, a response and a line may be at most.
  {
    weight: 1,
    arbitrary: fc
      .tuple(
        fc.constantFrom('USER ', 'PASS ', 'RETR ', 'XXXX', 'AUTH PLAIN '),
        fc.constantFrom(240, 248, 249, 260, 4000, 21_830),
      )
      .map(([start, length]) => start + 'a'.repeat(length)),
  },
)

const ends = fc.oneof({ weight: 12, arbitrary: fc.constant('\r\n') }, fc.constantFrom('\n', '\r\r\n', ' \r\n'))

const line = fc.tuple(command, ends).map(([text, end]) => text + end)
const intoIt = fc.constantFrom(['USER mario\r\n', 'PASS secret\r\n'], [], ['AUTH PLAIN AG1hcmlvAHNlY3JldA==\r\n'])

/** A session's lines; mostly it logs in first. `quits`: it may say QUIT, at the end or before. */
export function sessions(options: { readonly quits: boolean; readonly most: number }): fc.Arbitrary<string[]> {
  const some = options.quits ? fc.oneof({ weight: 30, arbitrary: line }, fc.constant('QUIT\r\n')) : line
  return fc.tuple(intoIt, fc.array(some, { maxLength: options.most })).map(([first, rest]) => [...first, ...rest])
}

/** The same octets in pieces of these sizes, over and over. */
export function pieces(octets: Uint8Array, sizes: readonly number[]): Uint8Array[] {
  const out: Uint8Array[] = []
  for (let at = 0, turn = 0; at < octets.length; turn++) {
    const size = Math.max(1, sizes[turn % Math.max(1, sizes.length)] ?? octets.length)
    out.push(octets.slice(at, at + size))
    at += size
  }
  return out
}
