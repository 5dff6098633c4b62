import { askCapabilities, mechanismsOf } from '../capabilities.ts'
import type { Examination } from '../examination.ts'
import { quoted } from '../reply.ts'
import { fails, type Family, granted, holds, unless, Untried } from '../rule.ts'

export const capabilities: Family = {
  name: 'capabilities',
  title: 'Capabilities (CAPA)',
  rules: [
    {
      id: 'capa',
      section: 'RFC 2449 §5',
      level: 'should',
      holds: 'CAPA is answered with a list of what the server can do.',
      means: 'a client must try each extension to know whether it is there',
      check: async (exam) => {
        const { reply, lines } = await exam.capabilities()
        return reply.status === '+OK' ? holds(lines.join(', ')) : fails(quoted(reply.line))
      },
    },
    {
      id: 'capa-form',
      section: 'RFC 2449 §3',
      level: 'must',
      holds:
        'Each line of CAPA is a name and arguments in printable ASCII, one space between them, at most 512 octets in all.',
      means: 'a client may not recognise a capability that is there',
      check: async (exam) => {
        const lines = [...(await announcing(exam)), ...(exam.target.credentials ? await announcingAfter(exam) : [])]
        const odd = lines.filter((line) => !/^[!--/-~]+( [!-~]+)*$/.test(line) || line.length > 510)
        return unless(odd.map((line) => quoted(line)))
      },
    },
    {
      id: 'capa-again',
      section: 'RFC 2449 §5',
      level: 'should',
      holds: 'CAPA says the same when it is asked again in the same state.',
      means: 'a client cannot rely on what it was told',
      check: async (exam) => {
        await announcing(exam)
        const probe = await exam.connect()
        const [one, two] = [await askCapabilities(probe), await askCapabilities(probe)]
        return one.lines.toSorted().join('\n') === two.lines.toSorted().join('\n')
          ? holds()
          : fails(two.lines.join(', '))
      },
    },
    {
      id: 'capa-after-log-in',
      section: 'RFC 2449 §5',
      level: 'must',
      holds: 'CAPA is answered after the log-in too.',
      means: 'a client does not learn the limits that hold for this user',
      check: async (exam) => {
        await announcing(exam)
        return granted((await exam.capabilitiesAfter()).reply, 'CAPA')
      },
    },
    {
      id: 'capa-stays',
      section: 'RFC 2449 §5',
      level: 'must',
      holds:
        'What is announced before the log-in is announced after it (STLS, and SASL, which has a rule of its own, aside).',
      means: 'a client that asks after the log-in takes what is there for missing',
      check: async (exam) => {
        await announcing(exam)
        const { all } = await exam.capabilities()
        const after = (await exam.capabilitiesAfter()).all
        const gone = [...all.keys()].filter((name) => !after.has(name) && name !== 'STLS' && name !== 'SASL')
        return unless(gone.map((name) => `${name} is gone`))
      },
    },
    {
      id: 'capa-sasl-stays',
      section: 'RFC 5034 §3',
      level: 'must',
      holds: 'SASL is announced after the log-in as before it.',
      means: 'a client that remembers the capabilities of its last session believes that AUTH is gone',
      check: async (exam) => {
        await exam.announced('SASL')
        if (!(await exam.capabilities()).all.has('SASL')) throw new Untried('SASL is announced only after the log-in')
        return (await exam.capabilitiesAfter()).all.has('SASL') ? holds() : fails('SASL is gone after the log-in')
      },
    },
    {
      id: 'capa-some-way-in',
      section: 'RFC 1939 §4',
      level: 'must',
      holds: 'There is some way to log in: USER, SASL, a timestamp for APOP, or STLS to begin with.',
      means: 'a client finds no way in that it may try',
      check: async (exam) => {
        await announcing(exam)
        const answer = await exam.capabilities()
        const ways = ['USER', 'STLS'].filter((name) => answer.all.has(name)).concat(mechanismsOf(answer))
        const stamped = /<[^>]+>/.test((await exam.connectRaw()).greeting?.line ?? '')
        const found = stamped ? [...ways, 'APOP'] : ways
        return found.length > 0 ? holds(found.join(', ')) : fails('none of them is announced')
      },
    },
    {
      id: 'capa-sasl-named',
      section: 'RFC 2449 §6.3',
      level: 'must',
      holds: 'SASL is announced with the mechanisms there are, each a valid name and named once.',
      means: 'a client does not know which mechanism to try',
      check: async (exam) => {
        const words = await exam.announced('SASL')
        if (words.length === 0) return fails('SASL has no argument')
        const odd = words.filter((word) => !/^[A-Z0-9_-]{1,20}$/.test(word)) // RFC 4422 §3.1
        const twice = words.filter((word, index) => words.indexOf(word) !== index)
        return unless([...odd, ...twice].map((word) => quoted(word)))
      },
    },
    {
      id: 'capa-expire-form',
      section: 'RFC 2449 §6.7',
      level: 'must',
      holds: 'EXPIRE is followed by a number of days or NEVER, and before the log-in perhaps by USER.',
      means: 'a client cannot warn its user that mail left on the server will go away',
      check: async (exam) => policyForm(exam, 'EXPIRE', /^(?:NEVER|\d+)$/i),
    },
    {
      id: 'capa-expire-smallest',
      section: 'RFC 2449 §6.7',
      level: 'must',
      holds: 'EXPIRE before the log-in is not more than after it.',
      means: 'a client that asks only once leaves mail on the server for longer than it is kept',
      check: async (exam) => {
        const [before, after] = await policyValues(exam, 'EXPIRE')
        return before <= after ? holds() : fails(`${days(before)} before the log-in, ${days(after)} after it`)
      },
    },
    {
      id: 'capa-login-delay-form',
      section: 'RFC 2449 §6.5',
      level: 'must',
      holds: 'LOGIN-DELAY is followed by a number of seconds, and before the log-in perhaps by USER.',
      means: 'a client cannot know how often it may look for mail',
      check: async (exam) => policyForm(exam, 'LOGIN-DELAY', /^\d+$/),
    },
    {
      id: 'capa-login-delay-largest',
      section: 'RFC 2449 §6.5',
      level: 'must',
      holds: 'LOGIN-DELAY before the log-in is not less than after it.',
      means: 'a client that asks only once logs in too often, and is refused',
      check: async (exam) => {
        const [before, after] = await policyValues(exam, 'LOGIN-DELAY')
        return before >= after ? holds() : fails(`${before} s before the log-in, ${after} s after it`)
      },
    },
    {
      id: 'capa-implementation',
      section: 'RFC 2449 §6.9',
      level: 'informative',
      holds: 'IMPLEMENTATION names the server.',
      means: 'a report about this server can say which one it is',
      check: async (exam) => holds((await exam.announced('IMPLEMENTATION')).join(' ')),
    },
    {
      id: 'capa-top',
      section: 'RFC 2449 §6.1',
      level: 'must',
      holds: 'Where TOP is announced, it works.',
      means: 'a client that shows what is on the server before it downloads shows nothing',
      check: async (exam) => {
        await exam.announced('TOP')
        const number = (await exam.list()).lines[0]?.number
        if (number === undefined) throw new Untried('the maildrop is empty')
        return granted((await (await exam.shared()).askLines(`TOP ${number} 0`)).reply, `TOP ${number} 0`)
      },
    },
    {
      id: 'capa-uidl',
      section: 'RFC 2449 §6.8',
      level: 'must',
      holds: 'Where UIDL is announced, it works.',
      means: 'a client that leaves mail on the server downloads all of it again and again',
      check: async (exam) => {
        await exam.announced('UIDL')
        return granted((await (await exam.shared()).askLines('UIDL')).reply, 'UIDL')
      },
    },
    {
      id: 'capa-nothing-hidden',
      section: 'RFC 2449 §5',
      level: 'informative',
      holds: 'TOP and UIDL do not work where they are not announced.',
      means: 'a client that asks CAPA first does without them, though they are there',
      check: async (exam) => {
        const { all } = await exam.capabilitiesAfter()
        const probe = await exam.shared()
        const hidden: string[] = []
        for (const command of ['TOP 1 0', 'UIDL']) {
          if (all.has(command.split(' ')[0] ?? '')) continue
          if ((await probe.askLines(command)).reply.status === '+OK') hidden.push(`${command} works unannounced`)
        }
        return unless(hidden)
      },
    },
  ],
}

