import type { Fault } from './fault.ts'
import { letter, someMail } from './hostile-bench.ts'

/** Time must run out here: an octet comes now and then, so that the server is never silent. */
const patience = { silence: 1000 }
/** Of whichever answer it was: on a busy machine that may be another one. */
const tooSlow =
  /did not end its (?:greeting|answer to [A-Z]+) within 1 s$|sent fewer than 1024 octets of its answer to [A-Z]+(?: \d)? in 1 s$|has been silent/
const steps = ['CONNECT', 'CAPA', 'USER', 'PASS', 'UIDL', 'LIST', 'RETR', 'TOP', 'DELE', 'QUIT']
/** The second message and all that goes with it over the line. */
const octetsOfSecond = 60
const octetsOfThird = (someMail()[2]?.octets.length ?? 0) + 5 + 3

/** Where nothing is deleted, TOP and DELE are not asked, and nothing hangs on the answer to QUIT. */
function asked(step: string): boolean {
  return !['TOP', 'DELE', 'QUIT'].includes(step)
}

export const brokenLines: readonly Fault[] = [
  {
    name: 'drops the connection after N octets of a message, for each N',
    does: 'keeps what had come whole, deletes nothing, and goes on where the line broke; the message that broke goes last',
    ways: () => [
      ...Array.from({ length: octetsOfSecond }, (_, after) => ({ drop: { number: 2, after } })),
      ...[6, 1000, octetsOfThird >> 1, octetsOfThird - 3, octetsOfThird - 1, octetsOfThird].map((after) => ({
        drop: { number: 3, after },
      })),
    ],
    // Met two hundred times, so without the largest.
    mail: () => someMail().filter(({ octets }) => octets.length < 1_000_000),
    ends: ['connection-lost'],
    says: /^127\.0\.0\.1:\d+: (the connection was broken off|the server ended the connection before it had answered)/,
  },
  {
    name: 'resets the connection in the middle of a message',
    does: 'the same',
    ways: () => [0, 3, 6, 1000, octetsOfThird - 1].map((after) => ({ drop: { number: 3, after, reset: true } })),
    ends: ['connection-lost'],
    says: /^127\.0\.0\.1:\d+: (the connection was broken off|the server ended the connection before it had answered)/,
  },
  {
    name: 'ends the connection instead of an answer, at each step',
    does: 'keeps what had come whole; what was to be deleted there stays, for only an answered QUIT deletes',
    ways: () => steps.filter(asked).map((close) => ({ close })),
    ends: ['connection-lost'],
    says: /ended the connection before/,
  },
  {
    name: 'ends the connection instead of an answer to TOP, DELE or QUIT',
    does: 'the same; where nothing is to be deleted, QUIT is not waited for',
    ways: () => steps.filter((step) => !asked(step)).map((close) => ({ close })),
    ends: ['connection-lost', undefined],
    says: /ended the connection before it had answered (TOP|DELE|QUIT)/,
    silentWith: ['forever', 'delete'],
  },
]

export const hangs: readonly Fault[] = [
  {
    name: 'says nothing more, at each step',
    does: 'gives up after a minute of silence; where commands went together, it tries once more, one by one',
    ways: () => [...steps.filter(asked), 'RETR-MIDDLE'].map((hang) => ({ hang })),
    inVain: true,
    ends: ['timed-out'],
    says: /^127\.0\.0\.1:\d+ has been silent for 30 s$/,
  },
  {
    name: 'says nothing more at TOP, DELE or QUIT',
    does: 'the same; where nothing is to be deleted, QUIT is not waited for',
    ways: () => steps.filter((step) => !asked(step)).map((hang) => ({ hang })),
    inVain: true,
    ends: ['timed-out', undefined],
    says: /has been silent for/,
    silentWith: ['forever', 'delete'],
  },
  {
    name: 'sends a greeting octet by octet and never ends it',
    does: 'gives up after at most two minutes',
    ways: () => [{ drip: { at: 'CONNECT', every: 100 } }],
    patience,
    ends: ['timed-out'],
    says: tooSlow,
  },
  {
    name: 'sends an answer octet by octet and never ends it',
    does: 'gives up after at most two minutes, at each command',
    ways: () => ['CAPA', 'USER', 'PASS', 'UIDL', 'LIST'].map((at) => ({ drip: { at, every: 100 } })),
    patience,
    ends: ['timed-out'],
    says: tooSlow,
  },
  {
    name: 'sends what it can do line by line and never ends it',
    does: 'gives up after at most two minutes',
    ways: () => [{ drip: { at: 'CAPA', every: 100, lines: true } }],
    patience,
    ends: ['timed-out'],
    says: tooSlow,
  },
  {
    name: 'sends a listing line by line and never ends it',
    does: 'gives up a listing that brings less than 1024 octets a minute',
    ways: () => ['UIDL', 'LIST'].map((at) => ({ drip: { at, every: 100, lines: true } })),
    patience,
    ends: ['timed-out'],
    says: tooSlow,
  },
  {
    name: 'sends a message octet by octet, one each while',
    does: 'gives up a message that brings less than 1024 octets a minute',
    ways: () => [{ drip: { at: 'RETR', every: 100 } }],
    mail: () => [
      letter('a', `Subject: slow\r\n\r\n${'x'.repeat(5000)}\r\n`),
      letter('b', 'Subject: more\r\n\r\nMore\r\n'),
    ],
    patience,
    ends: ['timed-out'],
    says: tooSlow,
  },
]

export const endless: readonly Fault[] = [
  {
    name: 'sends a greeting of a gigabyte',
    does: 'hangs up after 8192 octets of one line',
    ways: () => [{ endless: { at: 'CONNECT', what: 'status' } }],
    ends: ['line-too-long'],
    says: /the server sent a status line of more than 8192 octets/,
    sent: 16 << 20,
  },
  {
    name: 'sends a line without end as an answer, at each step',
    does: 'the same',
    ways: () =>
      ['CAPA', 'USER', 'PASS', 'UIDL', 'LIST', 'RETR'].map((at) => ({ endless: { at, what: 'status' as const } })),
    ends: ['line-too-long'],
    says: /the server sent a status line of more than 8192 octets/,
    sent: 32 << 20,
  },
  {
    name: 'sends a line without end in a listing',
    does: 'the same',
    ways: () => ['CAPA', 'UIDL', 'LIST'].map((at) => ({ endless: { at, what: 'line' as const } })),
    ends: ['line-too-long'],
    says: /the answer to [A-Z]+ has a line of more than 8192 octets/,
    sent: 16 << 20,
  },
  {
    name: 'sends a listing without end',
    does: 'hangs up after two million lines; after a thousand of what it can do',
    ways: () => ['CAPA', 'UIDL', 'LIST'].map((at) => ({ endless: { at, what: 'lines' as const } })),
    options: { longest: 50_000 },
    ends: ['reply-too-long'],
    says: /answer to (CAPA has more than 1000 lines|(UIDL|LIST) is longer than 50000 lines may be)/,
    sent: 16 << 20,
  },
  {
    name: 'sends a message without end',
    does: 'hangs up after a gigabyte (or what the account says); the message rests, and goes last next time',
    ways: () => [{ endless: { at: 'RETR', what: 'line' } }, { endless: { at: 'RETR', what: 'lines' } }],
    options: { largest: 4 << 20 },
    ends: ['reply-too-long'],
    says: /^message \d \(unique-id [a-z]\) goes on after 4194304 octets, so it was not taken in$/,
    sent: 64 << 20,
  },
]
