import type { Examination } from '../examination.ts'
import { base64, type Login, plainResponse, userPass } from '../log-in.ts'
import type { Probe } from '../probe.ts'
import { quoted, type Reply } from '../reply.ts'
import { fails, type Family, granted, holds, refused, unless, Untried, type Verdict } from '../rule.ts'
import { scram } from '../scram.ts'

/** A name that nobody has. */
const nobody = 'postino-doctor-nobody'
const wrong = 'postino-doctor-wrong'
/** How long the answer to a wrong password may take: servers slow down who guesses, milliseconds. */
const slowed = 60_000

export const refusals: Family = {
  name: 'refusals',
  title: 'Log-ins that must fail',
  rules: [
    {
      id: 'wrong-password',
      section: 'RFC 1939 §7',
      level: 'must',
      destructive: true,
      holds: 'A wrong password is answered by -ERR, and the session is not begun.',
      means: 'anybody can read this mail',
      check: async (exam) => {
        const { reply, stat } = await wrongPassword(exam)
        if (reply.status !== '-ERR') return fails(quoted(reply.line))
        return stat === undefined ? holds() : refused(stat, 'STAT after it')
      },
    },
    {
      id: 'wrong-password-code',
      section: 'RFC 3206 §6',
      level: 'must',
      destructive: true,
      holds: 'Where AUTH-RESP-CODE is announced, the refusal of a wrong password begins with [AUTH].',
      means: 'a client does not know whether to ask its user for another password or to try again later',
      check: async (exam) => {
        await exam.announced('AUTH-RESP-CODE')
        const { reply } = await wrongPassword(exam)
        return reply.code === 'AUTH' ? holds() : fails(quoted(reply.line))
      },
    },
    {
      id: 'unknown-user-alike',
      section: 'RFC 1939 §13',
      level: 'should',
      destructive: true,
      holds: 'An unknown user is refused in the same words as a wrong password.',
      means: 'anybody can find out who has mail here',
      check: async (exam) => {
        const { reply: known } = await wrongPassword(exam)
        const unknown = await userPass(await guessing(exam), { login: nobody, password: wrong })
        return known.line === unknown.line ? holds() : fails(`${quoted(known.line)}, unknown: ${quoted(unknown.line)}`)
      },
    },
    {
      id: 'auth-wrong-password',
      section: 'RFC 5034 §4',
      level: 'must',
      destructive: true,
      holds: 'AUTH PLAIN with a wrong password is answered by -ERR.',
      means: 'anybody can read this mail',
      check: async (exam) => await plainRefused(exam, (who) => plainResponse({ ...who, password: wrong })),
    },
    {
      id: 'auth-other-identity',
      section: 'RFC 4616 §2',
      level: 'must',
      destructive: true,
      holds: 'AUTH PLAIN for an identity that this login may not act for is answered by -ERR.',
      means: "anybody with a password can read somebody else's mail",
      check: async (exam) => await plainRefused(exam, (who) => plainResponse(who, nobody)),
    },
    {
      id: 'auth-bad-base64',
      section: 'RFC 5034 §4',
      level: 'must',
      destructive: true,
      holds: 'A response that is not base64 is answered by -ERR, and commands are then read again.',
      means: 'what one part of the server reads is not what another part reads',
      check: async (exam) => await plainRefused(exam, () => '!!not base64!!'),
    },
    {
      id: 'auth-padding-inside',
      section: 'RFC 5034 §4',
      level: 'must',
      destructive: true,
      holds: 'Base64 with "=" anywhere but at its end is answered by -ERR.',
      means: 'what one part of the server reads is not what another part reads',
      check: async (exam) => {
        const first = await plainRefused(exam, (who) => `=${plainResponse(who)}`)
        return first.result === 'holds' ? await plainRefused(exam, (who) => `${plainResponse(who)}=AAA`) : first
      },
    },
    {
      id: 'auth-empty-response',
      section: 'RFC 5034 §4',
      level: 'must',
      destructive: true,
      holds: 'The initial response "=" is an empty one, and PLAIN refuses that.',
      means: 'a client waits for an answer while the server waits for a response',
      check: async (exam) => {
        await exam.mechanism('PLAIN')
        return refused(await (await guessing(exam)).ask('AUTH PLAIN ='), 'AUTH PLAIN =')
      },
    },
    {
      id: 'auth-missing-parts',
      section: 'RFC 4616 §2',
      level: 'must',
      destructive: true,
      holds: 'A response of PLAIN without its two NULs, or without a name, is answered by -ERR.',
      means: 'what one part of the server reads is not what another part reads',
      check: async (exam) => {
        const first = await plainRefused(exam, ({ login }) => base64(login))
        return first.result === 'holds' ? await plainRefused(exam, () => base64('\0\0')) : first
      },
    },
    {
      id: 'auth-long-response',
      section: 'RFC 5034 §4',
      level: 'must',
      destructive: true,
      holds: 'A response of PLAIN with names and a password of 255 octets each is read whole and answered.',
      means: 'a client with a long password cannot log in',
      check: async (exam) => {
        const long = 'x'.repeat(255)
        return await plainRefused(exam, () => plainResponse({ login: long, password: long }, long))
      },
    },
    {
      id: 'auth-no-initial-response',
      section: 'RFC 5034 §4',
      level: 'must',
      destructive: true,
      holds: 'An initial response is refused for a mechanism in which the server speaks first (CRAM-MD5).',
      means: 'a client takes the exchange for one step further than it is',
      check: async (exam) => {
        await exam.mechanism('CRAM-MD5')
        const probe = await guessing(exam)
        return refused(await probe.ask(`AUTH CRAM-MD5 ${base64('postino')}`), 'AUTH CRAM-MD5 with a response')
      },
    },
    {
      id: 'auth-again-after-failure',
      section: 'RFC 5034 §4',
      level: 'must',
      destructive: true,
      holds: 'After a refused AUTH the right one logs in on the same connection, unless the server has ended it.',
      means: 'a client whose user mistyped must begin anew',
      check: async (exam) => {
        await exam.mechanism('PLAIN')
        await exam.release()
        const probe = await guessing(exam)
        await probe.ask(`AUTH PLAIN ${plainResponse({ ...exam.login(probe), password: wrong })}`)
        if (probe.over) return holds('the connection ended')
        const reply = await exam.logIn(probe)
        if (reply.status === '+OK') await exam.finish(probe)
        return granted(reply, 'the right one')
      },
    },
    {
      id: 'apop-wrong-digest',
      section: 'RFC 1939 §7',
      level: 'must',
      destructive: true,
      holds: 'APOP with a wrong digest is answered by -ERR.',
      means: 'anybody can read this mail',
      check: async (exam) => {
        const probe = await guessing(exam)
        if (!/<[^>]+>/.test(probe.greeting?.line ?? ''))
          throw new Untried('the greeting has no timestamp: there is no APOP')
        const { login } = exam.login(probe)
        return refused(await probe.ask(`APOP ${login} ${'0'.repeat(32)}`), 'APOP')
      },
    },
    {
      id: 'scram-wrong-password',
      section: 'RFC 5802 §5',
      level: 'must',
      destructive: true,
      holds: 'SCRAM-SHA-256 with a wrong password is refused, and the server does not prove anything.',
      means: 'anybody can read this mail, or pass for the server',
      check: async (exam) => {
        await exam.mechanism('SCRAM-SHA-256')
        const probe = await guessing(exam)
        const { login } = exam.login(probe)
        const { reply, signature } = await scram(probe, 'SCRAM-SHA-256', { login, password: wrong })
        return signature === true ? fails('it gave a right signature') : refused(reply, 'the log-in')
      },
    },
    {
      id: 'scram-unknown-user',
      section: 'RFC 5802 §9',
      level: 'should',
      destructive: true,
      holds: 'SCRAM-SHA-256 of an unknown user goes as far as that of a known one, each time with the same salt.',
      means: 'anybody can find out who has mail here',
      check: async (exam) => {
        await exam.mechanism('SCRAM-SHA-256')
        const salts: (string | undefined)[] = []
        for (let time = 0; time < 2; time++) {
          const outcome = await scram(await guessing(exam), 'SCRAM-SHA-256', { login: nobody, password: wrong })
          if (outcome.nonceExtended !== true) return fails(`refused at once: ${quoted(outcome.reply.line)}`)
          salts.push(outcome.salt)
        }
        return salts[0] === salts[1] ? holds() : fails('the salt is another one each time')
      },
    },
    {
      id: 'scram-downgrade',
      section: 'RFC 5802 §6',
      level: 'must',
      destructive: true,
      holds: 'Where -PLUS is announced, a client that says it was not ("y") is refused.',
      means: 'somebody in between can take -PLUS out of the list without anybody noticing',
      check: async (exam) => {
        await exam.mechanism('SCRAM-SHA-256-PLUS')
        await exam.release()
        const probe = await guessing(exam)
        const { reply } = await scram(probe, 'SCRAM-SHA-256', exam.login(probe), { binding: 'y' })
        if (reply.status === '+OK') await exam.finish(probe)
        return refused(reply, 'the log-in')
      },
    },
    {
      id: 'oauth-bad-token',
      section: 'RFC 7628 §3.2.2',
      level: 'must',
      destructive: true,
      holds:
        'OAUTHBEARER with a bad token is answered by a challenge with a status in JSON, and by -ERR after the response to that.',
      means: 'a client does not know that it needs a new token',
      check: async (exam) => {
        await exam.mechanism('OAUTHBEARER')
        const probe = await guessing(exam)
        const { login } = exam.login(probe)
        const said = `n,a=${login},\x01auth=Bearer postino-doctor\x01\x01`
        const challenge = await probe.ask(`AUTH OAUTHBEARER ${base64(said)}`)
        if (challenge.status !== '+') return fails(quoted(challenge.line))
        const text = Buffer.from(challenge.text, 'base64').toString()
        const faults = /^\{.*"status"\s*:\s*"[^"]+".*\}$/s.test(text) ? [] : [quoted(text)]
        const reply = await probe.ask('AQ==')
        return unless(reply.status === '-ERR' ? faults : [...faults, quoted(reply.line)])
      },
    },
    {
      id: 'log-in-after-refusals',
      section: 'RFC 1939 §4',
      level: 'must',
      destructive: true,
      holds: 'After all these refusals the right password still logs in, if perhaps slowly.',
      means: 'anybody can lock a user out by guessing',
      check: async (exam) => {
        await exam.release()
        const probe = await guessing(exam)
        const reply = await exam.logIn(probe)
        if (reply.status === '+OK') await exam.finish(probe)
        return granted(reply, 'the log-in')
      },
    },
  ],
}

