import assert from 'node:assert/strict'
import { type FileHandle, mkdtemp, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import fc from 'fast-check'
import { Intake } from '../intake/intake.ts'
import type { ClientEvent } from '../pop3/client-event.ts'
import { Pop3Client } from '../pop3/client.ts'
import { octetsOf } from '../store/contract-mail.ts'
import { DiskStore } from '../store/disk.ts'
import { hashOf, Measure } from '../store/measure.ts'
import { heldTogether, spooledBeyond } from '../store/staging.ts'
import type { UserMail } from '../store/store.ts'
import { Loans } from './loans.ts'
import { Taking } from './taking.ts'

const delivery = (nth: number): Parameters<Intake['keep']>[1] => ({
  mailbox: 'INBOX',
  received: 1,
  origin: { account: 'a', uniqueId: `id-${nth}`, nth: 0 },
})

async function diskMail(t: TestContext): Promise<UserMail> {
  const folder = await mkdtemp(join(tmpdir(), 'postino-taking-'))
  const store = new DiskStore(folder)
  t.after(async () => {
    await store.close()
    await rm(folder, { recursive: true })
  })
  return await store.open('mario')
}

/** Every octet of a message, as a server sends it behind its status line. */
function stuffed(message: Buffer): string {
  return `+OK\r\n${message.toString('latin1').replaceAll('\r\n.', '\r\n..')}.\r\n`
}

/** A message whose lines are those of no other, some with a dot first, some of no ASCII in the header. */
function letter(nth: number, lines: number): Buffer {
  const name = nth % 3 === 0 ? 'Ünico' : 'One'
  const head = `Subject: ${name} ${nth}\r\nFrom: ${name} <anna@example.it>\r\nMessage-ID: <${nth}@example.it>\r\n\r\n`
  return Buffer.from(head + `.${nth} is a dot\r\nline of ${nth}\r\n`.repeat(lines), 'utf8')
}

/** What the client engine gives of these pieces, as a connection handles it: the reader is done with a piece once all of it was handled. */
async function receive(client: Pop3Client, loans: Loans, piece: Buffer, take: (event: ClientEvent) => unknown) {
  loans.begin(piece)
  client.receive(piece)
  for (let event = client.next(); event !== undefined; event = client.next()) await take(event)
  loans.done(piece)
}

function begun(): Pop3Client {
  const client = new Pop3Client({ lineLimit: 8192 })
  client.receive(Buffer.from('+OK\r\n'))
  while (client.next() !== undefined);
  client.pipelining = true
  return client
}

test('whatever the pieces, whichever message is durable first: each one is home as it was, and no memory stays', async (t) => {
  const mail = await diskMail(t)
  let nth = 0
  const cut = fc.array(fc.integer({ min: 1, max: 3000 }), { minLength: 1, maxLength: 30 })
  await fc.assert(
    fc.asyncProperty(
      cut,
      fc.array(fc.nat(200), { minLength: 1, maxLength: 8 }),
      fc.boolean(),
      async (cuts, sizes, late) => {
        const intake = new Intake(mail)
        const loans = new Loans()
        const client = begun()
        const letters = sizes.map((lines) => letter(nth++, lines))
        const first = nth - letters.length
        const takings = letters.map(() => new Taking(intake, { name: () => 'a message', loans }))
        const keeping: Promise<void>[] = []
        const keep = async (place: number): Promise<void> => {
          const taking = takings[place] ?? assert.fail()
          const staged = await taking.finish()
          assert.match(Buffer.from(taking.print.header).toString(), new RegExp(`^Subject: .* ${first + place}\r\n`))
          await intake.keep(staged, delivery(first + place))
          await taking.discard()
        }
        letters.forEach((_, place) => client.send({ verb: 'RETR', number: place + 1 }))
        let answered = 0
        const take = async (event: ClientEvent): Promise<void> => {
          await takings[answered]?.take(event)
          if (event.kind !== 'end') return
          const place = answered++
          if (!late) keeping.push(keep(place))
          // A message is durable, and let go of, while the piece that it came in is still read.
          if (place % 2 === 0) await Promise.all(keeping)
        }
        const all = Buffer.from(letters.map(stuffed).join(''), 'latin1')
        for (let at = 0, step = 0; at < all.length; step++) {
          const size = cuts[step % cuts.length] ?? 1
          await receive(client, loans, Buffer.from(new Uint8Array(all.subarray(at, at + size)).buffer), take)
          at += size
        }
        assert.equal(answered, letters.length)
        if (late) for (const place of letters.keys()) keeping.unshift(keep(letters.length - 1 - place))
        await Promise.all(keeping)
        assert.equal(loans.size, 0)
        for (const [place, whole] of letters.entries()) {
          const row = await mail.read((view) => view.origin('a', `id-${first + place}`, hashOf(whole), 0))
          assert.ok(row?.message !== undefined, `message ${place} is not home as it was`)
          assert.ok((await octetsOf(mail, row.message)).equals(whole))
        }
      },
    ),
    { numRuns: 25 },
  )
})

test('a large message goes through a file, and its memory goes as it is written; what begins it stays to the end', async (t) => {
  const mail = await diskMail(t)
  const intake = new Intake(mail)
  const loans = new Loans()
  // RFC 6532: with such a header, what old clients get is made of the whole message.
  const whole = Buffer.concat(
    [
      letter(0, 1),
      Buffer.from('x'.repeat(998) + '\r\n')
        .toString()
        .repeat(9000),
    ].map((part) => Buffer.from(part)),
  )
  assert.ok(whole.length > 2 * spooledBeyond)
  const taking = new Taking(intake, { name: () => 'a message', loans })
  let most = 0
  for (let at = 0; at < whole.length; at += 50_001) {
    const piece = Buffer.from(new Uint8Array(whole.subarray(at, at + 50_001)).buffer)
    loans.begin(piece)
    await taking.take({ kind: 'octets', command: { verb: 'RETR', number: 1 }, octets: piece })
    loans.done(piece)
    most = Math.max(most, loans.size * 50_001)
  }
  assert.ok(most <= spooledBeyond + 2 * 50_001, `${most} octets`)
  assert.ok(loans.size < 25, `${loans.size} pieces`)
  assert.match(Buffer.from(taking.head).toString(), /^Subject: Ünico 0\r\n/)
  const staged = await taking.finish()
  assert.equal(staged.hash, hashOf(whole))
  const atOnce = new Measure(true)
  atOnce.update(whole)
  const { surrogate } = atOnce.finish()
  assert.notEqual(surrogate, undefined)
  assert.equal(staged.surrogate, surrogate)
  await intake.keep(staged, delivery(0))
  await taking.discard()
  assert.equal(loans.size, 0)
  const row = await mail.read((view) => view.origin('a', 'id-0', hashOf(whole), 0))
  assert.ok((await octetsOf(mail, row?.message ?? assert.fail())).equals(whole))
})

test('what never came whole is let go of, once, and what shares its memory is not', async (t) => {
  const intake = new Intake(await diskMail(t))
  const loans = new Loans()
  const piece = Buffer.from(new Uint8Array(100).fill(65).buffer)
  const takings = [0, 1].map(() => new Taking(intake, { name: () => 'a message', loans }))
  loans.begin(piece)
  for (const taking of takings)
    await taking.take({ kind: 'octets', command: { verb: 'RETR', number: 1 }, octets: piece.subarray(0, 50) })
  loans.done(piece)
  await takings[0]?.discard()
  await takings[0]?.discard()
  assert.equal(takings[1]?.head.length, 50)
  await takings[1]?.discard()
  assert.deepEqual([piece.length, loans.size], [0, 0])
})

test('a message whose memory is gone too early is not kept, and what was there is as it was', async (t) => {
  const mail = await diskMail(t)
  const intake = new Intake(mail)
  for (const size of [1000, 100_000]) {
    const pieces = [0, 1].map((fill) => Buffer.from(new Uint8Array(size).fill(65 + fill).buffer))
    const taking = new Taking(intake, { name: () => 'a message' })
    for (const octets of pieces) await taking.take({ kind: 'octets', command: { verb: 'RETR', number: 1 }, octets })
    const staged = await taking.finish()
    structuredClone(pieces[1]?.buffer, { transfer: [pieces[1]?.buffer as ArrayBuffer] })
    await assert.rejects(intake.keep(staged, delivery(size)), /none of them is kept/)
    const another = new Taking(intake, { name: () => 'a message' })
    const octets = letter(size, 1)
    await another.take({ kind: 'octets', command: { verb: 'RETR', number: 2 }, octets })
    await intake.keep(await another.finish(), delivery(size))
    const row = await mail.read((view) => view.origin('a', `id-${size}`, hashOf(octets), 0))
    assert.ok((await octetsOf(mail, row?.message ?? assert.fail())).equals(octets))
  }
})

/** From the next `writev` of any file on, once: when the system has been told what to write, and before it says that it has. */
function whileWriting(t: TestContext, handle: FileHandle, happens: () => void): void {
  const files = Object.getPrototypeOf(handle) as FileHandle
  const writev = Reflect.get(files, 'writev', files) as (this: FileHandle, ...given: unknown[]) => Promise<never>
  t.mock.method(
    files,
    'writev',
    function (this: FileHandle, ...given: unknown[]) {
      const writing = writev.apply(this, given)
      happens()
      return writing
    },
    { times: 1 },
  )
}

test('a message whose memory goes while the system writes it is not kept, in memory or by way of a file', async (t) => {
  const mail = await diskMail(t)
  const intake = new Intake(mail)
  const handle = await open('/dev/null')
  t.after(async () => await handle.close())
  for (const size of [30 * 65_536, spooledBeyond + 65_536]) {
    const pieces = Array.from({ length: size / 65_536 }, (_, nth) =>
      Buffer.from(new Uint8Array(65_536).fill(nth).buffer),
    )
    // Whoever has the memory now leaves it as it is, so that only its going shows.
    const others: unknown[] = []
    whileWriting(t, handle, () => {
      for (const { buffer } of pieces) others.push(structuredClone(buffer, { transfer: [buffer as ArrayBuffer] }))
    })
    const taking = new Taking(intake, { name: () => 'a message' })
    const keeping = async (): Promise<void> => {
      for (const octets of pieces) await taking.take({ kind: 'octets', command: { verb: 'RETR', number: 1 }, octets })
      await intake.keep(await taking.finish(), delivery(size))
    }
    await assert.rejects(keeping(), /none of them is kept/)
    assert.equal(others.length, pieces.length)
    assert.deepEqual(await mail.read((view) => view.messages()), [])
  }
})

test('a message in very small pieces is what it is to old clients, too, when the first of it goes through a file early', async (t) => {
  const intake = new Intake(await diskMail(t))
  const loans = new Loans()
  const whole = letter(0, 2000)
  assert.ok(whole.length > 8 * 4096 && whole.length < 64 << 10, `${whole.length} octets`)
  const taking = new Taking(intake, { name: () => 'a message', loans })
  for (let at = 0; at < whole.length; at += 8) {
    const piece = Buffer.from(new Uint8Array(whole.subarray(at, at + 8)).buffer)
    loans.begin(piece)
    await taking.take({ kind: 'octets', command: { verb: 'RETR', number: 1 }, octets: piece })
    loans.done(piece)
  }
  const atOnce = new Measure(true)
  atOnce.update(whole)
  const { surrogate, hash } = atOnce.finish()
  assert.notEqual(surrogate, undefined)
  const staged = await taking.finish()
  assert.deepEqual([staged.hash, staged.surrogate], [hash, surrogate])
  await taking.discard()
})

test('of many messages that are not believed in yet, little is held in memory, and each is home as it was', async (t) => {
  const mail = await diskMail(t)
  const intake = new Intake(mail)
  const loans = new Loans()
  const piece = 64 << 10
  const letters = Array.from({ length: 24 }, (_, nth) => letter(nth, 100_000))
  const takings = letters.map(() => new Taking(intake, { name: () => 'a message', loans }))
  let most = 0
  for (const [place, whole] of letters.entries()) {
    assert.ok(whole.length < spooledBeyond)
    for (let at = 0; at < whole.length; at += piece) {
      const octets = Buffer.from(new Uint8Array(whole.subarray(at, at + piece)).buffer)
      loans.begin(octets)
      await takings[place]?.take({ kind: 'octets', command: { verb: 'RETR', number: 1 }, octets })
      loans.done(octets)
      most = Math.max(most, loans.size)
    }
  }
  // The piece with the header of each, and a little of each.
  assert.ok(most * piece <= heldTogether + letters.length * 3 * piece, `${most} pieces`)
  const kept = letters.map(async (whole, nth) => {
    const taking = takings[nth] ?? assert.fail()
    await intake.keep(await taking.finish(), delivery(nth))
    await taking.discard()
    const row = await mail.read((view) => view.origin('a', `id-${nth}`, hashOf(whole), 0))
    assert.ok((await octetsOf(mail, row?.message ?? assert.fail())).equals(whole))
  })
  await Promise.all(kept)
  assert.equal(loans.size, 0)
  // Nothing is counted any more: the next one is held in memory again.
  const taking = new Taking(intake, { name: () => 'a message', loans })
  const octets = Buffer.from(new Uint8Array(2 << 20).buffer)
  loans.begin(octets)
  assert.equal(taking.take({ kind: 'octets', command: { verb: 'RETR', number: 1 }, octets }), undefined)
  loans.done(octets)
  await taking.discard()
  assert.equal(loans.size, 0)
})
