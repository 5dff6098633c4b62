import type { Fault } from './fault.ts'
import { letter, someMail } from './hostile-bench.ts'
import type { RemoteMessage } from './hostility.ts'

function smallMail(): RemoteMessage[] {
  return someMail().filter(({ octets }) => octets.length < 1000)
}

export const octets: readonly Fault[] = [
  {
    name: 'sends in pieces of one octet, and splits what ends a message at each octet',
    does: 'takes it as it comes',
    mail: smallMail,
    ways: () => [{ pieces: 1 }, { splitTerminator: true }],
    home: 6,
  },
  {
    name: 'has messages with bare LF and CR, NUL, 8-bit octets, and without a last line end',
    does: 'keeps them octet for octet',
    mail: () => [
      ...smallMail(),
      letter('cr', 'A: b\r\n\r\n\r\r\r\n'),
      letter('lf', '\n\n.\n\n.\n..\r\n'),
      letter('nul', '\0\0\r\n\0\r\n'),
      letter('all', `A: b\r\n\r\n${String.fromCharCode(...Array.from({ length: 256 }, (_, octet) => octet))}\r\n`),
      letter('dot', 'A: b\r\n\r\n.\r\n.\r\n'),
      letter('crlf', '\r\n\r\n\r\n'),
    ],
    ways: () => [{}, { pieces: 3 }],
    home: 12,
  },
  {
    name: 'leaves out the line end before the final dot of a message',
    does: 'takes in no part of it, and all others at the next fetch; the message stays there',
    mail: smallMail,
    ways: () => [{ unended: 2 }],
    inVain: true,
    ends: ['timed-out', 'protocol'],
    says: /has been silent for|has lost an answer/,
  },
  {
    name: 'does not double the dots that begin lines',
    does: 'does not believe in a message that ends too early: it stays there',
    mail: () => [
      letter('a', 'Subject: one\r\n\r\nCiao\r\n'),
      letter('b', 'Subject: dots\r\n\r\nbefore\r\n.\r\nafter\r\n'),
      letter('c', 'Subject: three\r\n\r\nCiao\r\n'),
      letter('d', 'Subject: four\r\n\r\nCiao\r\n'),
    ],
    ways: () => [{ unstuffed: true }, { unstuffed: true, capabilities: ['USER', 'UIDL', 'TOP'] }],
    ends: ['protocol'],
    says: /"after"|has lost an answer/,
  },
  {
    name: 'answers as no POP3 server does',
    does: 'hangs up with the words that came',
    ways: () =>
      ['CAPA', 'USER', 'PASS', 'UIDL', 'LIST', 'RETR'].map((verb) => ({
        instead: { [verb]: '220 mail.example.it \x1b[31mESMTP\r\n' },
      })),
    ends: ['protocol'],
    says: /answered [A-Z]+( \d)? with "220 mail\.example\.it \?\[31mESMTP", which is neither \+OK nor -ERR/,
  },
  {
    name: 'is no POP3 server at all',
    does: 'hangs up with the words that came',
    ways: () => [{ greeting: '220 mail.example.it ESMTP' }, { greeting: '' }, { greeting: 'HTTP/1.1 400 Bad Request' }],
    ends: ['protocol'],
    says: /this is no POP3 server: its first line is "/,
  },
  {
    name: 'says something that nobody asked for',
    does: 'hangs up: what answers belong to is not known any more',
    ways: () => ['USER', 'PASS', 'UIDL', 'RETR'].map((verb) => ({ before: { [verb]: '* hello\r\n' } })),
    ends: ['protocol'],
    says: /"\* hello"/,
  },
]
