import { askCapabilities } from '../capabilities.ts'
import type { Examination } from '../examination.ts'
import { trustFault } from '../probe-tls.ts'
import type { Probe } from '../probe.ts'
import { quoted } from '../reply.ts'
import { fails, type Family, granted, holds, refused, unless, Untried } from '../rule.ts'

/** How long a certificate should still be valid, days. */
const soonOver = 14

const brokenOff = 'the server breaks off the handshake'

export const tls: Family = {
  name: 'tls',
  title: 'TLS and STLS',
  rules: [
    {
      id: 'tls-certificate',
      section: 'RFC 8314 §3.1',
      level: 'must',
      holds: 'The certificate is valid, for this host, and from somebody who is trusted here.',
      means: 'a client refuses to connect, or asks its user a question that nobody can answer',
      check: async (exam) => {
        const { secured } = await withTls(exam)
        const fault = trustFault(secured, exam.target)
        return fault === undefined ? holds() : fails(fault)
      },
    },
    {
      id: 'tls-certificate-days',
      section: 'RFC 8314 §3.1',
      level: 'informative',
      holds: `The certificate is valid for ${soonOver} days more.`,
      means: 'it must be renewed soon, or clients will refuse to connect',
      check: async (exam) => {
        const { secured } = await withTls(exam)
        const until = secured.getPeerX509Certificate()?.validTo ?? ''
        const left = (Date.parse(until) - Date.now()) / 86_400_000
        return left >= soonOver ? holds(`until ${until}`) : fails(`until ${until}`)
      },
    },
    {
      id: 'tls-1.2',
      section: 'RFC 8314 §4',
      level: 'must',
      holds: 'TLS 1.2 or later is spoken.',
      means: 'a client of today cannot connect',
      check: async (exam) => {
        const { secured } = await withTls(exam)
        const version = secured.getProtocol() ?? 'none'
        return /^TLSv1\.[23]$/.test(version) ? holds(`${version}, ${secured.getCipher().standardName}`) : fails(version)
      },
    },
    {
      id: 'tls-1.3',
      section: 'RFC 9325 §3.1.1',
      level: 'should',
      holds: 'TLS 1.3 is spoken.',
      means: 'each connection takes one more round trip',
      check: async (exam) => {
        const version = (await withTls(exam)).secured.getProtocol() ?? 'none'
        return version === 'TLSv1.3' ? holds() : fails(version)
      },
    },
    {
      id: 'tls-old-refused',
      section: 'RFC 8996 §4',
      level: 'must',
      holds: 'TLS 1.0 and TLS 1.1 are refused.',
      means: 'somebody in between can talk an old client into what is known to be broken',
      check: async (exam) => {
        const probe = await beforeHandshake(exam)
        const old = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT:@SECLEVEL=0' } as const
        return await probe.secure({ more: old }).then(
          (secured) => fails(`${secured.getProtocol()} was agreed upon`),
          () => holds(),
        )
      },
    },
    {
      id: 'tls-alpn',
      section: 'RFC 7301 §3.2',
      level: 'informative',
      holds: 'Offered the protocol "pop3" (ALPN), the server chooses it.',
      means: 'a server that knows no ALPN cannot tell that a client of another protocol was led to it',
      check: async (exam) => {
        const chosen = (await withTls(exam)).secured.alpnProtocol
        return chosen === 'pop3'
          ? holds()
          : fails(typeof chosen === 'string' ? `it chose ${quoted(chosen)}` : 'it chose none')
      },
    },
    {
      id: 'tls-alpn-stranger',
      section: 'RFC 7301 §3.2',
      level: 'must',
      holds: 'A server that knows ALPN refuses a client that offers only other protocols.',
      means: "a browser's request that was led astray is read as POP3",
      check: async (exam) => {
        if ((await withTls(exam)).secured.alpnProtocol !== 'pop3') throw new Untried('the server knows no ALPN')
        const probe = await beforeHandshake(exam)
        return await probe.secure({ alpn: ['http/1.1'] }).then(
          (secured) => fails(`the handshake succeeded${secured.alpnProtocol === 'http/1.1' ? ', with http/1.1' : ''}`),
          () => holds(),
        )
      },
    },
    {
      id: 'tls-resumption',
      section: 'RFC 8446 §2.2',
      level: 'informative',
      holds: 'A TLS session can be taken up again.',
      means: 'where it can, the next connection costs both sides less',
      check: async (exam) => {
        const { probe } = await withTls(exam)
        await probe.ask('NOOP')
        const { session } = probe
        if (session === undefined) return fails('the server gave no session')
        const again = await (await beforeHandshake(exam)).secure({ more: { session }, ...trusting(exam) })
        return again.isSessionReused() ? holds() : fails('a new session was begun')
      },
    },
    {
      id: 'stls-announced',
      section: 'RFC 8314 §4',
      level: 'should',
      holds: 'A port in the clear announces STLS.',
      means: 'a client has no way to hide the password and the mail',
      check: async (exam) => {
        if (exam.target.tls === 'implicit') throw new Untried('TLS is active from the start here')
        const { all } = await askCapabilities(await exam.connectRaw())
        return all.has('STLS') ? holds() : fails('STLS is not announced')
      },
    },
    {
      id: 'stls',
      section: 'RFC 2595 §4',
      level: 'must',
      holds: 'Where STLS is announced, it is answered by +OK, and TLS begins.',
      means: 'a client that insists on TLS cannot connect',
      check: async (exam) => {
        const probe = await exam.connectForStls()
        const reply = await probe.ask('STLS')
        if (reply.status !== '+OK') return granted(reply, 'STLS')
        await exam.secure(probe)
        return granted((await askCapabilities(probe)).reply, 'CAPA')
      },
    },
    {
      id: 'stls-injected-lines',
      section: 'RFC 2595 §4',
      level: 'must',
      holds: 'Whole lines that came in the clear behind STLS are thrown away.',
      means: 'somebody in between can put commands into a session that is believed to be protected (CVE-2011-0411)',
      check: async (exam) => {
        const probe = await afterInjection(exam, 'STLS\r\nNOOP\r\nXPST\r\n')
        if (probe === undefined) return holds(brokenOff)
        if (!(await probe.quiet(500))) return fails('an answer to what came before TLS, or the connection ended')
        return granted(await probe.ask('QUIT'), 'QUIT')
      },
    },
    {
      id: 'stls-injected-half-line',
      section: 'RFC 2595 §4',
      level: 'must',
      holds: 'Half a line that came in the clear behind STLS is thrown away.',
      means: "somebody in between can change a client's first command",
      check: async (exam) => {
        // Were the half line kept, the first command would be "XPSTQUIT".
        const probe = await afterInjection(exam, 'STLS\r\nXPST')
        if (probe === undefined) return holds(brokenOff)
        return granted(await probe.ask('QUIT'), 'QUIT')
      },
    },
    {
      id: 'stls-forgets-user',
      section: 'RFC 2595 §4',
      level: 'must',
      holds: 'A USER that came before STLS does not count after it.',
      means: 'somebody in between can choose whose maildrop a client opens',
      check: async (exam) => {
        const probe = await exam.connectForStls()
        const { credentials } = exam.target
        if (credentials === undefined) throw new Untried('no login was given')
        const user = await probe.ask(`USER ${credentials.login}`)
        if (user.status !== '+OK') throw new Untried(`USER is refused in the clear: ${quoted(user.line)}`)
        await exam.startTls(probe)
        const { password } = exam.login(probe)
        return refused(await probe.ask(`PASS ${password}`), 'PASS')
      },
    },
    {
      id: 'stls-once',
      section: 'RFC 2595 §4',
      level: 'should',
      holds: 'STLS under TLS is answered by -ERR, and the session goes on.',
      means: 'a client that asks twice loses its connection',
      check: async (exam) => {
        const { probe } = await withTls(exam)
        const reply = await probe.ask('STLS')
        if (reply.status !== '-ERR') return fails(quoted(reply.line))
        return granted(await probe.ask('QUIT'), 'QUIT')
      },
    },
    {
      id: 'stls-not-announced-under-tls',
      section: 'RFC 2595 §4',
      level: 'must',
      holds: 'STLS is not announced where TLS is active.',
      means: 'a client begins TLS within TLS, and fails',
      check: async (exam) => {
        const { lines, all } = await askCapabilities((await withTls(exam)).probe)
        return all.has('STLS') ? fails(lines.join(', ')) : holds()
      },
    },
    {
      id: 'stls-not-after-log-in',
      section: 'RFC 2595 §4',
      level: 'must',
      holds: 'After the log-in STLS is neither announced nor granted.',
      means: 'a client cannot tell which of its commands were protected',
      check: async (exam) => {
        const probe = await exam.shared()
        const faults: string[] = []
        if ((await exam.capabilitiesAfter()).all.has('STLS')) faults.push('STLS is announced')
        const reply = await probe.ask('STLS')
        if (reply.status !== '-ERR') faults.push(`STLS: ${quoted(reply.line)}`)
        if (reply.status === '+OK') probe.drop() // it waits for a handshake
        return unless(faults)
      },
    },
  ],
}

