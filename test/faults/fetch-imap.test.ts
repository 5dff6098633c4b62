import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RefusedError } from '../../src/errors.ts'
import { Intake } from '../../src/intake/intake.ts'
import { someMail } from './hostile-bench.ts'
import { usualCapabilities } from './hostile-imap-answers.ts'
import { ImapBench } from './imap-bench.ts'

const without = (...names: string[]): string[] => usualCapabilities.filter((name) => !names.includes(name))

test('by IMAP all odd mail comes home byte for byte, with date and flags, also in pieces of one octet', async () => {
  for (const hostility of [{}, { pieces: 1000 }, { literal8: true }]) {
    await using bench = await ImapBench.open(hostility)
    const mail = [...someMail().map(({ octets }) => octets.toString('latin1')), '', 'bare\nlines\nonly\n', 'no end']
    for (const octets of mail)
      bench.server.put('INBOX', octets, { flags: ['\\Seen', '$Forwarded', '\\Recent', '\\Deleted'] })
    const report = await bench.fetch()
    assert.deepEqual([report.error, report.problems, report.new], [undefined, [], mail.length])
    assert.deepEqual(await bench.home(), { INBOX: mail })
    for (const [, { received, flags }] of await bench.messages()) {
      assert.equal(received, Date.parse('2024-07-17T00:44:25Z'))
      assert.deepEqual(flags, ['$Forwarded', '\\Seen'])
    }
  }
  await using bench = await ImapBench.open({ pieces: 1 })
  bench.server.put('INBOX', 'Subject: x\r\n\r\n{12}\r\nBODY[] {3}\r\nA1 OK\r\n')
  assert.deepEqual((await bench.fetch()).problems, [])
  assert.deepEqual(await bench.home(), { INBOX: ['Subject: x\r\n\r\n{12}\r\nBODY[] {3}\r\nA1 OK\r\n'] })
})

test('a message that comes as a quoted string is kept as it is', async () => {
  await using bench = await ImapBench.open({ quoted: true })
  bench.server.put('INBOX', 'one line')
  assert.equal((await bench.fetch()).new, 1)
  assert.deepEqual(await bench.home(), { INBOX: ['one line'] })
})

test('mailboxes come to mailboxes: names, delimiter, prefix; junk, trash and drafts are left out', async () => {
  await using bench = await ImapBench.open({ delimiter: '.', prefix: 'INBOX.' })
  const { server } = bench
  server.put('INBOX', 'a')
  server.box('INBOX.Sent', ['\\Sent'])
  server.put('INBOX.Sent', 'b')
  server.put('INBOX.Work.Caff&AOg-', 'c')
  server.put('INBOX.odd/name', 'd')
  server.box('INBOX.none', ['\\Noselect'])
  for (const use of ['Junk', 'Trash', 'Drafts']) {
    server.box(`INBOX.${use}`, [`\\${use}`])
    server.put(`INBOX.${use}`, 'x')
  }
  const report = await bench.fetch({ remote: { mailbox: 'Mario' } })
  assert.equal(report.error, undefined)
  assert.deepEqual(await bench.home(), { Mario: ['a'], Sent: ['b'], 'Work/Caffè': ['c'], odd_name: ['d'] })
  assert.deepEqual([...report.passedOver].toSorted(), ['INBOX.Drafts', 'INBOX.Junk', 'INBOX.Trash'])
})

test('only and except choose mailboxes by name, pattern and use', async () => {
  await using bench = await ImapBench.open()
  for (const name of ['A/one', 'A/two', 'B']) bench.server.put(name, name)
  bench.server.box('Spam', ['\\Junk'])
  bench.server.put('Spam', 'spam')
  await bench.fetch({ only: ['a/*', '\\Junk'], except: ['*two'] })
  assert.deepEqual(await bench.home(), { 'A/one': ['A/one'], Spam: ['spam'] })
})

