import { mechanismsOf } from '../capabilities.ts'
import type { Examination } from '../examination.ts'
import { quoted } from '../reply.ts'
import { fails, granted, holds, type Rule, Untried, type Verdict } from '../rule.ts'
import { scram, type ScramOptions, type ScramOutcome } from '../scram.ts'

/** Of the family "Logging in": those about SCRAM-SHA-256 and its channel binding. */
export const scramRules: readonly Rule[] = [
  {
    id: 'auth-scram',
    section: 'RFC 5802 §5',
    level: 'must',
    holds: 'Where SASL SCRAM-SHA-256 is announced, it logs in.',
    means: 'a client that would rather not show its password cannot log in',
    check: async (exam) => scramLogsIn(await byScram(exam, 'SCRAM-SHA-256')),
  },
  {
    id: 'auth-scram-signature',
    section: 'RFC 5802 §5',
    level: 'must',
    holds: 'The server proves by its signature that it knows the keys, before it says +OK.',
    means: 'a client cannot tell the server from somebody who only says yes, and breaks off',
    check: async (exam) => {
      const { reply, signature } = await byScram(exam, 'SCRAM-SHA-256')
      if (signature === undefined) return fails(`it gave none: ${quoted(reply.line)}`)
      return signature ? holds() : fails('it is wrong')
    },
  },
  {
    id: 'auth-scram-nonce',
    section: 'RFC 5802 §5.1',
    level: 'must',
    holds: "The server's nonce is the client's with something added.",
    means: 'a client must take the answer for one that was recorded earlier, and breaks off',
    check: async (exam) => {
      const { nonceExtended } = await byScram(exam, 'SCRAM-SHA-256')
      return nonceExtended === true ? holds() : fails('it is not')
    },
  },
  {
    id: 'auth-scram-iterations',
    section: 'RFC 7677 §4',
    level: 'should',
    holds: 'The keys of SCRAM-SHA-256 are made by at least 4,096 iterations.',
    means: 'passwords can be guessed quickly by who has stolen the keys, and some clients refuse',
    check: async (exam) => {
      const { iterations = 0 } = await byScram(exam, 'SCRAM-SHA-256')
      return iterations >= 4096 ? holds(String(iterations)) : fails(String(iterations))
    },
  },
  {
    id: 'auth-scram-plus-announced',
    section: 'RFC 5802 §6',
    level: 'informative',
    holds: 'Under TLS SCRAM-SHA-256-PLUS is announced beside SCRAM-SHA-256.',
    means: 'without it a client cannot notice somebody who sits in the middle with a certificate that it trusts',
    check: async (exam) => {
      await exam.mechanism('SCRAM-SHA-256')
      if (exam.target.tls === 'none') throw new Untried('there is no TLS on this connection')
      return mechanismsOf(await exam.capabilities()).includes('SCRAM-SHA-256-PLUS') ? holds() : fails('it is not')
    },
  },
  {
    id: 'auth-scram-plus-exporter',
    section: 'RFC 9266 §2',
    level: 'should',
    holds: 'SCRAM-SHA-256-PLUS logs in, bound to TLS 1.3 by tls-exporter.',
    means: 'a client of today that binds its log-in to the connection cannot log in',
    check: async (exam) => scramLogsIn(await byScram(exam, 'SCRAM-SHA-256-PLUS', { binding: 'tls-exporter' })),
  },
  {
    id: 'auth-scram-plus-certificate',
    section: 'RFC 5929 §4',
    level: 'informative',
    holds: "SCRAM-SHA-256-PLUS logs in, bound to the server's certificate by tls-server-end-point.",
    means: 'a client that knows no other binding cannot log in',
    check: async (exam) => scramLogsIn(await byScram(exam, 'SCRAM-SHA-256-PLUS', { binding: 'tls-server-end-point' })),
  },
]

/** Logs in by SCRAM once for all the rules about it. */
async function byScram(exam: Examination, mechanism: string, options: ScramOptions = {}): Promise<ScramOutcome> {
  await exam.mechanism(mechanism)
  return await exam.once(`${mechanism} ${options.binding}`, async () => {
    await exam.release()
    const probe = await exam.connect()
    let outcome: ScramOutcome | undefined
    await exam.logIn(probe, async (on, who) => (outcome = await scram(on, mechanism, who, options)).reply)
    if (outcome === undefined) throw new Untried('no log-in was tried')
    if (outcome.reply.status === '+OK') await exam.finish(probe)
    return outcome
  })
}

function scramLogsIn({ reply }: ScramOutcome): Verdict {
  return granted(reply, 'the log-in')
}
