import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { importMail } from '../../src/doors/import.ts'
import { MemoryStore } from '../../src/store/memory.ts'
import { generateMessages } from '../corpus/generate.ts'
import { postino } from '../cli/postino.ts'
import { startDovecot, type Dovecot } from './dovecot.ts'
import { available } from './run.ts'

/** What UIDL and RETR say of a whole maildrop: the unique-id of each message, by the message. */
async function uniqueIds(port: number, user: string, password: string): Promise<Map<string, string>> {
  const say = async (commands: string): Promise<string> => {
    const socket = connect(port, '127.0.0.1').setEncoding('latin1')
    socket.write(`USER ${user}\r\nPASS ${password}\r\n${commands}QUIT\r\n`)
    return await text(socket)
  }
  const listing = await say('UIDL\r\n')
  const ids = [...listing.matchAll(/^\d+ (\S+)\r$/gm)].map(([, id = '']) => id)
  const found = new Map<string, string>()
  for (const [place, id] of ids.entries()) {
    const said = await say(`RETR ${place + 1}\r\n`)
    // The greeting, USER, PASS and RETR are answered in a line each.
    const lines = said.split('\r\n').slice(4)
    found.set(lines.slice(0, lines.indexOf('.')).join('\n'), id)
  }
  return found
}

async function withDovecot(settings: string, body: (dovecot: Dovecot) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'postino-uidl-'))
  const dovecot = await startDovecot({ folder, users: { mario: 'secret' }, settings })
  try {
    await body(dovecot)
  } finally {
    await dovecot.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

test('UIDL says of each message at Postino what it said at Dovecot, once its Maildir is imported', async (t) => {
  if (!available('dovecot')) return t.skip('dovecot is not installed')
  const { run, serve } = await postino(t)
  await run(['user', 'add', 'mario', '--password-stdin'], { input: 'secret\n' })
  await withDovecot('', async (dovecot) => {
    const count = 12
    dovecot.fill('mario', generateMessages({ seed: 3, count, profile: 'small' }))
    const before = await uniqueIds(dovecot.ports['pop3'] ?? 0, 'mario', 'secret')
    assert.equal(before.size, count)
    const { stdout, stderr, code } = await run(['import', dovecot.maildir('mario'), '--user', 'mario'])
    assert.equal(code, 0, stderr)
    assert.match(stdout, /^imported 12 messages for mario, 12 unique-ids taken over; /)
    const { ports } = await serve()
    assert.deepEqual(await uniqueIds(ports['pop3'] ?? 0, 'mario', 'secret'), before)
  })
})

test('Dovecot’s other forms of unique-ids are followed too', async (t) => {
  if (!available('dovecot')) return t.skip('dovecot is not installed')
  for (const uidlFormat of ['%u.%v', '%v-%Xu', '%4v%08Xu', '%f', '%g', '%010u']) {
    await withDovecot(`pop3_uidl_format = ${uidlFormat}`, async (dovecot) => {
      dovecot.fill('mario', generateMessages({ seed: 4, count: 3, profile: 'small' }))
      const before = await uniqueIds(dovecot.ports['pop3'] ?? 0, 'mario', 'secret')
      const mail = await new MemoryStore().open('mario')
      const report = await importMail(mail, [dovecot.maildir('mario')], { uidlFormat })
      assert.deepEqual(report.uniqueIds, { kept: 3, refused: 0 }, uidlFormat)
      const after = await mail.read((view) => view.messages().map(({ uniqueId }) => uniqueId))
      assert.deepEqual(after.toSorted(), [...before.values()].toSorted(), uidlFormat)
    })
  }
})