test('where nothing is new no mailbox is opened', async () => {
  await using bench = await ImapBench.open()
  bench.server.put('INBOX', 'a')
  bench.server.put('Other', 'b')
  assert.equal((await bench.fetch()).new, 2)
  bench.server.commands.length = 0
  const report = await bench.fetch()
  assert.deepEqual([report.new, report.skipped, report.error], [0, 2, undefined])
  assert.deepEqual([...bench.server.said('EXAMINE'), ...bench.server.said('UID')], [])
  bench.server.put('Other', 'c')
  assert.equal((await bench.fetch()).new, 1)
  assert.deepEqual([...new Set(bench.server.said('EXAMINE'))], ['EXAMINE Other'])
  assert.deepEqual(await bench.home(), { INBOX: ['a'], Other: ['b', 'c'] })
})

test('without what the last session told, everything is known by the ledger', async () => {
  await using bench = await ImapBench.open()
  for (const octets of ['a', 'b']) bench.server.put('INBOX', octets)
  await bench.fetch()
  bench.state = {}
  const report = await bench.fetch()
  assert.deepEqual([report.new, report.skipped], [0, 2])
  assert.equal(bench.server.said('UID FETCH').filter((line) => line.includes('BODY')).length, 1)
})

test('flags that change there change here; what only changed here stays; what has no CONDSTORE is compared', async () => {
  for (const capabilities of [undefined, without('CONDSTORE', 'QRESYNC')]) {
    await using bench = await ImapBench.open(capabilities === undefined ? {} : { capabilities })
    const { server, mail } = bench
    const [a = 0, b = 0] = ['a', 'b', 'c'].map((octets) => server.put('INBOX', octets))
    let clock = Date.now()
    const fetch = async (): Promise<string[][]> => {
      // Where there are no mod-sequences, flags are looked at once an hour if nothing else tells.
      clock += 3_700_000
      assert.equal((await bench.fetch({ now: () => clock })).error, undefined)
      return (await bench.messages()).map(([, { flags }]) => [...flags])
    }
    assert.deepEqual(await fetch(), [[], [], []])
    server.setFlags('INBOX', a, ['\\Seen', '\\Answered'])
    assert.deepEqual(await fetch(), [['\\Answered', '\\Seen'], [], []])
    const [, , [, third] = []] = await bench.messages()
    await mail.change((draft) => third && draft.setFlags(third.id, ['\\Flagged']))
    server.setFlags('INBOX', b, ['Work'])
    assert.deepEqual(await fetch(), [['\\Answered', '\\Seen'], ['Work'], ['\\Flagged']])
    server.setFlags('INBOX', a, [])
    assert.deepEqual(await fetch(), [[], ['Work'], ['\\Flagged']])
  }
})

test('what is deleted there stays here', async () => {
  await using bench = await ImapBench.open()
  const uid = bench.server.put('INBOX', 'a')
  await bench.fetch()
  bench.server.expunge('INBOX', [uid])
  assert.equal((await bench.fetch()).error, undefined)
  assert.deepEqual(await bench.home(), { INBOX: ['a'] })
})

const letter = (name: string): string => `Subject: ${name}\r\nMessage-ID: <${name}@x>\r\n\r\n${name}\r\n`

test('numbered anew, nothing is downloaded again: by header, and by the id of each message', async () => {
  for (const ids of [false, true]) {
    await using bench = await ImapBench.open({
      capabilities: ids ? [...usualCapabilities, 'OBJECTID'] : usualCapabilities,
    })
    const { server } = bench
    for (const name of ['one', 'two', 'six']) server.put('INBOX', letter(name), ids ? { emailId: `M${name}` } : {})
    await bench.fetch()
    server.renumber('INBOX', 7777)
    server.put('INBOX', letter('new'), ids ? { emailId: 'Mnew' } : {})
    server.commands.length = 0
    const report = await bench.fetch()
    assert.deepEqual([report.error, report.new, report.skipped], [undefined, 1, 3])
    const bodies = server.said('UID FETCH').filter((line) => line.includes('BODY.PEEK[]'))
    assert.equal(bodies.length, 1)
    assert.match(bodies[0] ?? '', /^UID FETCH 103 /)
    assert.deepEqual(await bench.home(), { INBOX: ['one', 'two', 'six', 'new'].map(letter) })
    assert.equal((await bench.fetch()).new, 0)
  }
})