async function announcing(exam: Examination): Promise<readonly string[]> {
  const { reply, lines } = await exam.capabilities()
  if (reply.status !== '+OK') throw new Untried('the server has no CAPA')
  return lines
}

async function announcingAfter(exam: Examination): Promise<readonly string[]> {
  return await exam.capabilitiesAfter().then(
    ({ lines }) => lines,
    () => [],
  )
}

/** EXPIRE or LOGIN-DELAY: one value, and USER only before the log-in. */
async function policyForm(exam: Examination, name: string, value: RegExp) {
  await exam.announced(name)
  const before = (await exam.capabilities()).all.get(name)
  const after = exam.target.credentials && (await exam.capabilitiesAfter().catch(() => undefined))?.all.get(name)
  const good = (words: readonly string[] | undefined, user: boolean): boolean =>
    words === undefined ||
    (value.test(words[0] ?? '') &&
      (words.length === 1 || (user && words.length === 2 && words[1]?.toUpperCase() === 'USER')))
  const faults = [
    ...(good(before, true) ? [] : [`before the log-in: ${name} ${before?.join(' ')}`]),
    ...(good(after, false) ? [] : [`after the log-in: ${name} ${after?.join(' ')}`]),
  ]
  return unless(faults, (after ?? before)?.join(' '))
}

/** The value before the log-in and after it; NEVER is without end. */
async function policyValues(exam: Examination, name: string): Promise<readonly [number, number]> {
  const read = (words: readonly string[] | undefined): number =>
    words?.[0]?.toUpperCase() === 'NEVER' ? Infinity : Number(words?.[0] ?? NaN)
  await exam.announced(name)
  const before = read((await exam.capabilities()).all.get(name))
  const after = read((await exam.capabilitiesAfter()).all.get(name))
  if (Number.isNaN(before) || Number.isNaN(after))
    throw new Untried(`${name} is not announced, with a value, in both states`)
  return [before, after]
}

function days(value: number): string {
  return value === Infinity ? 'NEVER' : `${value} days`
}
