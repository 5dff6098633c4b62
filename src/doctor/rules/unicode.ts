import type { Examination } from '../examination.ts'
import { readListing, textLines } from '../listing.ts'
import {
  fieldsBeyondAscii,
  fromUtf8,
  type InternationalMessages,
  internationalMessages,
  isUtf8,
  unicodeOn,
  unicodeSession,
} from '../international.ts'
import { given, headerOf } from '../message.ts'
import { quoted } from '../reply.ts'
import { fails, type Family, granted, holds, refused, unless, Untried, type Verdict } from '../rule.ts'

/** A language that nobody has: private use (RFC 5646 §2.2.1). */
const noLanguage = 'qtz'

export const unicode: Family = {
  name: 'unicode',
  title: 'UTF8 and LANG',
  rules: [
    {
      id: 'utf8',
      section: 'RFC 6856 §2.1',
      level: 'must',
      holds: 'Where UTF8 is announced, the command UTF8 is answered by +OK before the log-in.',
      means: 'a client cannot get mail with international headers as it is',
      check: async (exam) => {
        await exam.announced('UTF8')
        return granted(await unicodeOn(await exam.connect()), 'UTF8')
      },
    },
    {
      id: 'utf8-argument',
      section: 'RFC 6856 §2',
      level: 'must',
      holds: 'UTF8 is announced alone or with USER.',
      means: 'a client does not know whether names and passwords may be UTF-8',
      check: async (exam) => {
        const words = await exam.announced('UTF8')
        return words.length === 0 || words.join(' ').toUpperCase() === 'USER'
          ? holds(words.join(' '))
          : fails(words.join(' '))
      },
    },
    {
      id: 'utf8-no-argument',
      section: 'RFC 6856 §2.1',
      level: 'must',
      holds: 'UTF8 with an argument is answered by -ERR.',
      means: 'a client believes that the argument was understood',
      check: async (exam) => {
        await exam.announced('UTF8')
        const probe = await exam.connect()
        probe.unicode = true
        return refused(await probe.ask('UTF8 USER'), 'UTF8 USER')
      },
    },
    {
      id: 'utf8-before-log-in',
      section: 'RFC 6856 §2',
      level: 'must',
      holds: 'UTF8 after the log-in is answered by -ERR.',
      means: 'sizes and messages change in the middle of a session',
      check: async (exam) => {
        await exam.announced('UTF8')
        return refused(await (await exam.shared()).ask('UTF8'), 'UTF8')
      },
    },
    {
      id: 'utf8-octets',
      section: 'RFC 6856 §2.1',
      level: 'should',
      holds: 'After UTF8, too, a message has as many octets as LIST says.',
      means: 'a client believes that the download was cut off',
      check: async (exam) => {
        const probe = await unicodeSession(exam)
        const { lines } = readListing((await probe.askLines('LIST')).body)
        const faults: string[] = []
        const chosen = new Set((await exam.sampleNumbers()).slice(0, exam.destructive ? 60 : 3))
        for (const { number, value } of lines.filter((line) => chosen.has(line.number))) {
          const { octets } = given((await probe.askLines(`RETR ${number}`)).body)
          if (octets.length !== Number(value))
            faults.push(`message ${number}: LIST says ${value}, RETR gives ${octets.length}`)
        }
        await exam.finish(probe)
        return unless(faults, `${chosen.size} messages`)
      },
    },
    {
      id: 'utf8-surrogates',
      section: 'RFC 6856 §2.1',
      level: 'must',
      holds: 'Without UTF8, a message with UTF-8 in its addresses comes with an ASCII header instead, or is refused.',
      means: 'an old client shows, or answers to, what it cannot read',
      check: async (exam) => await surrogates(exam, 'addressed'),
    },
    {
      id: 'utf8-elsewhere',
      section: 'RFC 6856 §2.1',
      level: 'informative',
      holds: 'The same of a message with UTF-8 in other fields only, such as Subject.',
      means: 'clients must guess, as they always had to; what was signed stays as it was signed',
      check: async (exam) => await surrogates(exam, 'elsewhere'),
    },
    {
      id: 'utf8-surrogate-octets',
      section: 'RFC 6856 §2.1',
      level: 'should',
      holds: 'Such a message has as many octets as LIST says without UTF8, or is refused with [UTF8].',
      means: 'a client believes that the download was cut off, or does not know that it should ask for UTF8',
      check: async (exam) => {
        const numbers = await international(exam, 'addressed')
        const { lines } = await exam.list()
        const faults: string[] = []
        for (const number of numbers) {
          const { reply, body } = await (await exam.shared()).askLines(`RETR ${number}`)
          const said = Number(lines.find((line) => line.number === number)?.value)
          const got = given(body).octets.length
          if (reply.status === '+OK' && got !== said)
            faults.push(`message ${number}: LIST says ${said}, RETR gives ${got}`)
          if (reply.status !== '+OK' && reply.code !== 'UTF8') faults.push(`message ${number}: ${quoted(reply.line)}`)
        }
        return unless(faults, `${numbers.length} messages`)
      },
    },
    {
      id: 'utf8-then-stls',
      section: 'RFC 6856 §2.1',
      level: 'informative',
      holds: 'STLS after UTF8 is answered by -ERR.',
      means: 'a client must begin TLS first; a server may insist on that',
      check: async (exam) => {
        await exam.announced('UTF8')
        const probe = await exam.connectForStls()
        await unicodeOn(probe)
        return refused(await probe.ask('STLS'), 'STLS')
      },
    },
    {
      id: 'utf8-malformed-name',
      section: 'RFC 6856 §2.2',
      level: 'must',
      destructive: true,
      holds: 'Where UTF8 is announced with USER, a name that is not valid UTF-8 is refused, at USER or at PASS.',
      means: 'one name can be written in many ways, and checks can be passed by',
      check: async (exam) => {
        if (!(await exam.announced('UTF8')).includes('USER')) throw new Untried('UTF8 is not announced with USER')
        const probe = await exam.connect()
        probe.unicode = true
        probe.send(Buffer.from('USER postino\xff\xfe\r\n', 'latin1'))
        const reply = await probe.reply()
        return reply.status === '-ERR' ? holds() : refused(await probe.ask('PASS postino-doctor'), 'PASS')
      },
    },
    {
      id: 'lang-list',
      section: 'RFC 6856 §3.2',
      level: 'must',
      holds: 'LANG lists the languages, each with its tag, and perhaps its name in UTF-8 after one space.',
      means: 'a client cannot offer its user a choice',
      check: async (exam) => {
        const { lines } = await languages(exam)
        const odd = lines.filter((line) => !/^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*( [^\0]+)?$/.test(line) || !isUtf8(line))
        return lines.length === 0 ? fails('none is listed') : unless(odd.map(quoted), lines.map(fromUtf8).join(', '))
      },
    },
    {
      id: 'lang-select',
      section: 'RFC 6856 §3.2',
      level: 'must',
      holds: 'LANG with a tag that is listed is answered by +OK, the tag, and words in UTF-8.',
      means: 'a client does not know which language it gets',
      check: async (exam) => {
        const { tags, probe } = await languages(exam)
        const faults: string[] = []
        for (const tag of tags.slice(0, 20)) {
          const reply = await probe.ask(`LANG ${tag}`)
          const right = reply.status === '+OK' && reply.text.toLowerCase().startsWith(`${tag.toLowerCase()} `)
          if (!right || !isUtf8(reply.line)) faults.push(`LANG ${tag}: ${quoted(reply.line)}`)
        }
        return unless(faults, tags.join(', '))
      },
    },
    {
      id: 'lang-in-any-case',
      section: 'RFC 4647 §2',
      level: 'must',
      holds: 'A tag is understood in any case.',
      means: 'a client that writes it in another case does not get its language',
      check: async (exam) => {
        const { tags, probe } = await languages(exam)
        const other = (tags[0] ?? '').toUpperCase()
        return granted(await probe.ask(`LANG ${other}`), `LANG ${other}`)
      },
    },
    {
      id: 'lang-translates',
      section: 'RFC 6856 §3.2',
      level: 'should',
      holds: 'In another language the same answer has other words.',
      means: 'a user reads answers in a language that is not the one chosen',
      check: async (exam) => {
        const { tags, probe } = await languages(exam)
        if (tags.length < 2) throw new Untried('there is one language only')
        const said = new Set<string>()
        for (const tag of tags.slice(0, 20)) {
          await probe.ask(`LANG ${tag}`)
          said.add((await probe.ask(`LANG ${noLanguage}`)).text)
        }
        return said.size > 1 ? holds() : fails(`always ${quoted([...said][0] ?? '')}`)
      },
    },
    {
      id: 'lang-unknown',
      section: 'RFC 6856 §3.2',
      level: 'must',
      holds: 'LANG with a language that is not there is answered by -ERR, and the one before stays.',
      means: 'a client believes that its language was chosen',
      check: async (exam) => {
        const { tags, probe } = await languages(exam)
        await probe.ask(`LANG ${tags.at(-1)}`)
        const reply = await probe.ask(`LANG ${noLanguage}`)
        if (reply.status !== '-ERR') return fails(quoted(reply.line))
        const again = await probe.ask(`LANG ${noLanguage}`)
        return again.line === reply.line ? holds() : fails(`${quoted(reply.line)}, then ${quoted(again.line)}`)
      },
    },
    {
      id: 'lang-preferred',
      section: 'RFC 6856 §3.2',
      level: 'should',
      holds: 'LANG * chooses the language that the server prefers, and names it.',
      means: 'a client without a wish of its own is refused',
      check: async (exam) => {
        const { tags, probe } = await languages(exam)
        const reply = await probe.ask('LANG *')
        const tag = reply.text.split(' ')[0]?.toLowerCase()
        return reply.status === '+OK' && tags.some((one) => one.toLowerCase() === tag)
          ? holds(tag)
          : fails(quoted(reply.line))
      },
    },
    {
      id: 'lang-after-log-in',
      section: 'RFC 6856 §3',
      level: 'must',
      holds: 'LANG works after the log-in as before it.',
      means: "a client cannot use the language of its user's settings",
      check: async (exam) => {
        const { tags } = await languages(exam)
        const probe = await exam.session()
        probe.unicode = true
        const reply = await probe.ask(`LANG ${tags[0]}`)
        await exam.finish(probe)
        return granted(reply, `LANG ${tags[0]}`)
      },
    },
  ],
}

