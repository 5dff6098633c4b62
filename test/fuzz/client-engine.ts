import assert from 'node:assert/strict'
import fc from 'fast-check'
import { MisuseError } from '../../src/errors.ts'
import { Pop3Client } from '../../src/pop3/client.ts'
import type { Command } from '../../src/pop3/command.ts'
import { pieces } from './lines.ts'

const number = fc.oneof(fc.integer({ min: 1, max: 5 }), fc.constantFrom(0, -1, 1.5, Infinity, NaN, 2 ** 53))
const words = fc.oneof(
  fc.constantFrom('mario', '', 'a b', 'a\r\nQUIT', '\0', 'perch\u00e9', 'x'.repeat(300)),
  fc.string({ maxLength: 12 }),
)
const command: fc.Arbitrary<Command> = fc.oneof(
  fc.record({ verb: fc.constantFrom('CAPA', 'STLS', 'UTF8', 'STAT', 'NOOP', 'RSET', 'QUIT') }),
  fc.record({ verb: fc.constantFrom('RETR', 'DELE'), number }),
  fc.record({ verb: fc.constant('TOP'), number, lines: number }),
  fc.record({ verb: fc.constantFrom('LIST', 'UIDL') }),
  fc.record({ verb: fc.constantFrom('LIST', 'UIDL'), number }),
  fc.record({ verb: fc.constant('USER'), name: words }),
  fc.record({ verb: fc.constant('PASS'), password: words }),
  fc.record({ verb: fc.constant('LANG'), range: words }),
  fc.record({ verb: fc.constant('AUTH'), mechanism: fc.constant('PLAIN'), login: words, password: words }),
)

const reply = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.constantFrom(
      '+OK',
      '+OK 2 320',
      '+OK 1 120',
      '-ERR',
      '-ERR [IN-USE] no',
      '-ERR [AUTH] no',
      '+ ',
      '+ QQ==',
      '.',
      '..',
      '.x',
      '1 120',
      '2 id',
      'PIPELINING',
      'SASL PLAIN',
      'STLS',
      'EXPIRE 0',
      '1 -5',
      '1 \u00e8',
      '+OK 1e3 5',
      '* OK IMAP',
      '220 smtp',
      '',
      '\0',
      '+ok x',
      '+OKAY',
    ),
  },
  fc.uint8Array({ maxLength: 40 }).map((octets) => Buffer.from(octets).toString('latin1')),
  fc.constant('x'.repeat(9000)),
)
const said = fc
  .array(fc.tuple(reply, fc.constantFrom('\r\n', '\r\n', '\r\n', '\n', '\r', '')), { maxLength: 60 })
  .map((all) => Buffer.from(all.map((pair) => pair.join('')).join(''), 'latin1'))

/**
 * Whatever a server says, in whatever pieces: nothing throws, each command that is told to be over was asked for and is over once, and
 * nothing comes after `broken`.
 */
export const clientEngineProperty: fc.IProperty<unknown[]> = fc.property(
  fc.array(command, { maxLength: 12 }),
  said,
  fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 5 }),
  (commands, octets, sizes) => {
    const client = new Pop3Client()
    const open: Command[] = []
    for (const one of commands) {
      try {
        client.send(one)
        open.push(one)
      } catch (error) {
        assert.ok(error instanceof MisuseError && error.code === 'usage', String(error))
      }
    }
    let broken = false
    const listen = (): void => {
      for (let event = client.next(); event !== undefined; event = client.next()) {
        assert.ok(!broken, `${event.kind} after broken`)
        if (event.kind === 'broken') broken = true
        if (event.kind === 'handshake') client.secured()
        if (event.kind === 'end') assert.equal(event.command, open.shift(), 'commands end in their order')
      }
    }
    listen()
    for (const piece of pieces(Buffer.concat([Buffer.from('+OK hello\r\n'), octets]), sizes)) {
      client.receive(piece)
      listen()
    }
    client.lost()
    listen()
  },
)
