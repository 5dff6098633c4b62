import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { describeHeader } from '../../src/message/describe.ts'
import { parseHeader } from '../../src/message/header.ts'
import { messageIdOf, referencesOf } from '../../src/message/message-ids.ts'
import { type Thread, type Threadable, threadsOf } from '../../src/message/thread.ts'
import { Random } from '../corpus/generate-random.ts'
import { type Dovecot, startDovecot } from './dovecot.ts'
import { available } from './run.ts'

// The threads of REFERENCES (RFC 5256 §3) are those that Dovecot makes of the same mail.

/** Messages that answer each other, or say so, with some ids that are nobody's, and subjects that several have. */
function letters(count: number): Buffer[] {
  const random = new Random(11)
  const id = (): string => `<${random.between(0, count + 30)}@thread.test>`
  return Array.from({ length: count }, (_, index) => {
    const references = Array.from({ length: random.between(0, 3) }, id).join(' ')
    const subject = `${random.pick(['', '', 'Re: ', 'Fwd: ', '[dev] ', 'Re: [dev] ', '[fwd: '])}about ${random.between(0, count)}`
    const date = new Date(Date.UTC(2024, 0, 1) + ((index * 37) % count) * 60_000).toUTCString().replace('GMT', '+0000')
    const fields = [
      `From: a@example.it`,
      `Date: ${date}`,
      `Subject: ${subject.startsWith('[fwd') ? `${subject}]` : subject}${random.chance(0.1) ? ' (fwd)' : ''}`,
      ...(random.chance(0.95) ? [`Message-ID: <${index}@thread.test>`] : []),
      ...(references === '' ? [] : [`${random.chance(0.8) ? 'References' : 'In-Reply-To'}: ${references}`]),
    ]
    return Buffer.from(`${fields.join('\r\n')}\r\n\r\nx\r\n`)
  })
}

type Numbered = Threadable & { readonly number: number }

/** As IMAP writes it (RFC 5256 §4). */
function written({ message, children }: Thread<Numbered>): string {
  const own = message === undefined ? '' : String(message.number)
  const below = children.map(written)
  return below.length === 1 ? `${own} ${below[0]}`.trim() : `${own} ${below.map((one) => `(${one})`).join('')}`.trim()
}

async function asked(dovecot: Dovecot): Promise<string> {
  const socket = connect(dovecot.ports['imap'] ?? 0, '127.0.0.1')
  socket.setEncoding('latin1')
  let text = ''
  socket.on('data', (chunk: string) => (text += chunk))
  socket.write('a LOGIN mario secret\r\nb SELECT INBOX\r\nc THREAD REFERENCES UTF-8 ALL\r\nd LOGOUT\r\n')
  await once(socket, 'close')
  return /^\* THREAD (.*)\r$/m.exec(text)?.[1] ?? text
}

test('threads are those of Dovecot', async (t) => {
  if (!available('dovecot')) return t.skip('dovecot is not installed')
  const folder = mkdtempSync(join(tmpdir(), 'postino-thread-'))
  const dovecot = await startDovecot({ folder, users: { mario: 'secret' }, protocols: ['imap'] })
  t.after(async () => {
    await dovecot.stop()
    rmSync(folder, { recursive: true, force: true })
  })
  const mail = letters(400)
  dovecot.fill('mario', mail)
  const ours = threadsOf(
    mail.map((octets, index): Numbered => {
      const header = parseHeader(octets)
      const { subject, date = 0 } = describeHeader(header)
      return { number: index + 1, messageId: messageIdOf(header), references: referencesOf(header), subject, date }
    }),
  )
  const theirs = await asked(dovecot)
  assert.ok(ours.length < mail.length / 2, `${ours.length} threads: hardly any message belongs to another`)
  assert.equal(
    ours
      .map((thread) => `(${written(thread)})`)
      .join('')
      .replaceAll(')(', ')\n('),
    theirs.replaceAll(')(', ')\n('),
  )
})
