import type { Examination } from '../examination.ts'
import { internationalMessages } from '../international.ts'
import { firstDifference, given, topOf, type GivenMessage } from '../message.ts'
import { quoted } from '../reply.ts'
import { fails, type Family, holds, unless, Untried } from '../rule.ts'
import { refusesAll } from './refuses-all.ts'

export const retrieval: Family = {
  name: 'retrieval',
  title: 'RETR and TOP',
  rules: [
    {
      id: 'retr',
      section: 'RFC 1939 §5',
      level: 'must',
      holds: 'RETR of a message that is listed gives it, with a line "." at its end.',
      means: 'a client cannot download it',
      check: async (exam) => {
        const { lines } = await exam.list()
        const number = lines.toSorted((a, b) => Number(a.value) - Number(b.value))[0]?.number
        if (number === undefined) throw new Untried('the maildrop is empty')
        const { reply } = await (await exam.shared()).askLines(`RETR ${number}`)
        return reply.status === '+OK' ? holds() : fails(`RETR ${number}: ${quoted(reply.line)}`)
      },
    },
    {
      id: 'retr-octets',
      section: 'RFC 1939 §11',
      level: 'must',
      holds:
        'A message has exactly as many octets as LIST says, stuffed dots not counted (surrogates have a rule of their own).',
      means: 'a client believes that the download was cut off, or that the message is another one',
      check: async (exam) => {
        const { lines } = await exam.list()
        const messages = [...(await exam.samples())]
        const said = (number: number): number => Number(lines.find((line) => line.number === number)?.value)
        const wrong = messages.filter(([number, { octets }]) => octets.length !== said(number))
        const surrogates = wrong.length === 0 ? [] : Object.values(await internationalMessages(exam)).flat()
        const faults = wrong
          .filter(([number]) => !surrogates.includes(number))
          .map(([number, { octets }]) => `message ${number}: LIST says ${said(number)}, RETR gives ${octets.length}`)
        return unless(faults, `${messages.length} messages`)
      },
    },
    {
      id: 'retr-dots-stuffed',
      section: 'RFC 1939 §3',
      level: 'must',
      holds: 'Each line of a message that begins with a dot is sent with one dot more.',
      means: 'a client loses the dot, or takes the line for the end of the message and the rest for answers',
      check: async (exam) => {
        const messages = [...(await exam.samples())]
        const bad = messages.find(([, { unstuffed }]) => unstuffed > 0)
        if (bad !== undefined) return fails(`message ${bad[0]}: ${bad[1].unstuffed} lines begin with one dot only`)
        const stuffed = messages.filter(([, message]) => message.stuffed > 0).length
        if (stuffed === 0)
          throw new Untried(`of the ${messages.length} messages read, none has a line that begins with a dot`)
        return holds(`in ${stuffed} of ${messages.length} messages`)
      },
    },
    {
      id: 'retr-line-ends',
      section: 'RFC 1939 §3',
      level: 'should',
      holds: 'The lines of a message end in CR LF, and neither CR nor LF stands alone.',
      means: 'what the client keeps differs from what the sender signed, or lines run together',
      check: async (exam) =>
        await each(exam, (number, { octets }) => {
          const alone = /\r(?!\n)|(?<!\r)\n/.exec(octets.toString('latin1'))
          return alone === null ? [] : [`message ${number}: octet ${alone.index + 1}`]
        }),
    },
    {
      id: 'retr-again',
      section: 'RFC 1939 §5',
      level: 'must',
      holds: 'RETR gives the same octets each time.',
      means: 'a client that tries again after a fault keeps something else',
      check: async (exam) => {
        const [number, message] = await one(exam)
        const again = await (await exam.shared()).askLines(`RETR ${number}`)
        return again.body.equals(message.wire)
          ? holds()
          : fails(`message ${number} differs at ${firstDifference(again.body, message.wire)}`)
      },
    },
    {
      id: 'retr-marks-nothing',
      section: 'RFC 1939 §5',
      level: 'must',
      holds: 'A message that was read is still listed in the same session.',
      means: 'a client that only looks loses mail',
      check: async (exam) => {
        const [number] = await one(exam)
        const probe = await exam.shared()
        await probe.askLines(`RETR ${number}`)
        const reply = await probe.ask(`LIST ${number}`)
        return reply.status === '+OK' ? holds() : fails(quoted(reply.line))
      },
    },
    {
      id: 'retr-none',
      section: 'RFC 1939 §5',
      level: 'must',
      holds: 'RETR without a number, or of a message that is not there, is answered by -ERR.',
      means: 'a client waits for a message that never comes',
      check: async (exam) => await refusesAll(exam, ['RETR', 'RETR 0', `RETR ${(await exam.list()).lines.length + 1}`]),
    },
    {
      id: 'top-header',
      section: 'RFC 1939 §7',
      level: 'must',
      holds: 'TOP with 0 lines gives the header and the empty line, exactly as RETR gives them.',
      means: 'a client that shows what is there before it downloads shows something else',
      check: async (exam) => await tops(exam, [0]),
    },
    {
      id: 'top-lines',
      section: 'RFC 1939 §7',
      level: 'must',
      holds: 'TOP with n lines gives the header, the empty line, and exactly n lines of the body.',
      means: 'a client cannot look into a message without downloading all of it',
      check: async (exam) => await tops(exam, [1, 2, 7]),
    },
    {
      id: 'top-whole',
      section: 'RFC 1939 §7',
      level: 'must',
      holds: 'TOP with more lines than there are gives the whole message.',
      means: 'a client that asks for a lot gets less than there is',
      check: async (exam) => await tops(exam, [1_000_000]),
    },
    {
      id: 'top-needs-both-numbers',
      section: 'RFC 1939 §7',
      level: 'must',
      holds: 'TOP without a number of lines, or with -1, or of a message that is not there, is answered by -ERR.',
      means: 'a client waits for lines that never come, or gets more than it can hold',
      check: async (exam) => {
        if ((await (await exam.shared()).askLines('TOP 1 0')).reply.status !== '+OK')
          throw new Untried('there is no TOP, or no message 1')
        return await refusesAll(exam, [
          'TOP',
          'TOP 1',
          'TOP 1 -1',
          'TOP 0 0',
          `TOP ${(await exam.list()).lines.length + 1} 0`,
        ])
      },
    },
  ],
}