/** A greeted connection under TLS, and the TLS. */
async function withTls(exam: Examination) {
  const probe = await exam.connectTls()
  if (probe.tls === undefined) throw new Untried('there is no TLS on this connection')
  return { probe, secured: probe.tls }
}

/** A connection whose next octets are a TLS handshake. */
async function beforeHandshake(exam: Examination): Promise<Probe> {
  if (exam.target.tls === 'implicit') return await exam.connectBare()
  const probe = await exam.connectForStls()
  const reply = await probe.ask('STLS')
  if (reply.status !== '+OK') throw new Untried(`STLS was refused: ${quoted(reply.line)}`)
  return probe
}

/** TLS after STLS with something behind it in the same packet; undefined where the server breaks off the handshake of such a client. */
async function afterInjection(exam: Examination, packet: string): Promise<Probe | undefined> {
  const probe = await exam.connectForStls()
  probe.send(packet)
  const reply = await probe.reply()
  if (reply.status !== '+OK') throw new Untried(`STLS with something behind it was refused: ${quoted(reply.line)}`)
  const secured = await exam.secure(probe).catch(() => undefined)
  return secured && probe
}

function trusting(exam: Examination): { certificate?: string } {
  const { certificate } = exam.target
  return certificate === undefined ? {} : { certificate }
}