test('renamed and moved there, messages are moved here and not downloaded again; copied ones are two', async () => {
  await using bench = await ImapBench.open()
  const { server } = bench
  const uids = ['one', 'two', 'six'].map((name) => server.put('INBOX', letter(name)))
  server.put('Old', letter('old'))
  await bench.fetch()
  const old = server.box('Old')
  server.boxes.delete('Old')
  old.name = 'New'
  server.boxes.set('New', old)
  server.move('INBOX', [uids[0] ?? 0], 'Archive')
  const copied = server.box('INBOX').messages.find(({ uid }) => uid === uids[1])
  server.put('Archive', copied?.octets ?? '', { date: copied?.date ?? '' })
  server.commands.length = 0
  const report = await bench.fetch()
  assert.deepEqual([report.error, report.new], [undefined, 1])
  assert.deepEqual(await bench.home(), {
    INBOX: [letter('two'), letter('six')],
    New: [letter('old')],
    Archive: [letter('one'), letter('two')],
  })
  assert.equal((await bench.fetch()).new, 0)
})

test('an account that was fetched by POP3 before: nothing is downloaded again', async () => {
  await using bench = await ImapBench.open()
  const { server } = bench
  const intake = new Intake(bench.mail)
  for (const name of ['one', 'two', 'no header at all']) {
    const octets = name.includes(' ') ? name : letter(name)
    server.put('INBOX', octets)
    const staging = intake.stage('wire')
    await staging.write(Buffer.from(octets))
    const staged = await staging.finish()
    const origin = { account: 'pop3:mario@example.it', uniqueId: name, nth: 0, listed: octets.length }
    await intake.keep(staged, { mailbox: 'INBOX', received: 0, origin })
  }
  server.put('INBOX', letter('new'))
  const home = { INBOX: [letter('one'), letter('two'), 'no header at all', letter('new')] }
  const report = await bench.fetch()
  assert.deepEqual([report.error, report.new], [undefined, 1])
  assert.deepEqual(await bench.home(), home)
  assert.equal((await bench.fetch()).new, 0)
  // A copy there is a message of its own, also of what came by POP3.
  server.put('Archive', letter('one'))
  assert.equal((await bench.fetch()).new, 1)
})

test('a message that was removed here does not come back when all is numbered anew', async () => {
  await using bench = await ImapBench.open()
  bench.server.put('INBOX', letter('one'))
  // Nothing of it but its octets can be known again.
  bench.server.put('INBOX', 'no header at all')
  await bench.fetch()
  for (const [, { id }] of await bench.messages()) await bench.mail.change((draft) => draft.remove(id))
  bench.server.renumber('INBOX', 7777)
  const report = await bench.fetch()
  assert.deepEqual([report.error, report.new], [undefined, 0])
  assert.deepEqual(await bench.home(), {})
})

test('another server that happens to number as the one before: what has another size is another message', async () => {
  await using before = await ImapBench.open()
  before.server.put('INBOX', letter('one'))
  before.server.put('INBOX', letter('two'))
  await before.fetch()
  await using after = await ImapBench.open()
  after.server.put('INBOX', letter('another'))
  after.server.put('INBOX', letter('two'))
  // The account was changed: what was remembered of its mailboxes is gone.
  before.state = {}
  const report = await before.fetch({ remote: { port: after.server.port } })
  assert.deepEqual([report.error, report.new], [undefined, 1])
  assert.deepEqual(await before.home(), { INBOX: [letter('one'), letter('two'), letter('another')] })
})

test('mail put back from an older copy is filled up again', async () => {
  await using bench = await ImapBench.open()
  bench.server.put('INBOX', 'a')
  await bench.fetch()
  await using other = await ImapBench.open({}, { port: bench.server.port })
  other.state = bench.state
  assert.equal((await other.fetch()).new, 1)
})

test('leave delete: each goes only when it is home; with UID EXPUNGE nothing else does', async () => {
  await using bench = await ImapBench.open({}, { leave: 'delete' })
  const { server, watched } = bench
  const other = server.put('INBOX', 'marked', { flags: ['\\Deleted'] })
  const hashes = new Set<string>()
  server.hostility = {
    onCommand: (line) => {
      if (line.includes('STORE')) for (const hash of watched.durable) hashes.add(hash)
    },
    omit: [other],
  }
  for (const name of ['one', 'two']) server.put('INBOX', letter(name))
  const report = await bench.fetch()
  assert.deepEqual([report.error, report.new, report.deleted, report.failed], [undefined, 2, 2, 1])
  assert.equal(hashes.size, 2)
  assert.deepEqual(
    server.box('INBOX').messages.map(({ uid }) => uid),
    [other],
  )
  assert.deepEqual(server.said('UID EXPUNGE'), ['UID EXPUNGE 2:3'])
})

