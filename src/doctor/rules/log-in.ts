import { mechanismsOf } from '../capabilities.ts'
import type { Examination } from '../examination.ts'
import { apop, authLogin, authPlain, authPlainInTwoSteps, userPass, type WayIn } from '../log-in.ts'
import { quoted } from '../reply.ts'
import { fails, type Family, granted, holds, refused, unless, Untried, type Verdict } from '../rule.ts'
import { scramRules } from './log-in-scram.ts'

/** Mechanisms that show the password to who listens in. */
const clearMechanisms = ['PLAIN', 'LOGIN']

export const logIn: Family = {
  name: 'log-in',
  title: 'Logging in',
  rules: [
    {
      id: 'log-in',
      section: 'RFC 1939 §4',
      level: 'must',
      holds: 'The login and the password that were given are accepted.',
      means: 'this user cannot fetch mail from here',
      check: async (exam) => {
        await exam.shared().catch((error: unknown) => {
          if (exam.refusal === undefined) throw error
        })
        return exam.refusal === undefined ? holds() : fails(exam.refusal)
      },
    },
    {
      id: 'user-pass',
      section: 'RFC 1939 §7',
      level: 'must',
      holds: 'Where USER is announced, USER and PASS log in.',
      means: 'the simplest of clients cannot log in',
      check: async (exam) => {
        const { all } = await exam.capabilities()
        if (all.size > 0 && !all.has('USER')) throw new Untried('USER is not announced')
        return await logsIn(exam, userPass)
      },
    },
    {
      id: 'auth-plain',
      section: 'RFC 5034 §4',
      level: 'must',
      holds: 'Where SASL PLAIN is announced, AUTH PLAIN with an initial response logs in.',
      means: 'a client that saves the round trip cannot log in',
      check: async (exam) => {
        await exam.mechanism('PLAIN')
        return await logsIn(exam, authPlain)
      },
    },
    {
      id: 'auth-plain-two-steps',
      section: 'RFC 5034 §4',
      level: 'must',
      holds:
        'AUTH PLAIN without an initial response is answered by an empty challenge, and the response to that logs in.',
      means: 'a client with a long password, or one made before RFC 5034, cannot log in',
      check: async (exam) => {
        await exam.mechanism('PLAIN')
        return await logsIn(exam, authPlainInTwoSteps)
      },
    },
    {
      id: 'auth-empty-challenge',
      section: 'RFC 5034 §4',
      level: 'must',
      holds: 'The empty challenge is "+", one space, and nothing else.',
      means: 'a client takes the rest for a challenge in base64 that it cannot read',
      check: async (exam) => {
        await exam.mechanism('PLAIN')
        const { line } = await (await exam.connect()).ask('AUTH PLAIN')
        return line === '+ ' ? holds() : fails(quoted(line))
      },
    },
    {
      id: 'auth-cancel',
      section: 'RFC 5034 §4',
      level: 'must',
      holds: 'A SASL exchange that the client cancels with "*" is answered by -ERR, and commands are then read again.',
      means: 'a client that cannot go on with one mechanism cannot try another',
      check: async (exam) => {
        const name = await firstMechanism(exam)
        const probe = await exam.connect()
        await probe.ask(`AUTH ${name}`)
        const reply = await probe.ask('*')
        if (reply.status !== '-ERR') return fails(`*: ${quoted(reply.line)}`)
        return granted(await probe.ask('QUIT'), 'QUIT')
      },
    },
    {
      id: 'auth-unknown-mechanism',
      section: 'RFC 5034 §4',
      level: 'must',
      holds: 'AUTH with a mechanism that the server has not is answered by -ERR.',
      means: 'a client waits for a challenge that never comes',
      check: async (exam) => {
        const probe = await exam.connect()
        const reply = await probe.ask('AUTH X-POSTINO-NONE')
        if (reply.status !== '-ERR') return fails(quoted(reply.line))
        return granted(await probe.ask('QUIT'), 'QUIT')
      },
    },
    {
      id: 'auth-in-any-case',
      section: 'RFC 5034 §5',
      level: 'must',
      holds: "A mechanism's name is understood in lower case.",
      means: 'a client that writes it so cannot log in',
      check: async (exam) => {
        const name = (await firstMechanism(exam)).toLowerCase()
        const reply = await (await exam.connect()).ask(`auth ${name}`)
        return reply.status === '+' ? holds() : fails(`auth ${name}: ${quoted(reply.line)}`)
      },
    },
    {
      id: 'auth-announced-begin',
      section: 'RFC 2449 §6.3',
      level: 'must',
      holds: 'Each SASL mechanism that is announced can be begun.',
      means: 'a client that prefers it fails, though another one would have worked',
      check: async (exam) => {
        await exam.announced('SASL')
        const faults: string[] = []
        // RFC 4422 appendix A: EXTERNAL wants a client certificate, and there is none.
        for (const name of mechanismsOf(await exam.capabilities()).filter((one) => one !== 'EXTERNAL')) {
          const reply = await (await exam.connect()).ask(`AUTH ${name}`)
          if (reply.status !== '+') faults.push(`AUTH ${name}: ${quoted(reply.line)}`)
        }
        return unless(faults)
      },
    },
    {
      id: 'auth-list',
      section: 'RFC 5034 §4',
      level: 'informative',
      holds: 'AUTH without a mechanism is answered by -ERR, or by a list of the mechanisms as old clients expect it.',
      means: 'old clients find the mechanisms only by such a list',
      check: async (exam) => {
        const probe = await exam.connect()
        const { reply, body } = await probe.askLines('AUTH')
        if (reply.status === '-ERR') return holds('-ERR')
        if (reply.status !== '+OK') return fails(quoted(reply.line))
        return holds(body.toString('latin1').trim().replaceAll('\r\n', ', '))
      },
    },
    {
      id: 'auth-only-once',
      section: 'RFC 5034 §4',
      level: 'must',
      holds: 'AUTH after the log-in is answered by -ERR.',
      means: 'a session could change hands half-way',
      check: async (exam) => refused(await (await exam.shared()).ask('AUTH PLAIN'), 'AUTH PLAIN'),
    },
    {
      id: 'auth-plain-over-tls',
      section: 'RFC 5034 §4',
      level: 'should',
      holds: 'SASL PLAIN is announced under TLS.',
      means: 'a client has no mechanism that every server and client can agree upon',
      check: async (exam) => {
        if (exam.target.tls === 'none') throw new Untried('there is no TLS on this connection')
        await exam.announced('SASL')
        await exam.mechanism('PLAIN').catch(() => undefined)
        return mechanismsOf(await exam.capabilities()).includes('PLAIN') ? holds() : fails('it is not announced')
      },
    },
    {
      id: 'auth-no-clear-password',
      section: 'RFC 5034 §4',
      level: 'should',
      holds: 'In the clear, beyond this machine, neither USER nor SASL PLAIN or LOGIN is offered.',
      means: 'a client may send its password for everybody to read',
      check: async (exam) => {
        if (exam.target.tls !== 'none') throw new Untried('the examination is under TLS')
        if (/^(?:localhost|127\.\d+\.\d+\.\d+|::1)$/i.test(exam.target.host))
          throw new Untried('on this machine itself nobody can listen in')
        const capabilities = await exam.capabilities()
        const offered = mechanismsOf(capabilities).filter((name) => clearMechanisms.includes(name))
        if (capabilities.all.has('USER')) offered.push('USER')
        return unless(offered.map((name) => `${name} is offered`))
      },
    },
    {
      id: 'auth-login',
      section: 'RFC 2449 §6.3',
      level: 'must',
      holds: 'Where SASL LOGIN is announced, it logs in.',
      means: 'an old client that knows nothing else cannot log in',
      check: async (exam) => {
        await exam.mechanism('LOGIN')
        return await logsIn(exam, authLogin)
      },
    },
    {
      id: 'apop',
      section: 'RFC 1939 §7',
      level: 'informative',
      destructive: true,
      holds: 'Where the greeting has a timestamp, APOP logs in.',
      means: 'APOP needs a secret that the server can read, which not every user has',
      check: async (exam) => {
        const { greeting } = await exam.connectRaw()
        if (!/<[^>]+>/.test(greeting?.line ?? '')) throw new Untried('the greeting has no timestamp: there is no APOP')
        return await logsIn(exam, apop)
      },
    },
    ...scramRules,
  ],
}

/** A mechanism that can be begun and cancelled. */
async function firstMechanism(exam: Examination): Promise<string> {
  await exam.announced('SASL')
  const all = mechanismsOf(await exam.capabilities())
  const name = all.find((one) => one === 'PLAIN') ?? all.find((one) => one !== 'EXTERNAL')
  if (name === undefined) throw new Untried('no SASL mechanism is announced')
  return name
}

async function logsIn(exam: Examination, way: WayIn): Promise<Verdict> {
  await exam.release()
  const probe = await exam.connect()
  const reply = await exam.logIn(probe, way)
  if (reply.status !== '+OK') return fails(quoted(reply.line))
  const stat = await probe.ask('STAT')
  await exam.finish(probe)
  return granted(stat, 'STAT after it')
}