/** Messages with UTF-8 in their header. Throws Untried where there is none. */
async function international(exam: Examination, where: keyof InternationalMessages): Promise<readonly number[]> {
  await exam.announced('UTF8')
  const numbers = (await internationalMessages(exam))[where]
  const part = where === 'addressed' ? 'in an address field' : 'in other fields only'
  if (numbers.length === 0) throw new Untried(`none of the messages looked at has UTF-8 ${part}`)
  return numbers
}

/** Whether such messages have an ASCII header without UTF8, or are refused. */
async function surrogates(exam: Examination, where: keyof InternationalMessages): Promise<Verdict> {
  const faults: string[] = []
  const numbers = await international(exam, where)
  for (const number of numbers) {
    const { reply, body } = await (await exam.shared()).askLines(`TOP ${number} 0`)
    if (reply.status !== '+OK') continue
    for (const field of fieldsBeyondAscii(headerOf(body)))
      faults.push(`message ${number} has octets beyond ASCII in ${field.split(':')[0]}`)
  }
  return unless(faults, `${numbers.length} messages`)
}

/** What LANG lists, and the connection it was asked on. */
async function languages(exam: Examination) {
  await exam.announced('LANG')
  const probe = await exam.connect()
  probe.unicode = true
  const { reply, body } = await probe.askLines('LANG')
  if (reply.status !== '+OK') throw new Untried(`the languages are not listed: ${quoted(reply.line)}`)
  const lines = textLines(body)
  return { lines, tags: lines.map((line) => line.split(' ')[0] ?? ''), probe }
}
