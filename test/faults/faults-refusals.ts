import type { Fault } from './fault.ts'

const oneMessage = ['-ERR cannot read it\r\n', '-ERR [SYS/TEMP] later\r\n', '-ERR\r\n']

export const refusals: readonly Fault[] = [
  {
    name: 'answers -ERR to RETR of one message',
    does: 'fetches all others; that one is tried again, after ever longer rests, and is never deleted unread',
    ways: () => oneMessage.map((reply) => ({ refuse: { number: 3, times: 99, reply } })),
    says: /^message 3 \(unique-id c\): the server answered -ERR/,
    home: 7,
  },
  {
    name: 'answers -ERR to every RETR',
    does: 'the same for each',
    ways: () => [{ instead: { RETR: '-ERR [SYS/TEMP] try later\r\n' } }],
    says: /^message 1 \(unique-id a\): the server answered -ERR \[SYS\/TEMP\] try later$/,
  },
  {
    name: 'answers -ERR to DELE',
    does: 'says which messages stay there; they are deleted next time',
    ways: () => [{ instead: { DELE: '-ERR read-only\r\n' } }],
    says: /^message \d could not be deleted on the server: -ERR read-only$/,
    silentWith: ['forever'],
    home: 8,
  },
  {
    name: 'answers -ERR to QUIT',
    does: 'says that what it deleted there may come back, and does not count it as deleted',
    ways: () => [{ instead: { QUIT: '-ERR some deleted messages not removed\r\n' } }],
    says: /^the server answered QUIT with -ERR some deleted messages not removed: messages deleted there may come back$/,
    silentWith: ['forever'],
    home: 8,
  },
  {
    name: 'answers -ERR to LIST',
    does: 'ends the session; nothing is fetched without knowing what is there',
    ways: () => [{ instead: { LIST: '-ERR [SYS/TEMP] not now\r\n' } }],
    ends: ['refused'],
    says: /^127\.0\.0\.1:\d+ refused to list the maildrop: \[SYS\/TEMP\] not now$/,
  },
  {
    name: 'answers -ERR [IN-USE], [LOGIN-DELAY], [SYS/TEMP] or [SYS/PERM] to PASS',
    does: 'says so in the words of the server; a schedule comes again later, and does not take it for a wrong password',
    ways: () =>
      [
        '[IN-USE] the maildrop is open elsewhere',
        '[LOGIN-DELAY] wait a minute',
        '[SYS/TEMP] come back',
        '[SYS/PERM] call us',
      ].map((words) => ({ instead: { PASS: `-ERR ${words}\r\n` } })),
    ends: ['refused'],
    says: /refused to log in mario.*\[(IN-USE|LOGIN-DELAY|SYS\/TEMP|SYS\/PERM)\] /,
  },
  {
    name: 'answers -ERR [AUTH] to PASS',
    does: 'says that it is the log-in; a schedule does not come again and again with it',
    ways: () => [{ instead: { PASS: '-ERR [AUTH] wrong password\r\n' } }],
    ends: ['refused'],
    says: /refused to log in mario.*\[AUTH\] wrong password/,
  },
  {
    name: 'greets with -ERR',
    does: 'says that it takes no session now; the password is not sent',
    ways: () => [{ greeting: '-ERR [SYS/TEMP] too busy' }],
    ends: ['refused'],
    says: /^127\.0\.0\.1:\d+ takes no session now: \[SYS\/TEMP\] too busy$/,
    secret: true,
  },
]
