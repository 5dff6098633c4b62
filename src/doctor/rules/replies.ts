import type { Observed } from '../observed.ts'
import { type Family, holds, type Rule, unless, Untried } from '../rule.ts'

/** Codes that an RFC defines (RFC 2449 §8.1, RFC 3206, RFC 6856 §5); RFC 2449 §8: what follows a "/" may be anything. */
const defined = ['LOGIN-DELAY', 'IN-USE', 'SYS/TEMP', 'SYS/PERM', 'AUTH', 'UTF8']

/** Looked at in every answer of the whole examination: they come last. */
export const replies: Family = {
  name: 'replies',
  title: 'All answers together',
  rules: [
    seen({
      id: 'replies-status',
      section: 'RFC 1939 §3',
      level: 'must',
      holds: 'Every answer begins with +OK or -ERR in upper case (or "+" within AUTH).',
      means: 'a client does not understand the answer',
      faults: ({ oddStatus }) => oddStatus,
    }),
    seen({
      id: 'replies-end-in-crlf',
      section: 'RFC 1939 §3',
      level: 'must',
      holds: 'Every answer ends in CR LF.',
      means: 'a client waits for the end of the line',
      faults: ({ bareLf }) => bareLf,
    }),
    seen({
      id: 'replies-512-octets',
      section: 'RFC 1939 §3',
      level: 'must',
      holds: 'No first line of an answer is longer than 512 octets, CR LF included.',
      means: 'a client takes the rest of the line for the next answer',
      faults: ({ tooLong }) => tooLong,
    }),
    seen({
      id: 'replies-ascii',
      section: 'RFC 2449 §3',
      level: 'must',
      holds: 'Answers are ASCII, unless UTF8 or LANG was asked for.',
      means: 'a client cannot show what the server says',
      faults: ({ notAscii }) => notAscii,
    }),
    seen({
      id: 'codes-form',
      section: 'RFC 2449 §3',
      level: 'must',
      holds: 'An answer whose words begin with "[" begins with a well-formed response code.',
      means: 'a client takes words for a code, or a code for words',
      faults: ({ oddCodes }) => oddCodes,
    }),
    seen({
      id: 'codes-on-refusals',
      section: 'RFC 2449 §8',
      level: 'must',
      holds: 'LOGIN-DELAY, IN-USE, SYS, AUTH and UTF8 come with -ERR, never with +OK.',
      means: 'a client does not know whether it succeeded',
      faults: ({ codesOnOk }) => codesOnOk.filter((one) => /\[(?:LOGIN-DELAY|IN-USE|SYS|AUTH|UTF8)[\]/]/i.test(one)),
    }),
    {
      id: 'codes-announced',
      section: 'RFC 2449 §8',
      level: 'should',
      holds: 'Where response codes are used, RESP-CODES is announced.',
      means: 'a client does not look at them',
      check: async (exam) => {
        const { codes } = exam.observed
        if (codes.size === 0) throw new Untried('no response code was seen')
        const announced = (await exam.capabilities()).all.has('RESP-CODES')
        return unless(
          announced ? [] : [`[${[...codes].join('], [')}], and RESP-CODES is not announced`],
          [...codes].join(', '),
        )
      },
    },
    {
      id: 'codes-defined',
      section: 'RFC 2449 §9',
      level: 'informative',
      holds: 'The response codes used are ones that an RFC defines.',
      means: 'a client ignores the others',
      check: async (exam) => {
        const { codes } = exam.observed
        if (codes.size === 0) throw new Untried('no response code was seen')
        const known = (code: string): boolean => defined.some((one) => code === one || code.startsWith(`${one}/`))
        return unless(
          [...codes].filter((code) => !known(code)).map((code) => `[${code}]`),
          [...codes].join(', '),
        )
      },
    },
  ],
}

/** A rule about what was observed. */
function seen({ faults, ...rule }: Omit<Rule, 'check'> & { faults: (observed: Observed) => readonly string[] }): Rule {
  return {
    ...rule,
    check: async ({ observed }) => {
      const found = faults(observed)
      return found.length === 0 ? holds(`${observed.replies} answers`) : unless(found)
    },
  }
}
