import type { Examination } from '../examination.ts'
import type { Probe } from '../probe.ts'
import { quoted } from '../reply.ts'
import { fails, type Family, granted, holds, unless, Untried, type Verdict } from '../rule.ts'

export const limits: Family = {
  name: 'limits',
  title: 'Limits and bad input',
  rules: [
    {
      id: 'command-255-octets',
      section: 'RFC 2449 §4',
      level: 'must',
      holds: 'A command of 255 octets, CR LF included, is read whole and answered.',
      means: 'a client with a long name or a long password cannot log in',
      check: async (exam) => {
        if ((await exam.capabilities()).reply.status !== '+OK') throw new Untried('the server has no CAPA')
        const probe = await exam.connect()
        const reply = await probe.ask(`USER ${'x'.repeat(248)}`)
        if (reply.status !== '+OK' && reply.status !== '-ERR') return fails(quoted(reply.line))
        return granted(await probe.ask('QUIT'), 'QUIT after it')
      },
    },
    {
      id: 'command-too-long',
      section: 'RFC 2449 §4',
      level: 'should',
      destructive: true,
      holds:
        'A command of 5,000 octets is answered once, by -ERR, or the connection ends; it is not read as several commands.',
      means: 'a client that sends a long line is out of step from there on',
      check: async (exam) => await bearsOrEnds(exam, Buffer.from(`XPST ${'x'.repeat(4993)}\r\n`)),
    },
    {
      id: 'line-without-end',
      section: 'RFC 2449 §4',
      level: 'should',
      destructive: true,
      holds:
        'After 1 MB without the end of a line the server has ended the connection, or goes on as before once the line ends.',
      means: 'anybody can take the memory of the server, and with it the service of everybody',
      check: async (exam) => {
        const probe = await exam.connect()
        for (let sent = 0; sent < 1 << 20 && !probe.over; sent += 16 << 10) {
          probe.send(Buffer.alloc(16 << 10, 'x'))
          await probe.quiet(1)
        }
        if (!probe.over) probe.send(Buffer.from('\r\n'))
        return await aliveAfterwards(exam, probe)
      },
    },
    {
      id: 'nul-in-command',
      section: 'RFC 2449 §3',
      level: 'must',
      destructive: true,
      holds: 'A command with a NUL in it is answered by -ERR, or the connection ends.',
      means: 'what is behind the NUL is checked by one part of the server and not by another',
      check: async (exam) => await bearsOrEnds(exam, Buffer.from('CAPA\0\r\n')),
    },
    {
      id: 'octets-beyond-ascii',
      section: 'RFC 2449 §3',
      level: 'must',
      destructive: true,
      holds: 'A command of octets beyond ASCII is answered by -ERR, or the connection ends.',
      means: 'a client of another protocol, or on a bad line, is taken for one of this',
      check: async (exam) => await bearsOrEnds(exam, Buffer.from('\xc3\xa9\xff\xfe\x80\r\n', 'latin1')),
    },
    {
      id: 'percent-signs',
      section: 'RFC 1939 §3',
      level: 'must',
      destructive: true,
      holds: 'A command full of %s and %n is answered by -ERR, or the connection ends.',
      means: 'anybody can make the server write into its own memory',
      check: async (exam) => await bearsOrEnds(exam, Buffer.from('%s%n%x%s %s%n%p\r\n')),
    },
    {
      id: 'noise',
      section: 'RFC 1939 §3',
      level: 'must',
      destructive: true,
      holds: '64 KiB of noise harm nobody: the server answers the next connection as before.',
      means: 'anybody can stop the service',
      check: async (exam) => {
        const probe = await exam.connect()
        probe.send(noise(64 << 10))
        probe.send(Buffer.from('\r\n'))
        return await aliveAfterwards(exam, probe)
      },
    },
    {
      id: 'http-request',
      section: 'RFC 1939 §3',
      level: 'should',
      destructive: true,
      holds: "A browser's request is not obeyed: its lines are answered by -ERR, or the connection ends.",
      means: "a web page can make its visitor's browser send commands",
      check: async (exam) => {
        const probe = await exam.connect()
        probe.send(Buffer.from('POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\n\r\n'))
        const faults: string[] = []
        for (let line = 0; line < 4; line++) {
          const reply = await probe.reply().catch(() => undefined)
          if (reply === undefined) break
          if (reply.status !== '-ERR') faults.push(quoted(reply.line))
        }
        return unless(faults)
      },
    },
    {
      id: 'bad-commands-borne',
      section: 'RFC 1939 §3',
      level: 'informative',
      destructive: true,
      holds: 'Ten bad commands in a row, before the log-in, do not end the connection.',
      means: 'a client that tries what is there may lose its connection after a few tries',
      check: async (exam) => {
        const probe = await exam.connect()
        for (let tries = 1; tries <= 10; tries++) {
          const reply = await probe.ask('XPST').catch(() => undefined)
          if (reply === undefined) return fails(`the connection ended after ${tries - 1}`)
        }
        return holds()
      },
    },
    {
      id: 'line-feed-alone',
      section: 'RFC 1939 §3',
      level: 'informative',
      destructive: true,
      holds: 'A command that ends in LF alone is read.',
      means: 'a person who tries the server by hand, with netcat, is understood',
      check: async (exam) => {
        const probe = await exam.connect()
        probe.send('QUIT\n')
        const reply = await probe.reply(2000).catch(() => undefined)
        return reply?.status === '+OK' ? holds() : fails(reply === undefined ? 'no answer' : quoted(reply.line))
      },
    },
    {
      id: 'many-connections',
      section: 'RFC 1939 §3',
      level: 'informative',
      destructive: true,
      holds: '20 connections at once are all greeted.',
      means: 'a client that opens many connections at once is refused some of them',
      check: async (exam) => {
        const all = await Promise.allSettled(Array.from({ length: 20 }, () => exam.connect()))
        const greeted = all.filter((one) => one.status === 'fulfilled' && one.value.greeting?.status === '+OK').length
        return greeted === 20 ? holds() : fails(`${greeted} of 20`)
      },
    },
    {
      id: 'gone-in-the-middle',
      section: 'RFC 1939 §6',
      level: 'must',
      destructive: true,
      holds: 'A client that goes away in the middle of a message does no harm: the maildrop can be opened again.',
      means: 'one bad connection locks a user out',
      check: async (exam) => {
        const largest = (await exam.list()).lines.toSorted((a, b) => Number(b.value) - Number(a.value))[0]
        const gone = await exam.session()
        gone.send(`RETR ${largest?.number ?? 1}\r\n`)
        gone.drop()
        const again = await exam.session()
        const reply = await again.ask('STAT')
        await exam.finish(again)
        return granted(reply, 'STAT')
      },
    },
  ],
}

/** Sends one bad line: exactly one -ERR and then QUIT works, or the connection ends. */
async function bearsOrEnds(exam: Examination, line: Uint8Array): Promise<Verdict> {
  const probe = await exam.connect()
  probe.send(line)
  const reply = await probe.reply().catch((error: unknown) => {
    if (probe.over) return undefined
    throw error
  })
  if (reply === undefined) return holds('the connection ended')
  if (reply.status !== '-ERR') return fails(quoted(reply.line))
  const after = await probe.ask('QUIT').catch(() => undefined)
  return after === undefined ? holds('the connection ended') : granted(after, 'QUIT after it')
}

/** Whatever became of this connection, it ends, and the next one is served. */
async function aliveAfterwards(exam: Examination, probe: Probe): Promise<Verdict> {
  await probe.quiet(500)
  probe.drop()
  const next = await exam.connect()
  return granted(await next.ask('QUIT'), 'QUIT on the next connection')
}

/** The same noise each time. */
function noise(octets: number): Buffer {
  let state = 1939
  return Buffer.from(
    Uint8Array.from({ length: octets }, () => (state = (state * 1_103_515_245 + 12_345) & 0x7fffffff) >> 16),
  )
}
