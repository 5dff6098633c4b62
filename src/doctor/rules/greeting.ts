import type { Probe } from '../probe.ts'
import { quoted } from '../reply.ts'
import { fails, type Family, granted, holds, refused, unless, Untried, type Verdict } from '../rule.ts'
import { refusesAll } from './refuses-all.ts'

/** What belongs to TRANSACTION, as it would be asked (RFC 1939 §5, §7). */
const transactionCommands = ['STAT', 'LIST', 'RETR 1', 'DELE 1', 'NOOP', 'RSET', 'TOP 1 0', 'UIDL']

export const greeting: Family = {
  name: 'greeting',
  title: 'Greeting and commands',
  rules: [
    {
      id: 'greeting-positive',
      section: 'RFC 1939 §4',
      level: 'must',
      holds: 'Once the connection stands, the server greets with one line that begins with +OK.',
      means: 'a client does not know that it speaks to a POP3 server, and gives up',
      check: async (exam) => {
        const { greeting: said } = await exam.connectRaw()
        return said?.status === '+OK' ? holds(quoted(said.line)) : fails(quoted(said?.line ?? ''))
      },
    },
    {
      id: 'greeting-alone',
      section: 'RFC 1939 §3',
      level: 'must',
      holds: 'After the greeting the server says nothing until it is asked.',
      means: 'a client takes the second line for the answer to its first command, and every later one is out of step',
      check: async (exam) =>
        (await (await exam.connectRaw()).quiet(400))
          ? holds()
          : fails('something came unasked, or the connection ended'),
    },
    {
      id: 'greeting-timestamp',
      section: 'RFC 1939 §7',
      level: 'must',
      holds: 'A timestamp in the greeting has the form of a Message-ID and is another one in each session.',
      means: 'an APOP digest that was overheard can be used again',
      check: async (exam) => {
        const stamps: string[] = []
        for (let session = 0; session < 3; session++) {
          const said = (await exam.connectRaw()).greeting?.line ?? ''
          const stamp = /<[^>]*>/.exec(said)?.[0]
          if (stamp === undefined) throw new Untried('the greeting has no timestamp: there is no APOP')
          if (!/^<[^\s<>@]+@[^\s<>@]+>$/.test(stamp)) return fails(`${quoted(stamp)} has not that form`)
          stamps.push(stamp)
        }
        return new Set(stamps).size === stamps.length ? holds() : fails(`${quoted(stamps[0] ?? '')} came twice`)
      },
    },
    {
      id: 'commands-in-any-case',
      section: 'RFC 1939 §3',
      level: 'must',
      holds: 'Commands are understood in upper, lower and mixed case.',
      means: 'a client that writes commands in lower case is not understood',
      check: async (exam) => {
        const probe = await exam.connect()
        const upper = await probe.askLines('CAPA')
        const faults: string[] = []
        for (const command of ['capa', 'cApA']) {
          const { reply } = await probe.askLines(command)
          if (reply.status !== upper.reply.status) faults.push(`${command}: ${quoted(reply.line)}`)
        }
        const quit = await probe.ask('quit')
        if (quit.status !== '+OK') faults.push(`quit: ${quoted(quit.line)}`)
        return unless(faults)
      },
    },
    {
      id: 'unknown-command',
      section: 'RFC 1939 §3',
      level: 'must',
      holds: 'A command that the server does not know is answered by -ERR, and the session goes on.',
      means: 'a client cannot try whether an extension is there',
      check: async (exam) => {
        const probe = await exam.connect()
        const reply = await probe.ask('XPST')
        if (reply.status !== '-ERR') return fails(`XPST: ${quoted(reply.line)}`)
        const after = await probe.ask('QUIT')
        return after.status === '+OK' ? holds() : fails(`QUIT after it: ${quoted(after.line)}`)
      },
    },
    {
      id: 'empty-command',
      section: 'RFC 1939 §3',
      level: 'must',
      holds: 'An empty line is answered by -ERR.',
      means: 'a client that sends one too many waits for ever, or is out of step from there on',
      check: async (exam) => refused(await (await exam.connect()).ask(''), 'the empty line'),
    },
    {
      id: 'last-is-gone',
      section: 'RFC 1939 §9',
      level: 'informative',
      holds: 'LAST, which RFC 1460 had and RFC 1939 has not, is answered by -ERR.',
      means: 'clients find new mail by UIDL; what LAST says is not reliable',
      check: async (exam) => {
        return refused(await (await exam.shared()).ask('LAST'), 'LAST')
      },
    },
    {
      id: 'transaction-commands-need-log-in',
      section: 'RFC 1939 §3',
      level: 'must',
      holds: 'STAT, LIST, RETR, DELE, NOOP, RSET, TOP and UIDL are answered by -ERR before the log-in.',
      means: 'mail could be read or removed by who has not logged in',
      check: async (exam) => {
        const faults: string[] = []
        for (const command of transactionCommands) {
          // Each on a connection of its own: some servers end it after very few bad commands.
          const reply = await (await exam.connect()).ask(command)
          if (reply.status !== '-ERR') faults.push(`${command}: ${quoted(reply.line)}`)
        }
        return unless(faults)
      },
    },
    {
      id: 'log-in-only-once',
      section: 'RFC 1939 §7',
      level: 'must',
      holds: 'USER and PASS are answered by -ERR after the log-in.',
      means: 'a session could change hands half-way',
      check: async (exam) => {
        return await refusesAll(exam, ['USER postino-doctor', 'PASS postino-doctor'])
      },
    },
    {
      id: 'pass-needs-user',
      section: 'RFC 1939 §7',
      level: 'must',
      holds: 'PASS without a USER before it is answered by -ERR.',
      means: 'it is not clear whose password the server then takes it for',
      check: async (exam) => refused(await (await exam.connect()).ask('PASS postino-doctor'), 'PASS'),
    },
    {
      id: 'user-needs-name',
      section: 'RFC 1939 §3',
      level: 'must',
      holds: 'USER without a name is answered by -ERR.',
      means: 'a client learns only at PASS that its configuration has no name',
      check: async (exam) => refused(await (await exam.connect()).ask('USER'), 'USER'),
    },
    {
      id: 'noop',
      section: 'RFC 1939 §5',
      level: 'must',
      holds: 'NOOP is answered by +OK.',
      means: 'a client cannot keep its session alive',
      check: async (exam) => {
        return granted(await (await exam.shared()).ask('NOOP'), 'NOOP')
      },
    },
    {
      id: 'quit-before-log-in',
      section: 'RFC 1939 §4',
      level: 'must',
      holds: 'QUIT before the log-in is answered by +OK, and the server ends the connection.',
      means: 'a client that waits for the end waits for ever',
      check: async (exam) => quits(await exam.connect()),
    },
    {
      id: 'quit-after-log-in',
      section: 'RFC 1939 §6',
      level: 'must',
      holds: 'QUIT after the log-in is answered by +OK, and the server ends the connection.',
      means: 'a client that waits for the end waits for ever, and its maildrop stays locked',
      check: async (exam) => quits(await exam.session()),
    },
  ],
}

/** QUIT, and the end that must follow. */
async function quits(probe: Probe): Promise<Verdict> {
  const reply = await probe.ask('QUIT')
  if (reply.status !== '+OK') return fails(quoted(reply.line))
  return (await probe.ends(5000)) ? holds() : fails('the connection stays open for 5 s')
}
