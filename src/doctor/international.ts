import type { Examination } from './examination.ts'
import { headerOf } from './message.ts'
import type { Probe } from './probe.ts'
import { quoted, type Reply } from './reply.ts'
import { Untried } from './rule.ts'

/** Headers looked at: so many, and more only where the examination may strain the server. */
const few = 50
const many = 500

/** Says UTF8: from then on replies may hold UTF-8 (RFC 6856 §2). */
export async function unicodeOn(probe: Probe): Promise<Reply> {
  probe.unicode = true
  return await probe.ask('UTF8')
}

/** A session after UTF8. Throws Untried where there is none to be had. */
export async function unicodeSession(exam: Examination): Promise<Probe> {
  await exam.announced('UTF8')
  await exam.release()
  const probe = await exam.connect()
  const on = await unicodeOn(probe)
  if (on.status !== '+OK') throw new Untried(`UTF8 was refused: ${quoted(on.line)}`)
  const reply = await exam.logIn(probe)
  if (reply.status !== '+OK') throw new Untried(`the log-in after UTF8 was refused: ${quoted(reply.line)}`)
  return probe
}

/** The numbers of messages with UTF-8 in their header: in an address field, and only in others. */
export interface InternationalMessages {
  readonly addressed: readonly number[]
  readonly elsewhere: readonly number[]
}

/** The address fields of RFC 5322 §3.6, and what mail systems add of them. */
const addressField = /^(?:resent-)?(?:from|sender|reply-to|to|cc|bcc):|^return-path:/i

/** Looks for messages with UTF-8 in their header; finds none where the server has no UTF8. */
export async function internationalMessages(exam: Examination): Promise<InternationalMessages> {
  if (!(await exam.capabilities()).all.has('UTF8')) return { addressed: [], elsewhere: [] }
  return await exam.once('international', async () => {
    const count = (await exam.list()).lines.length
    const probe = await unicodeSession(exam)
    const addressed: number[] = []
    const elsewhere: number[] = []
    for (let number = 1; number <= Math.min(count, exam.destructive ? many : few); number++) {
      const { reply, body } = await probe.askLines(`TOP ${number} 0`)
      if (reply.status !== '+OK') continue
      const fields = fieldsBeyondAscii(headerOf(body)).filter(isUtf8)
      if (fields.some((field) => addressField.test(field))) addressed.push(number)
      else if (fields.length > 0) elsewhere.push(number)
    }
    await exam.finish(probe)
    return { addressed, elsewhere }
  })
}

/** The header fields that hold octets beyond ASCII, in Latin-1. What is no field is none. */
export function fieldsBeyondAscii(header: Buffer): string[] {
  const fields = header.toString('latin1').split(/\r\n(?![ \t])/)
  return fields.filter((field) => /^[!-9;-~]+:/.test(field) && /[\x80-\xff]/.test(field))
}

/** Whether a text read as Latin-1 is UTF-8. */
export function isUtf8(line: string): boolean {
  return !fromUtf8(line).includes('\ufffd')
}

export function fromUtf8(line: string): string {
  return Buffer.from(line, 'latin1').toString()
}