/** A connection on which an answer may take long. */
async function guessing(exam: Examination): Promise<Probe> {
  const probe = await exam.connect()
  probe.patience = Math.max(probe.patience, slowed)
  return probe
}

/** One wrong password by USER and PASS, and what STAT says then; several rules look at it. */
function wrongPassword(exam: Examination): Promise<{ reply: Reply; stat: Reply | undefined }> {
  return exam.once('wrong password', async () => {
    const probe = await guessing(exam)
    const reply = await userPass(probe, { ...exam.login(probe), password: wrong })
    return { reply, stat: await probe.ask('STAT').catch(() => undefined) }
  })
}

/** AUTH PLAIN with a response, on a line of its own, that must be refused; then QUIT, unless the server has ended the connection. */
async function plainRefused(exam: Examination, response: (who: Login) => string): Promise<Verdict> {
  await exam.mechanism('PLAIN')
  const probe = await guessing(exam)
  const challenge = await probe.ask('AUTH PLAIN')
  if (challenge.status !== '+') throw new Untried(`AUTH PLAIN: ${quoted(challenge.line)}`)
  const reply = await probe.ask(response(exam.login(probe)))
  if (reply.status !== '-ERR') return fails(quoted(reply.line))
  const after = await probe.ask('QUIT').catch(() => undefined)
  return after === undefined ? holds('the connection ended') : granted(after, 'QUIT after it')
}
