import type { Fault } from './fault.ts'

const oneByOne = /it may not be able to do PIPELINING, so commands went one by one then$/

export const pipelining: readonly Fault[] = [
  {
    name: 'says PIPELINING, and loses one answer',
    does: 'believes nothing that came since it was sure last; goes on one by one at once, and the next time too',
    ways: () => [
      ...[1, 2, 3, 4, 6].map((nth) => ({ lose: { verb: 'RETR', nth } })),
      ...['USER', 'UIDL'].map((verb) => ({ lose: { verb, nth: 1 } })),
      { lose: { verb: 'LIST', nth: 2 } },
    ],
    inVain: true,
    says: oneByOne,
    silentWith: ['days'],
    home: 8,
  },
  {
    name: 'says PIPELINING, and gives one answer twice',
    does: 'the same',
    ways: () => [1, 2, 3, 4].map((nth) => ({ twice: { verb: 'RETR', nth } })),
    inVain: true,
    says: oneByOne,
    silentWith: ['days'],
    home: 8,
  },
  {
    name: 'says PIPELINING, and forgets what came together with a command',
    does: 'the same',
    ways: () => [{ forgetful: true }],
    inVain: true,
    says: oneByOne,
    home: 8,
  },
  {
    name: 'says PIPELINING, and loses the answer to a DELE or TOP',
    does: 'the same; nothing was deleted, for QUIT was not said',
    ways: () => ['DELE', 'TOP'].map((verb) => ({ lose: { verb, nth: 1 } })),
    inVain: true,
    says: oneByOne,
    silentWith: ['forever', 'delete', 'days'],
    home: 8,
  },
  {
    name: 'says PIPELINING, and answers slowly, one by one',
    does: 'waits',
    ways: () => [{ slowness: 10 }],
    home: 8,
  },
]
