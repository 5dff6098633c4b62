import type { Examination } from '../examination.ts'
import type { Listing } from '../listing.ts'
import { readListing } from '../listing.ts'
import { quoted } from '../reply.ts'
import { fails, type Family, granted, holds, unless, Untried } from '../rule.ts'
import { refusesAll } from './refuses-all.ts'

/** What is no message-number, and where a program that counts in 32 or 64 bits takes it for 1. */
const noNumbers = ['0', '-1', '1.5', 'one', '4294967297', '18446744073709551617']

export const listing: Family = {
  name: 'listing',
  title: 'STAT, LIST and UIDL',
  rules: [
    {
      id: 'stat-form',
      section: 'RFC 1939 §5',
      level: 'must',
      holds: 'STAT is answered by "+OK", the number of messages and their octets, one space before each.',
      means: 'a client cannot read how much there is',
      check: async (exam) => {
        const { line } = await stat(exam)
        return /^\+OK \d+ \d+(?: |$)/.test(line) ? holds(quoted(line)) : fails(quoted(line))
      },
    },
    {
      id: 'stat-nothing-more',
      section: 'RFC 1939 §5',
      level: 'should',
      holds: 'Nothing follows the two numbers of STAT.',
      means: 'a simple client may not be able to read it',
      check: async (exam) => {
        const { line } = await stat(exam)
        return /^\+OK \d+ \d+$/.test(line) ? holds() : fails(quoted(line))
      },
    },
    {
      id: 'list-form',
      section: 'RFC 1939 §5',
      level: 'must',
      holds: 'Each line of LIST is a message-number, one space, and the octets of the message.',
      means: 'a client skips the message, or gives up',
      check: async (exam) => {
        const { lines, odd } = await exam.list()
        return unless(
          [...odd, ...lines.filter(({ value }) => !/^\d+$/.test(value)).map(({ line }) => line)].map(quoted),
        )
      },
    },
    {
      id: 'list-nothing-more',
      section: 'RFC 1939 §5',
      level: 'should',
      holds: 'Nothing follows the octets in a line of LIST.',
      means: 'a simple client may not be able to read it',
      check: async (exam) =>
        unless((await exam.list()).lines.filter(({ rest }) => rest !== '').map(({ line }) => quoted(line))),
    },
    {
      id: 'list-numbers',
      section: 'RFC 1939 §4',
      level: 'must',
      holds: 'The messages of a new session are numbered from 1 without a gap.',
      means: 'a client that counts on STAT asks for messages that are not there, and misses others',
      check: async (exam) => {
        const { lines } = await exam.list()
        const wrong = lines.findIndex(({ number }, index) => number !== index + 1)
        return wrong === -1
          ? holds(`1 to ${lines.length}`)
          : fails(`line ${wrong + 1} is ${quoted(lines[wrong]?.line ?? '')}`)
      },
    },
    {
      id: 'stat-sums-list',
      section: 'RFC 1939 §5',
      level: 'must',
      holds: 'STAT says as many messages and octets as LIST has.',
      means: 'a client shows wrong numbers, or believes that mail came or went meanwhile',
      check: async (exam) => {
        const { line } = await stat(exam)
        const { lines } = await exam.list()
        const octets = lines.reduce((sum, { value }) => sum + Number(value), 0)
        const wanted = `+OK ${lines.length} ${octets}`
        return line === wanted || line.startsWith(`${wanted} `)
          ? holds()
          : fails(`${quoted(line)}, and LIST has ${lines.length} ${octets}`)
      },
    },
    {
      id: 'list-one',
      section: 'RFC 1939 §5',
      level: 'must',
      holds: 'LIST with a message-number says of that message what LIST says of it among all.',
      means: 'a client that asks for one message gets a wrong size',
      check: async (exam) => await onesAsAll(exam, 'LIST', await exam.list()),
    },
    {
      id: 'list-none',
      section: 'RFC 1939 §5',
      level: 'must',
      holds: 'LIST of a message that is not there is answered by -ERR.',
      means: 'a client takes a message for there that is not',
      check: async (exam) => await refusesAll(exam, [`LIST ${(await exam.list()).lines.length + 1}`]),
    },
    {
      id: 'numbers-in-range',
      section: 'RFC 1939 §3',
      level: 'must',
      holds: 'What is no message-number (0, -1, 1.5, one, 2^32+1, 2^64+1) is answered by -ERR.',
      means: 'a mistaken command may reach another message than the one meant',
      check: async (exam) =>
        await refusesAll(
          exam,
          noNumbers.map((number) => `LIST ${number}`),
        ),
    },
    {
      id: 'list-empty',
      section: 'RFC 1939 §5',
      level: 'must',
      holds: 'LIST of an empty maildrop is answered by +OK and no line.',
      means: 'a client reports a fault each time there is no mail',
      check: async (exam) => {
        if ((await exam.list()).lines.length > 0) throw new Untried('the maildrop is not empty')
        const { reply, body } = await (await exam.shared()).askLines('LIST')
        return body.length === 0 ? granted(reply, 'LIST') : fails(quoted(body.toString('latin1')))
      },
    },
    {
      id: 'uidl-there',
      section: 'RFC 1939 §7',
      level: 'should',
      holds: 'UIDL is there.',
      means: 'a client that leaves mail on the server downloads all of it again and again',
      check: async (exam) => granted((await (await exam.shared()).askLines('UIDL')).reply, 'UIDL'),
    },
    {
      id: 'uidl-form',
      section: 'RFC 1939 §7',
      level: 'must',
      holds:
        'Each line of UIDL is a message-number, one space, and a unique-id of 1 to 70 printable characters; nothing follows.',
      means: 'a client cannot remember the message by its unique-id',
      check: async (exam) => {
        const { lines, odd } = await exam.uidl()
        const bad = lines
          .filter(({ value, rest }) => !/^[!-~]{1,70}$/.test(value) || rest !== '')
          .map(({ line }) => line)
        return unless([...odd, ...bad].map(quoted))
      },
    },
    {
      id: 'uidl-as-list',
      section: 'RFC 1939 §7',
      level: 'must',
      holds: 'UIDL lists the same messages as LIST.',
      means: 'a client never fetches the message that is missing',
      check: async (exam) => {
        const [list, uidl] = [await exam.list(), await exam.uidl()]
        return numbersOf(list) === numbersOf(uidl)
          ? holds()
          : fails(`${list.lines.length} in LIST, ${uidl.lines.length} in UIDL`)
      },
    },
    {
      id: 'uidl-unique',
      section: 'RFC 1939 §7',
      level: 'should',
      holds: 'No two messages have the same unique-id.',
      means: 'a client takes the second for one that it has, and never fetches it',
      check: async (exam) => {
        const seen = new Map<string, number>()
        for (const { number, value } of (await exam.uidl()).lines) {
          const other = seen.get(value)
          if (other !== undefined) return fails(`messages ${other} and ${number} have ${quoted(value)}`)
          seen.set(value, number)
        }
        return holds()
      },
    },
    {
      id: 'uidl-one',
      section: 'RFC 1939 §7',
      level: 'must',
      holds: 'UIDL with a message-number says of that message what UIDL says of it among all.',
      means: 'a client that asks for one message gets a wrong unique-id',
      check: async (exam) => await onesAsAll(exam, 'UIDL', await exam.uidl()),
    },
    {
      id: 'uidl-none',
      section: 'RFC 1939 §7',
      level: 'must',
      holds: 'UIDL of a message that is not there is answered by -ERR.',
      means: 'a client takes a message for there that is not',
      check: async (exam) => await refusesAll(exam, [`UIDL ${(await exam.uidl()).lines.length + 1}`, 'UIDL 0']),
    },
    {
      id: 'listing-fixed',
      section: 'RFC 1939 §4',
      level: 'must',
      holds: 'Sizes and unique-ids stay what they are, number by number, to the end of the session.',
      means: 'a client reads, or removes, another message than the one it means',
      check: async (exam) => {
        // Both in one session, whichever session read the first ones.
        const probe = await exam.shared()
        const ask = async (): Promise<string> =>
          `${(await probe.askLines('LIST')).body.toString('latin1')}${(await probe.askLines('UIDL')).body.toString('latin1')}`
        const before = await ask()
        await probe.ask('NOOP')
        await probe.ask('RSET')
        return (await ask()) === before ? holds() : fails('LIST or UIDL says something else the second time')
      },
    },
    {
      id: 'uidl-over-sessions',
      section: 'RFC 1939 §7',
      level: 'must',
      holds: 'A message has the same unique-id in the next session, also where the last one ended without QUIT.',
      means: 'a client downloads everything anew',
      check: async (exam) => {
        const before = await exam.uidl()
        await exam.release()
        const broken = await exam.session()
        await broken.ask('STAT')
        await broken.close()
        const after = readListing((await (await exam.shared()).askLines('UIDL')).body)
        // Mail may have come meanwhile, and been removed by others; the same message is known by number and size no more.
        const still = new Set(after.lines.map(({ value }) => value))
        const gone = before.lines.filter(({ value }) => !still.has(value))
        return gone.length === 0
          ? holds()
          : fails(
              `${gone.length} of ${before.lines.length} are not there any more, such as ${quoted(gone[0]?.value ?? '')}`,
            )
      },
    },
  ],
}

async function stat(exam: Examination): Promise<{ line: string }> {
  return await (await exam.shared()).ask('STAT')
}

/** The first, the last and one in the middle, asked one by one. */
async function onesAsAll(exam: Examination, verb: 'LIST' | 'UIDL', all: Listing) {
  const { lines } = all
  const chosen = new Set(
    [lines[0], lines[Math.floor(lines.length / 2)], lines.at(-1)].filter((line) => line !== undefined),
  )
  if (chosen.size === 0) throw new Untried('the maildrop is empty')
  const probe = await exam.shared()
  const faults: string[] = []
  for (const { number, value, line } of chosen) {
    const reply = await probe.ask(`${verb} ${number}`)
    if (reply.line !== `+OK ${number} ${value}` && !reply.line.startsWith(`+OK ${number} ${value} `))
      faults.push(`${verb} ${number}: ${quoted(reply.line)}, among all ${quoted(line)}`)
  }
  return unless(faults)
}

function numbersOf({ lines }: Listing): string {
  return lines.map(({ number }) => number).join()
}
