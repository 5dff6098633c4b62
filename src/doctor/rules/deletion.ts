import type { Examination } from '../examination.ts'
import { readListing, type Listing } from '../listing.ts'
import type { Probe } from '../probe.ts'
import { quoted } from '../reply.ts'
import { fails, type Family, granted, holds, refused, unless, Untried, type Verdict } from '../rule.ts'

export const deletion: Family = {
  name: 'deletion',
  title: 'DELE, RSET and QUIT',
  rules: [
    {
      id: 'rset',
      section: 'RFC 1939 §5',
      level: 'must',
      holds: 'RSET is answered by +OK, also where nothing is marked.',
      means: 'a client that makes sure before it begins takes the answer for a fault',
      check: async (exam) => granted(await (await exam.shared()).ask('RSET'), 'RSET'),
    },
    {
      id: 'dele',
      section: 'RFC 1939 §5',
      level: 'must',
      destructive: true,
      holds: 'DELE of a message is answered by +OK, and a second one of the same message by -ERR.',
      means: 'a client does not know what it has removed',
      check: async (exam) =>
        await marking(exam, async (probe, number) =>
          refused(await probe.ask(`DELE ${number}`), `DELE ${number} again`),
        ),
    },
    {
      id: 'dele-hides',
      section: 'RFC 1939 §5',
      level: 'must',
      destructive: true,
      holds: 'LIST, RETR, TOP and UIDL of a message that is marked as deleted are answered by -ERR.',
      means: 'a client downloads what is about to go',
      check: async (exam) =>
        await marking(exam, async (probe, number) => {
          const faults: string[] = []
          for (const command of [`LIST ${number}`, `UIDL ${number}`, `RETR ${number}`, `TOP ${number} 0`]) {
            const { reply } = await (/^(?:RETR|TOP)/.test(command) ? probe.askLines(command) : asked(probe, command))
            if (reply.status !== '-ERR') faults.push(`${command}: ${quoted(reply.line)}`)
          }
          return unless(faults)
        }),
    },
    {
      id: 'dele-leaves-list',
      section: 'RFC 1939 §5',
      level: 'must',
      destructive: true,
      holds: 'LIST does not list what is marked, and the others keep their numbers and sizes.',
      means: 'a client that goes on by number reads, or removes, another message than the one it means',
      check: async (exam) => await listedWithout(exam, 'LIST'),
    },
    {
      id: 'dele-leaves-uidl',
      section: 'RFC 1939 §7',
      level: 'must',
      destructive: true,
      holds: 'UIDL does not list what is marked, and the others keep their numbers and unique-ids.',
      means: 'a client that goes on by unique-id reads, or removes, another message than the one it means',
      check: async (exam) => await listedWithout(exam, 'UIDL'),
    },
    {
      id: 'dele-leaves-stat',
      section: 'RFC 1939 §5',
      level: 'must',
      destructive: true,
      holds: 'STAT counts neither what is marked nor its octets.',
      means: 'a client shows wrong numbers',
      check: async (exam) =>
        await marking(exam, async (probe, number, before) => {
          const left = before.lines.filter((line) => line.number !== number)
          const wanted = `+OK ${left.length} ${left.reduce((sum, { value }) => sum + Number(value), 0)}`
          const { line } = await probe.ask('STAT')
          return line === wanted || line.startsWith(`${wanted} `)
            ? holds()
            : fails(`${quoted(line)} instead of ${quoted(wanted)}`)
        }),
    },
    {
      id: 'dele-none',
      section: 'RFC 1939 §5',
      level: 'must',
      destructive: true,
      holds:
        'DELE without a number, or of a message that is not there (0, -1, one too many, 2^32+1, 2^64+1), is answered by -ERR.',
      means: 'a mistaken command removes another message than the one meant',
      check: async (exam) =>
        await session(exam, async (probe, before) => {
          const faults: string[] = []
          const numbers = [
            '',
            ' 0',
            ' -1',
            ` ${before.lines.length + 1}`,
            ' 4294967297',
            ' 18446744073709551617',
            ' one',
          ]
          for (const command of numbers.map((number) => `DELE${number}`)) {
            const reply = await probe.ask(command)
            if (reply.status !== '-ERR') faults.push(`${command}: ${quoted(reply.line)}`)
          }
          return unless(faults)
        }),
    },
    {
      id: 'rset-restores',
      section: 'RFC 1939 §5',
      level: 'must',
      destructive: true,
      holds: 'After RSET nothing is marked: LIST, UIDL and STAT say what they said at first.',
      means: 'a client cannot take back what its user did by mistake',
      check: async (exam) =>
        await marking(exam, async (probe, number, before) => {
          const reply = await probe.ask('RSET')
          if (reply.status !== '+OK') return fails(quoted(reply.line))
          const after = await listed(probe, 'LIST')
          if (!same(after, before))
            return fails(`LIST has ${after.lines.length} messages instead of ${before.lines.length}`)
          const stat = await probe.ask('STAT')
          if (!stat.line.startsWith(`+OK ${before.lines.length} `)) return fails(quoted(stat.line))
          return granted(await probe.ask(`DELE ${number}`), `DELE ${number} after RSET`)
        }),
    },
    {
      id: 'dele-rset-quit',
      section: 'RFC 1939 §6',
      level: 'must',
      destructive: true,
      holds: 'What was marked and taken back by RSET is not removed by QUIT.',
      means: 'mail is lost that the client said to keep',
      check: async (exam) => {
        const before = await uniqueIds(exam)
        const verdict = await marking(exam, async (probe) => {
          await probe.ask('RSET')
          return granted(await probe.ask('QUIT'), 'QUIT')
        })
        if (verdict.result !== 'holds') return verdict
        return unless(lost(before, await uniqueIds(exam)))
      },
    },
    {
      id: 'dele-lost-connection',
      section: 'RFC 1939 §6',
      level: 'must',
      destructive: true,
      holds: 'Where the connection is lost before QUIT, nothing is removed.',
      means: 'mail is lost that the client may not have kept yet',
      check: async (exam) => {
        const before = await uniqueIds(exam)
        const verdict = await marking(exam, async (probe) => {
          probe.drop()
          return holds()
        })
        if (verdict.result !== 'holds') return verdict
        return unless(lost(before, await uniqueIds(exam)))
      },
    },
    {
      id: 'dele-half-quit',
      section: 'RFC 1939 §6',
      level: 'must',
      destructive: true,
      holds: 'A QUIT whose line never ended removes nothing.',
      means: 'mail is lost that the client may not have kept yet',
      check: async (exam) => {
        const before = await uniqueIds(exam)
        const verdict = await marking(exam, async (probe) => {
          probe.send('QUIT')
          await probe.close()
          return holds()
        })
        if (verdict.result !== 'holds') return verdict
        return unless(lost(before, await uniqueIds(exam)))
      },
    },
    {
      id: 'quit-removes',
      section: 'RFC 1939 §6',
      level: 'must',
      destructive: true,
      holds: 'QUIT removes what is marked, and only that: in the next session it is gone and the others are there.',
      means: 'a client downloads the same mail again, or mail is lost (this rule removes the last message for good)',
      check: async (exam) => {
        const before = await uniqueIds(exam)
        const last = before.lines.at(-1)
        if (last === undefined) throw new Untried('the maildrop is empty')
        const verdict = await session(exam, async (probe) => {
          const marked = await probe.ask(`DELE ${last.number}`)
          if (marked.status !== '+OK') return fails(quoted(marked.line))
          const reply = await probe.ask('QUIT')
          return (await probe.ends(5000)) ? granted(reply, 'QUIT') : fails('the connection stays open for 5 s')
        })
        if (verdict.result !== 'holds') return verdict
        exam.forget()
        const after = await uniqueIds(exam)
        if (after.lines.some(({ value }) => value === last.value)) return fails(`${quoted(last.line)} is still there`)
        const others = before.lines.filter(({ value }) => value !== last.value)
        return unless(lost({ lines: others, odd: [] }, after))
      },
    },
  ],
}

