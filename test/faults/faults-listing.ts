import { type Fault, leaves } from './fault.ts'
import { letter } from './hostile-bench.ts'

const none = 'the server has no UIDL: every message is downloaded each time and known by its octets'

export const listings: readonly Fault[] = [
  {
    name: 'lists wrong sizes',
    does: 'downloads each once all the same; before it deletes one there, it fetches it again and compares',
    ways: () => [
      { listedSize: (_, real) => real >> 1 },
      { listedSize: (_, real) => real * 2 + 7 },
      { listedSize: () => 0 },
    ],
    home: 8,
  },
  {
    name: 'lists lines that make no sense',
    does: 'passes over them, and says how many',
    ways: () => [
      { listedSize: () => Number.MAX_SAFE_INTEGER },
      { listedSize: (number, real) => (number === 2 ? -1 : real) },
      { uniqueId: (number, own) => (number === 3 ? '' : own) },
      { uniqueId: (number, own) => (number === 3 ? '\x7f\x1b[31m' : own) },
    ],
    says: /^\d lines of the server's listings make no sense and were passed over$/,
    home: 8,
  },
  {
    name: 'has no UIDL',
    does: 'downloads every message each time and knows it by its octets; deletes as told',
    ways: () => [{ unknown: ['UIDL'], capabilities: ['USER', 'TOP', 'PIPELINING'] }],
    says: new RegExp(`^${none}$`),
    home: 8,
  },
  {
    name: 'has no UIDL today, and had it yesterday',
    does: 'knows the messages by their octets: nothing is doubled',
    known: true,
    ways: () => [
      { unknown: ['UIDL'] },
      { instead: { UIDL: '-ERR [SYS/TEMP] not now\r\n' } },
      { instead: { UIDL: '+OK\r\n.\r\n' } },
      { uniqueId: (number, own) => (number === 3 ? undefined : own) },
    ],
    says: new RegExp(`^${none}$`),
    silentWith: leaves,
    home: 8,
  },
  {
    name: 'gives some messages no unique-id, or none of them',
    does: 'knows those by their octets',
    ways: () => [{ uniqueId: (number, own) => (number === 2 ? undefined : own) }, { uniqueId: () => undefined }],
    home: 8,
  },
  {
    name: 'gives one unique-id to several messages',
    does: 'keeps as many as there are, each once',
    ways: () => [{ uniqueId: () => 'same' }, { uniqueId: (number, own) => (number < 4 ? 'same' : own) }],
    stays: true,
    home: 8,
  },
  {
    name: 'gives the unique-id of a message that is gone to another',
    does: 'fetches it as new',
    known: true,
    ways: () => [{}],
    before: (bench) => {
      bench.vanish('a')
      bench.arrive(letter('a', 'Subject: another\r\n\r\nNot the first a.\r\n'), 0)
    },
    home: 9,
  },
  {
    name: 'gives the unique-id of a message that is gone to another of the same size',
    does: 'sees it by TOP before anything is deleted; that one is fetched, and never deleted unread',
    known: true,
    ways: () => [{}, { unknown: ['TOP'] }],
    before: (bench) => {
      bench.vanish('a')
      bench.arrive(letter('a', 'Subject: two\r\n\r\nBoh!\r\n'), 0)
    },
    // Where everything stays, nothing tells it from the one that is known.
    only: ['delete', 'days'],
    says: /was left on the server|gives something else/,
    silentWith: leaves,
  },
  {
    name: 'gives all messages new unique-ids',
    does: 'knows them again by their headers (TOP) and sizes, and downloads nothing twice',
    known: true,
    ways: () => [{ uniqueId: (_, own) => `moved-${own}` }],
    // Where everything is deleted at once there is nothing to give new unique-ids to.
    only: ['forever', 'days'],
    home: 8,
  },
  {
    name: 'gives each message the unique-id of the next',
    does: 'sees that sizes and octets do not fit; fetches again what it must, doubles nothing, deletes nothing unread',
    known: true,
    ways: () => [{ uniqueId: (number) => 'abcdefgh'.charAt(number % 8) }],
    home: 8,
  },
  {
    name: 'lists its messages in another order',
    does: 'knows them by their unique-ids, whatever their numbers are',
    known: true,
    ways: () => [{}],
    before: (bench) => {
      bench.server.messages = bench.server.messages.toReversed()
      bench.arrive(letter('i', 'Subject: new\r\n\r\nFirst of all.\r\n'), 0)
    },
    home: 9,
  },
]

export const lacks: readonly Fault[] = [
  {
    name: 'knows no TOP',
    does: 'fetches a message again before it deletes one that came home earlier',
    ways: () => [{ unknown: ['TOP'], capabilities: ['USER', 'UIDL', 'PIPELINING'] }],
    home: 8,
  },
  {
    name: 'knows no CAPA',
    does: 'asks for one thing after the other, and logs in by USER and PASS',
    ways: () => [{ unknown: ['CAPA'] }, { unknown: ['CAPA', 'TOP', 'STAT', 'NOOP', 'AUTH'] }],
    home: 8,
  },
]
