import { plainResponse } from '../log-in.ts'
import type { Probe } from '../probe.ts'
import { quoted, type Reply } from '../reply.ts'
import { fails, type Family, granted, holds, unless, Untried } from '../rule.ts'

export const pipelining: Family = {
  name: 'pipelining',
  title: 'Packets and pipelining',
  rules: [
    {
      id: 'command-in-pieces',
      section: 'RFC 1939 §3',
      level: 'must',
      holds: 'A command that comes in packets of one octet, CR and LF apart, is read as one that comes whole.',
      means: 'a client behind a bad line is not understood',
      check: async (exam) => {
        const probe = await exam.connect()
        await probe.sendInPieces('CAPA\r\n')
        const reply = await probe.reply()
        if (reply.status === '+OK') await probe.body()
        await probe.sendInPieces('QUIT\r\n')
        return granted(await probe.reply(), 'QUIT')
      },
    },
    {
      id: 'pipelining-announced',
      section: 'RFC 2449 §6.6',
      level: 'informative',
      holds: 'PIPELINING is announced.',
      means: 'without it a client must wait for each answer before it asks again: slow where the server is far away',
      check: async (exam) => ((await exam.capabilities()).all.has('PIPELINING') ? holds() : fails('it is not')),
    },
    {
      id: 'pipelining-in-order',
      section: 'RFC 2449 §6.6',
      level: 'must',
      holds: 'Commands that come in one packet are answered each in its turn.',
      means: 'a client that relies on what is announced takes one answer for another',
      check: async (exam) => {
        await exam.announced('PIPELINING')
        const probe = await exam.shared()
        probe.send('NOOP\r\nSTAT\r\nXPST\r\nLIST\r\nNOOP\r\n')
        const replies = [await probe.reply(), await probe.reply(), await probe.reply(), await probe.reply()]
        const body = await probe.body()
        replies.push(await probe.reply())
        const statuses = replies.map(({ status }) => status).join(' ')
        if (statuses !== '+OK +OK -ERR +OK +OK') return fails(replies.map(({ line }) => quoted(line)).join(', '))
        const count = body.toString('latin1').split('\r\n').length - 1
        return new RegExp(`^\\+OK ${count} \\d`).test(replies[1]?.line ?? '')
          ? holds()
          : fails('STAT and LIST do not agree')
      },
    },
    {
      id: 'pipelining-messages',
      section: 'RFC 2449 §6.6',
      level: 'must',
      holds: 'Commands behind a RETR or TOP in the same packet are answered after the message, which is whole.',
      means: 'a client that asks for many messages at once gets them wrong',
      check: async (exam) => {
        await exam.announced('PIPELINING')
        const [first] = await exam.samples()
        if (first === undefined) throw new Untried('the maildrop is empty')
        const [number, { wire }] = first
        const probe = await exam.shared()
        probe.send(`RETR ${number}\r\nNOOP\r\nRETR ${number}\r\nSTAT\r\n`)
        const faults: string[] = []
        for (const next of ['NOOP', 'STAT']) {
          const reply = await probe.reply()
          if (reply.status !== '+OK') return fails(`RETR: ${quoted(reply.line)}`)
          if (!(await probe.body()).equals(wire)) faults.push('the message is not what RETR alone gives')
          const after = await probe.reply()
          if (after.status !== '+OK') faults.push(`${next} behind RETR: ${quoted(after.line)}`)
        }
        return unless(faults)
      },
    },
    {
      id: 'pipelining-many',
      section: 'RFC 2449 §6.6',
      level: 'must',
      holds: '200 commands in one packet are all answered.',
      means: 'a client that relies on what is announced waits for ever for what was dropped',
      check: async (exam) => {
        await exam.announced('PIPELINING')
        const probe = await exam.shared()
        probe.send('NOOP\r\n'.repeat(200))
        const odd = (await replies(probe, 200)).filter(({ status }) => status !== '+OK')
        return unless(odd.map(({ line }) => quoted(line)))
      },
    },
    {
      id: 'pipelining-log-in',
      section: 'RFC 2449 §6.6',
      level: 'must',
      holds: 'Commands behind the log-in in the same packet are answered in the session that it begins.',
      means: 'a client that saves round trips loses what it asked for at once',
      check: async (exam) => {
        await exam.announced('PIPELINING')
        await exam.release()
        const { all } = await exam.capabilities()
        const probe = await exam.connect()
        const reply = await exam.logIn(probe, async (on, who) => {
          const logIn = all.has('USER')
            ? [`USER ${who.login}`, `PASS ${who.password}`]
            : [`AUTH PLAIN ${plainResponse(who)}`]
          on.send([...logIn, 'STAT', 'NOOP', ''].join('\r\n'))
          const answers = await replies(on, logIn.length + 2)
          return answers.find(({ status }) => status !== '+OK') ?? answers.at(-1) ?? (await on.reply())
        })
        if (reply.status === '+OK') await exam.finish(probe)
        return granted(reply, 'one of them')
      },
    },
    {
      id: 'pipelining-behind-quit',
      section: 'RFC 1939 §6',
      level: 'must',
      holds: 'QUIT with something behind it is answered, and the session ends; what is behind is not obeyed.',
      means: 'something that nobody waits for any more is still done',
      check: async (exam) => {
        const probe = await exam.session()
        probe.send('QUIT\r\nNOOP\r\nSTAT\r\n')
        const reply = await probe.reply()
        if (reply.status !== '+OK') return fails(`QUIT: ${quoted(reply.line)}`)
        const more = await probe.line(5000).then(
          ({ line }) => line,
          () => undefined,
        )
        return more === undefined ? holds() : fails(`after the answer to QUIT: ${quoted(more)}`)
      },
    },
  ],
}

async function replies(probe: Probe, count: number): Promise<Reply[]> {
  const all: Reply[] = []
  while (all.length < count) all.push(await probe.reply())
  return all
}
