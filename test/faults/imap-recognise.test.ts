import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ImapBench } from './imap-bench.ts'

/** A message whose header, without Message-ID and Received, may stand above another text, too. */
const note = (text: string): string => `Subject: a note\r\n\r\n${text}\r\n`

test('numbered anew, a message with a header that names no message is known by its octets, and another one comes', async () => {
  await using bench = await ImapBench.open()
  const { server } = bench
  for (const text of ['one', 'two']) server.put('INBOX', note(text))
  await bench.fetch()
  server.expunge('INBOX', [2])
  server.put('INBOX', note('six'))
  server.renumber('INBOX', 7777)
  const report = await bench.fetch()
  assert.deepEqual([report.error, report.new], [undefined, 1])
  assert.deepEqual(await bench.home(), { INBOX: ['one', 'two', 'six'].map(note) })
  assert.equal((await bench.fetch()).new, 0)
})

test('law 3: nothing is deleted there because of a header that names no message', async () => {
  await using bench = await ImapBench.open()
  const { server } = bench
  for (const text of ['one', 'two']) server.put('INBOX', note(text))
  await bench.fetch()
  const { messages } = server.box('INBOX')
  const [first] = messages
  if (first !== undefined) messages[0] = { ...first, octets: Buffer.from(note('six')) }
  const report = await bench.fetch({ remote: { leave: 'delete' } })
  assert.deepEqual([report.error, report.deleted], [undefined, 1])
  assert.match(report.problems.join('\n'), /message 1 was left in INBOX: .*something else when asked again/)
  assert.deepEqual(
    server.box('INBOX').messages.map(({ octets }) => octets.toString()),
    [note('six')],
  )
})
