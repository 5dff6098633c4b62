import assert from 'node:assert/strict'
import { test } from 'node:test'
import { usualCapabilities } from './hostile-imap-answers.ts'
import { ImapBench } from './imap-bench.ts'

const capabilities = [...usualCapabilities, 'X-GM-EXT-1']
const all = '[Gmail]/All Mail'

async function gmail(remote: Parameters<typeof ImapBench.open>[1] = {}): Promise<ImapBench> {
  const bench = await ImapBench.open({ capabilities }, remote)
  const { server } = bench
  server.box('[Gmail]', ['\\Noselect'])
  server.box(all, ['\\All'])
  server.box('[Gmail]/Sent Mail', ['\\Sent'])
  server.box('[Gmail]/Trash', ['\\Trash'])
  return bench
}

/** A message as Gmail shows it: once in All Mail, and once for each label that is a mailbox. */
function put(bench: ImapBench, emailId: string, labels: string[], boxes: string[], flags: string[] = []): void {
  const octets = `Subject: ${emailId}\r\n\r\n${emailId}\r\n`
  bench.server.put(all, octets, { emailId, labels, flags })
  for (const box of boxes) bench.server.put(box, octets, { emailId, labels: [], flags })
}

test('Gmail: each message is downloaded once, and goes where its labels say; they are keywords', async () => {
  await using bench = await gmail()
  put(bench, '1', ['\\Inbox', '\\Important', 'Work'], ['INBOX', 'Work'], ['\\Seen'])
  put(bench, '2', ['\\Sent', 'Work'], ['[Gmail]/Sent Mail', 'Work'])
  put(bench, '3', ['My friends', 'Caff&AOg-'], ['My friends'])
  put(bench, '4', [], [])
  put(bench, '5', ['\\Draft'], [])
  put(bench, '6', ['Work/Old'], ['Work/Old'])
  const report = await bench.fetch()
  assert.deepEqual([report.error, report.new], [undefined, 5])
  const home = (await bench.messages()).map(([mailbox, { flags }]) => [mailbox, ...flags])
  assert.deepEqual(home, [
    ['INBOX', '$Important', 'Work', '\\Seen'],
    ['Sent', 'Work'],
    // A label that is no keyword is a mailbox at most.
    ['Caffè', 'My_friends'],
    ['Archive'],
    ['Work/Old', 'Work/Old'],
  ])
  assert.deepEqual([...new Set(bench.server.said('EXAMINE'))], [`EXAMINE "${all}"`])
  bench.server.commands.length = 0
  assert.equal((await bench.fetch()).new, 0)
  assert.deepEqual(bench.server.said('EXAMINE'), [])
})

test('Gmail: labels that change later change the keywords', async () => {
  await using bench = await gmail()
  put(bench, '1', ['\\Inbox'], [])
  await bench.fetch()
  const [message] = bench.server.box(all).messages
  if (message !== undefined) message.labels = ['\\Inbox', 'Later']
  bench.server.setFlags(all, 1, ['\\Seen'])
  assert.equal((await bench.fetch()).error, undefined)
  assert.deepEqual((await bench.messages())[0]?.[1].flags, ['Later', '\\Seen'])
})

test('Gmail: with mailboxes chosen, a message under several labels still comes once', async () => {
  await using bench = await gmail()
  put(bench, '1', [], ['INBOX', 'Work'])
  put(bench, '2', [], ['Work'])
  const report = await bench.fetch({ only: ['INBOX', 'Work'] })
  assert.deepEqual([report.error, report.new], [undefined, 2])
  const bodies = bench.server.said('UID FETCH').filter((line) => line.includes('BODY.PEEK[]'))
  assert.equal(bodies.length, 2)
  assert.deepEqual(
    (await bench.messages()).map(([mailbox]) => mailbox),
    ['INBOX', 'Work'],
  )
  bench.server.commands.length = 0
  assert.equal((await bench.fetch({ only: ['INBOX', 'Work'] })).new, 0)
  assert.deepEqual(bench.server.said('UID FETCH'), [])
  // One more label, later: nothing comes.
  bench.server.put('INBOX', 'Subject: 2\r\n\r\n2\r\n', { emailId: '2' })
  const later = await bench.fetch({ only: ['INBOX', 'Work'] })
  assert.deepEqual([later.error, later.new, (await bench.messages()).length], [undefined, 0, 2])
})

test('Gmail: what is deleted is moved to its trash', async () => {
  await using bench = await gmail({ leave: 'delete' })
  put(bench, '1', ['\\Inbox'], [])
  const report = await bench.fetch()
  assert.deepEqual([report.error, report.new, report.deleted], [undefined, 1, 1])
  assert.equal(bench.server.box('[Gmail]/Trash').messages.length, 1)
  assert.deepEqual(bench.server.said('UID EXPUNGE'), [])
})