/** A session of its own with its LIST; what is marked in it is taken back in the end. */
async function session(exam: Examination, work: (probe: Probe, list: Listing) => Promise<Verdict>): Promise<Verdict> {
  const probe = await exam.session()
  const verdict = await work(probe, await listed(probe, 'LIST'))
  await exam.finish(probe)
  return verdict
}

/** A session in which the first message is marked. */
async function marking(
  exam: Examination,
  work: (probe: Probe, number: number, list: Listing) => Promise<Verdict>,
): Promise<Verdict> {
  return await session(exam, async (probe, list) => {
    const number = list.lines[0]?.number
    if (number === undefined) throw new Untried('the maildrop is empty')
    const reply = await probe.ask(`DELE ${number}`)
    if (reply.status !== '+OK') return fails(`DELE ${number}: ${quoted(reply.line)}`)
    return await work(probe, number, list)
  })
}

async function listedWithout(exam: Examination, verb: 'LIST' | 'UIDL'): Promise<Verdict> {
  return await session(exam, async (probe) => {
    const before = await listed(probe, verb)
    const middle = before.lines[Math.floor((before.lines.length - 1) / 2)]
    if (middle === undefined) throw new Untried('the maildrop is empty')
    const reply = await probe.ask(`DELE ${middle.number}`)
    if (reply.status !== '+OK') return fails(`DELE ${middle.number}: ${quoted(reply.line)}`)
    const after = await listed(probe, verb)
    const wanted = { lines: before.lines.filter((line) => line !== middle), odd: [] }
    return same(after, wanted)
      ? holds()
      : fails(
          after.lines
            .map(({ line }) => line)
            .slice(0, 5)
            .join(', '),
        )
  })
}

/** UIDL of a new session. Throws Untried where there is none: then a message cannot be known again. */
async function uniqueIds(exam: Examination): Promise<Listing> {
  const probe = await exam.session()
  const listing = await listed(probe, 'UIDL')
  await exam.finish(probe)
  return listing
}

async function listed(probe: Probe, verb: 'LIST' | 'UIDL'): Promise<Listing> {
  const { reply, body } = await probe.askLines(verb)
  if (reply.status !== '+OK') throw new Untried(`${verb} was refused: ${quoted(reply.line)}`)
  return readListing(body)
}

async function asked(probe: Probe, command: string) {
  return { reply: await probe.ask(command) }
}

function same(one: Listing, other: Listing): boolean {
  const text = ({ lines }: Listing): string => lines.map(({ line }) => line).join('\n')
  return text(one) === text(other)
}

function lost(before: Listing, after: Listing): string[] {
  const still = new Set(after.lines.map(({ value }) => value))
  return before.lines.filter(({ value }) => !still.has(value)).map(({ line }) => `${quoted(line)} is gone`)
}