test('leave delete without UIDPLUS: nothing goes while others are marked, and it is said', async () => {
  await using bench = await ImapBench.open({ capabilities: without('UIDPLUS'), omit: [1] }, { leave: 'delete' })
  const { server } = bench
  server.put('INBOX', 'marked by somebody', { flags: ['\\Deleted'] })
  server.put('INBOX', letter('one'))
  const report = await bench.fetch()
  assert.deepEqual([report.error, report.deleted], [undefined, 0])
  assert.match(report.problems.join('\n'), /somebody has marked 1 other messages/)
  assert.equal(server.box('INBOX').messages.length, 2)
  server.box('INBOX').messages.shift()
  assert.equal((await bench.fetch()).deleted, 1)
  assert.equal(server.box('INBOX').messages.length, 0)
})

test('law 3: a UID that stands for another message now is fetched, not deleted', async () => {
  await using bench = await ImapBench.open()
  const { server } = bench
  const uid = server.put('INBOX', letter('one'))
  const same = server.put('INBOX', letter('two'))
  await bench.fetch()
  const { messages } = server.box('INBOX')
  const swap = (one: number, text: string): void => {
    const place = messages.findIndex((message) => message.uid === one)
    const message = messages[place]
    if (message !== undefined) messages[place] = { ...message, octets: Buffer.from(text) }
  }
  // Another size is seen by the listing; the same size, with another header, by the header.
  swap(uid, letter('another'))
  swap(same, letter('owt'))
  const report = await bench.fetch({ remote: { leave: 'delete' } })
  assert.deepEqual([report.new, report.deleted], [1, 1])
  assert.match(report.problems.join('\n'), /message 2 was left in INBOX: .*something else when asked again/)
  assert.deepEqual(
    server.box('INBOX').messages.map(({ octets }) => octets.toString()),
    [letter('owt')],
  )
  assert.deepEqual((await bench.home())['INBOX'], [letter('one'), letter('two'), letter('another')])
})

test('a message known again by its header only is held against ours before it is deleted there', async () => {
  await using bench = await ImapBench.open()
  const { server } = bench
  for (const name of ['one', 'two']) server.put('INBOX', letter(name))
  await bench.fetch()
  server.renumber('INBOX', 7777)
  // The same header and size, another text.
  const { messages } = server.box('INBOX')
  const [first] = messages
  if (first !== undefined)
    messages[0] = { ...first, octets: Buffer.from(letter('one').replace('\r\none\r\n', '\r\nXXX\r\n')) }
  const report = await bench.fetch({ remote: { leave: 'delete' } })
  assert.deepEqual([report.error, report.deleted, report.new], [undefined, 1, 0])
  assert.match(report.problems.join('\n'), /message 100 was left/)
  assert.equal(server.box('INBOX').messages.length, 1)
})

test('leave newest, and a share of the room by the quota of the server', async () => {
  await using bench = await ImapBench.open({}, { leave: { newest: 1 } })
  const { server } = bench
  const put = (day: number): number =>
    server.put('INBOX', letter(`n${day}`), { date: `0${day}-Jul-2024 00:00:00 +0000` })
  const uids = [3, 1, 2].map(put)
  assert.equal((await bench.fetch()).deleted, 2)
  assert.deepEqual(
    server.box('INBOX').messages.map(({ uid }) => uid),
    [uids[0]],
  )
  for (const day of [4, 5, 6]) put(day)
  const size = letter('n1').length
  // 4 messages here, and 10 times as much elsewhere; half the room is as much as two of them and what is elsewhere.
  server.hostility = {
    capabilities: [...usualCapabilities, 'QUOTA'],
    quota: { used: 1024 * (4 * size + 10 * size), limit: 1024 * 2 * 12 * size },
  }
  for (const message of server.box('INBOX').messages) Object.assign(message, { octets: message.octets })
  server.hostility = { ...server.hostility, size: (_, real) => real * 1024 }
  const report = await bench.fetch({ remote: { leave: { percent: 50 } } })
  assert.equal(report.error, undefined)
  assert.equal(server.box('INBOX').messages.length, 2)
})

