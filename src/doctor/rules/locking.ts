import type { Examination } from '../examination.ts'
import { quoted, type Reply } from '../reply.ts'
import { fails, type Family, granted, holds, Untried } from '../rule.ts'

export const locking: Family = {
  name: 'locking',
  title: 'One session at a time',
  rules: [
    {
      id: 'lock-exclusive',
      section: 'RFC 1939 §4',
      level: 'should',
      holds: 'While a maildrop is open in one session, a second log-in is refused.',
      means: 'two clients work on the same mail, and one removes what the other is about to read',
      check: async (exam) => {
        const { reply } = await secondLogIn(exam)
        return reply.status === '-ERR' ? holds(quoted(reply.line)) : fails(quoted(reply.line))
      },
    },
    {
      id: 'lock-in-use',
      section: 'RFC 2449 §8.1.2',
      level: 'should',
      holds: 'That refusal begins with [IN-USE], where RESP-CODES is announced.',
      means: 'a client takes it for a wrong password, and asks its user for another one',
      check: async (exam) => {
        await exam.announced('RESP-CODES')
        const { reply } = await secondLogIn(exam)
        if (reply.status === '+OK') throw new Untried('a second log-in is not refused')
        return reply.code === 'IN-USE' ? holds() : fails(quoted(reply.line))
      },
    },
    {
      id: 'lock-first-undisturbed',
      section: 'RFC 1939 §4',
      level: 'must',
      holds: 'The first session goes on undisturbed by a second log-in.',
      means: 'a download breaks off whenever another device looks for mail',
      check: async (exam) => {
        return granted((await secondLogIn(exam)).first, 'NOOP')
      },
    },
    {
      id: 'lock-freed-by-quit',
      section: 'RFC 1939 §6',
      level: 'must',
      holds: 'After QUIT is answered and the connection has ended, the maildrop can be opened at once.',
      means: 'the next client is refused though nobody has the maildrop open',
      check: async (exam) => {
        const first = await exam.session()
        await first.ask('QUIT')
        await first.ends(5000)
        const second = await exam.connect()
        const reply = await exam.logInOnce(second)
        if (reply.status === '+OK') await exam.finish(second)
        return granted(reply, 'the log-in')
      },
    },
    {
      id: 'lock-freed-by-loss',
      section: 'RFC 1939 §3',
      level: 'must',
      holds: 'Some seconds after a connection was lost, the maildrop can be opened again.',
      means: 'a client that was cut off is locked out by its own last session',
      check: async (exam) => {
        const first = await exam.session()
        first.drop()
        const second = await exam.connect()
        const reply = await exam.logIn(second)
        if (reply.status === '+OK') await exam.finish(second)
        return granted(reply, 'the log-in')
      },
    },
  ],
}

/** How long a server may wait for the lock before it refuses, milliseconds. */
const waiting = 60_000

/** A second log-in beside the shared session: its answer, and what the first session says to NOOP then. Tried once for all. */
function secondLogIn(exam: Examination): Promise<{ reply: Reply; first: Reply }> {
  return exam.once('second log-in', async () => {
    const shared = await exam.shared()
    const second = await exam.connect()
    second.patience = Math.max(second.patience, waiting)
    const reply = await exam.logInOnce(second)
    if (reply.status === '+OK') await exam.finish(second)
    return { reply, first: await shared.ask('NOOP') }
  })
}