/** Something looked for in each message that was read. */
async function each(exam: Examination, faultsOf: (number: number, message: GivenMessage) => string[]) {
  const messages = [...(await exam.samples())]
  return unless(
    messages.flatMap(([number, message]) => faultsOf(number, message)),
    `${messages.length} messages`,
  )
}

/** The shortest message that was read. */
async function one(exam: Examination): Promise<readonly [number, GivenMessage]> {
  const [shortest] = [...(await exam.samples())].toSorted(([, a], [, b]) => a.wire.length - b.wire.length)
  if (shortest === undefined) throw new Untried('the maildrop holds no message that could be read')
  return shortest
}

/** TOP, held against what RETR gave: octet by octet, stuffed dots and all. */
async function tops(exam: Examination, counts: readonly number[]) {
  const messages = await exam.samples()
  const probe = await exam.shared()
  const faults: string[] = []
  for (const [number, message] of messages) {
    for (const count of counts) {
      const { reply, body } = await probe.askLines(`TOP ${number} ${count}`)
      if (reply.status !== '+OK') throw new Untried(`TOP ${number} ${count}: ${quoted(reply.line)}`)
      const wanted = topOf(message.wire, count)
      if (!sameTop(body, wanted))
        faults.push(
          `TOP ${number} ${count}: ${given(body).octets.length} octets instead of ${given(wanted).octets.length}, different from ${firstDifference(body, wanted)} on`,
        )
    }
  }
  return unless(faults, `${messages.size} messages`)
}

/** A message that is all header has no empty line, and TOP may add one. */
function sameTop(body: Buffer, wanted: Buffer): boolean {
  return (
    body.equals(wanted) || (!wanted.includes('\r\n\r\n') && body.equals(Buffer.concat([wanted, Buffer.from('\r\n')])))
  )
}