test('dry run: what would be fetched and deleted, and why; nothing is', async () => {
  await using bench = await ImapBench.open({}, { leave: 'delete' })
  const { server } = bench
  server.put('INBOX', letter('one'))
  server.put('INBOX', letter('large'.repeat(50)))
  const report = await bench.fetch({ dryRun: true, choice: { largest: 200 } })
  assert.deepEqual(
    report.plan?.map(({ what, why }) => [what, why]),
    [
      ['fetch', 'it is new'],
      ['wait', 'it has 783 octets, and 200 are the most'],
      ['delete', 'it is home'],
    ],
  )
  assert.deepEqual([await bench.home(), report.new, report.mailboxes], [{}, 0, {}])
  assert.equal(server.box('INBOX').messages.length, 2)
  assert.deepEqual(server.said('UID STORE'), [])
})

test('what is too large waits, its header comes, and the whole message takes its place later', async () => {
  await using bench = await ImapBench.open()
  bench.server.put('INBOX', letter('one'))
  bench.server.put('INBOX', letter('large'.repeat(50)))
  const first = await bench.fetch({ choice: { largest: 200, beyond: 'header' } })
  assert.deepEqual([first.new, first.waiting], [1, 1])
  const [, large] = (await bench.home())['INBOX'] ?? []
  assert.match(large ?? '', /^Subject: large[^]*\r\n\r\n$/)
  assert.deepEqual((await bench.messages())[1]?.[1].flags, ['$HeaderOnly'])
  const second = await bench.fetch()
  assert.deepEqual([second.new, second.waiting], [1, 0])
  assert.deepEqual(await bench.home(), { INBOX: [letter('one'), letter('large'.repeat(50))] })
})

test('one message that is refused, or never given, stops no other; it is noted, and comes when it can', async () => {
  await using bench = await ImapBench.open()
  const { server } = bench
  const uids = ['a', 'b', 'c', 'd'].map((octets) => server.put('INBOX', octets))
  server.hostility = { refuse: [uids[1] ?? 0], omit: [uids[2] ?? 0] }
  const report = await bench.fetch()
  assert.deepEqual([report.error, report.new, report.failed], [undefined, 2, 2])
  assert.match(
    report.problems.join('\n'),
    /message 2 of INBOX: .*could not be read\nmessage 3 of INBOX: the server gives nothing for it/,
  )
  const rested = await bench.fetch({ backOff: true })
  assert.deepEqual([rested.new, rested.failed], [0, 2])
  server.hostility = {}
  assert.equal((await bench.fetch()).new, 2)
  assert.deepEqual(await bench.mail.read((view) => view.troubles('imap:mario@example.it')), [])
  assert.deepEqual(
    Object.values(await bench.home())
      .flat()
      .toSorted(),
    ['a', 'b', 'c', 'd'],
  )
})

test('a server that is throttled in between gives each message once', async () => {
  await using bench = await ImapBench.open({ throttle: { after: 2, times: 1 } })
  // More than may wait for somebody to take it.
  const texts = ['one', 'two', 'six', 'ten'].map((name) => letter(name.repeat(3_000_000)))
  for (const text of texts) bench.server.put('INBOX', text)
  const report = await bench.fetch()
  assert.deepEqual([report.error, report.new], [undefined, 4])
  assert.equal(bench.server.said('UID FETCH').filter((line) => line.includes('BODY.PEEK[]')).length, 2)
  assert.deepEqual(await bench.home(), { INBOX: texts })
})

test('a mailbox that cannot be opened stops no other', async () => {
  await using bench = await ImapBench.open({ closed: ['A'] })
  for (const name of ['INBOX', 'A', 'B']) bench.server.put(name, letter(name))
  const report = await bench.fetch()
  assert.deepEqual([report.error, report.new, report.failed], [undefined, 2, 1])
  assert.match(report.problems.join(), /refused to open the mailbox A: .*index is damaged/)
  bench.server.hostility = {}
  assert.equal((await bench.fetch()).new, 1)
})

test('a message that is gone when its turn comes is no trouble', async () => {
  await using bench = await ImapBench.open()
  const { server } = bench
  const uids = ['a', 'b', 'c'].map((octets) => server.put('INBOX', octets))
  server.hostility = {
    onCommand: (line) => {
      if (line.includes('BODY.PEEK[]')) server.expunge('INBOX', [uids[1] ?? 0])
    },
  }
  const report = await bench.fetch()
  assert.deepEqual([report.error, report.new, report.failed, report.problems], [undefined, 2, 0, []])
  assert.deepEqual((await bench.fetch()).new, 0)
})

test('wherever the line breaks, what was whole is kept; the next good fetch brings the rest, once', async () => {
  const texts = ['one', 'two', 'six'].map((name) => letter(name) + 'x'.repeat(100))
  for (const uid of [1, 2, 3]) {
    for (const after of [0, 1, 40, texts[0]?.length ?? 0]) {
      await using bench = await ImapBench.open()
      for (const text of texts) bench.server.put('INBOX', text)
      bench.server.hostility = { drop: { uid, after } }
      const broken = await bench.fetch()
      assert.equal(broken.error?.code, 'connection-lost')
      assert.equal(broken.new, uid - 1)
      bench.server.hostility = {}
      const good = await bench.fetch()
      assert.deepEqual([good.error, good.new, good.failed], [undefined, 4 - uid, 0])
      assert.deepEqual(
        Object.values(await bench.home())
          .flat()
          .toSorted(),
        texts.toSorted(),
      )
      assert.equal((await bench.fetch()).new, 0)
    }
  }
})

test('a message at which the server always breaks down comes last, so that the others come', async () => {
  await using bench = await ImapBench.open({ drop: { uid: 1, after: 10 } })
  for (const name of ['one', 'two', 'six']) bench.server.put('INBOX', letter(name))
  assert.equal((await bench.fetch()).new, 0)
  const second = await bench.fetch()
  assert.deepEqual([second.error?.code, second.new], ['connection-lost', 2])
  assert.deepEqual(await bench.home(), { INBOX: [letter('two'), letter('six')] })
})

test('sizes that lie lose nothing, and are believed by nobody', async () => {
  await using bench = await ImapBench.open({ size: (_, real) => real + 7 }, { leave: 'delete' })
  for (const name of ['one', 'two']) bench.server.put('INBOX', letter(name))
  const report = await bench.fetch()
  assert.deepEqual([report.error, report.new, report.deleted], [undefined, 2, 2])
  assert.deepEqual(await bench.home(), { INBOX: [letter('one'), letter('two')] })
})

test('a server that hangs at any step is left after a while', async () => {
  for (const hang of ['CONNECT', 'CAPABILITY', 'AUTHENTICATE', 'LIST', 'EXAMINE', 'SEARCH', 'FETCH', 'BODY']) {
    await using bench = await ImapBench.open({ hang })
    bench.server.put('INBOX', letter('one'))
    const report = await bench.fetch()
    assert.equal(report.error?.code, 'timed-out', hang)
    assert.match(
      report.error?.message ?? '',
      /^127\.0\.0\.1:\d+ was asked to .*, and has been silent for too long$/,
      hang,
    )
    bench.server.hostility = {}
    assert.equal((await bench.fetch()).new, 1)
  }
})

test('a server that drips does not hold a session for ever', async () => {
  await using bench = await ImapBench.open({ drip: 20 })
  bench.server.put('INBOX', letter('one'.repeat(40)))
  // On a busy machine the time may run out at another step, or the drips come seldom: then there is more of it.
  for (let silence = 100, said = ''; !said.includes('sent fewer than 1024 octets of a message'); silence *= 2) {
    const { error } = await bench.fetch({ patience: { connect: bench.patience, silence } })
    said = error?.message ?? ''
    assert.equal(error?.code, 'timed-out', said)
    assert.ok(silence < 10_000, said)
  }
})

test('a message larger than anything may be is not asked for; one that is said to be smaller ends the session, once', async () => {
  for (const lie of [false, true]) {
    await using bench = await ImapBench.open(lie ? { size: () => 100 } : {})
    bench.server.put('INBOX', letter('x'.repeat(500)))
    bench.server.put('INBOX', letter('two'))
    const report = await bench.fetch({ largest: 300 })
    assert.deepEqual(
      [report.error?.code, report.new, report.failed],
      lie ? ['reply-too-long', 0, 1] : [undefined, 1, 1],
    )
    const second = await bench.fetch({ largest: 300 })
    assert.deepEqual([second.error?.code, second.new], lie ? ['reply-too-long', 1] : [undefined, 0])
    assert.deepEqual(await bench.home(), { INBOX: [letter('two')] })
    bench.server.expunge('INBOX', [1])
    assert.equal((await bench.fetch()).error, undefined)
    // What is there no more is no trouble.
    assert.deepEqual(await bench.mail.read((view) => view.troubles('imap:mario@example.it')), [])
  }
})

test('refusals are told with their reasons (RFC 5530)', async () => {
  const cases: [string, string][] = [
    ['NO [AUTHENTICATIONFAILED] wrong', 'bad-login'],
    ['NO wrong', 'bad-login'],
    ['NO [UNAVAILABLE] later', 'try-later'],
    ['NO [LIMIT] too many', 'try-later'],
    ['NO [INUSE] busy', 'in-use'],
    ['NO [CONTACTADMIN] call us', 'broken'],
    ['NO [ALERT] Too many simultaneous connections', 'try-later'],
  ]
  for (const [answer, reason] of cases) {
    await using bench = await ImapBench.open({ instead: { AUTHENTICATE: answer } })
    const { error } = await bench.fetch()
    assert.ok(error instanceof RefusedError, answer)
    assert.equal(error.reason, reason, answer)
    assert.match(error.message, /^127\.0\.0\.1:\d+ refused to log in mario: /)
    assert.ok(!error.message.includes('secret'))
  }
})

test('a mailbox that cannot be opened is told', async () => {
  await using bench = await ImapBench.open({ instead: { EXAMINE: 'NO [SERVERBUG] index is damaged' } })
  bench.server.put('INBOX', 'a')
  const { error } = await bench.fetch()
  assert.ok(error instanceof RefusedError)
  assert.deepEqual([error.reason, error.message.includes('index is damaged')], ['broken', true])
})

test('a BYE says why the session ended', async () => {
  await using bench = await ImapBench.open({ greeting: '* BYE [UNAVAILABLE] maintenance until noon' })
  const { error } = await bench.fetch()
  assert.match(error?.message ?? '', /maintenance until noon/)
})

test('endless lines and literals end the session', async () => {
  await using bench = await ImapBench.open({ untagged: { LIST: '* LIST () "/" {999999999}' } })
  bench.server.put('INBOX', 'a')
  assert.equal((await bench.fetch()).error?.code, 'reply-too-long')
})

test('a signal stops a fetch', async () => {
  await using bench = await ImapBench.open({ hang: 'BODY' })
  bench.server.put('INBOX', letter('one'))
  const stop = new AbortController()
  bench.server.hostility = {
    hang: 'BODY',
    // Before the server, which comes to that only later, lets the time run out.
    onCommand: (line) => line.includes('BODY.PEEK[]') && setTimeout(() => stop.abort(), 1),
  }
  const report = await bench.fetch({ signal: stop.signal })
  assert.deepEqual([report.error?.code, report.error?.message], ['connection-lost', 'stopped'])
})

test('mail for several people goes to each', async () => {
  await using bench = await ImapBench.open()
  await using other = await ImapBench.open()
  bench.server.put('INBOX', letter('mario'))
  bench.server.put('INBOX', letter('anna'))
  const split = {
    users: ['mario', 'anna'],
    recipients: (header: Uint8Array) => [Buffer.from(header).includes('anna') ? 'anna' : 'mario'],
    open: (user: string) => Promise.resolve(user === 'anna' ? { ...other.mail, user: 'anna' } : bench.mail),
  }
  assert.equal((await bench.fetch({ split })).new, 2)
  assert.deepEqual(
    [await bench.home(), await other.home()],
    [{ INBOX: [letter('mario')] }, { INBOX: [letter('anna')] }],
  )
  bench.state = {}
  assert.equal((await bench.fetch({ split })).new, 0)
})
