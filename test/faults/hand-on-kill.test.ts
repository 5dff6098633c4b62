import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { cp, readdir, readFile, rm } from 'node:fs/promises'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { SMTPServer } from 'smtp-server'
import { type Brought, handOnIn, handOnToTheEnd, makeHouse } from './hand-on-house.ts'
import { type Fate, ImapTarget, type Manners } from './imap-target.ts'
import { inFolder, keptIn, makeMail, seed, soon, trials, whenFiles } from './kill-bench.ts'
import { Random } from '../corpus/generate-random.ts'

const begin = Date.UTC(2020, 1, 29)

/** Mail of two accounts; some of it is the same in both, and some of it twice in one. */
const mail = makeMail(150, 1).map((octets, n): Brought => ({
  address: n % 3 === 0 ? 'anna@example.it' : 'mario@example.it',
  octets,
  received: begin + n * 1000,
}))

for (const capabilities of ['IMAP4rev1 LITERAL+ UIDPLUS SASL-IR AUTH=PLAIN', 'IMAP4rev1 AUTH=PLAIN']) {
  test(`handing on, killed at any moment (${capabilities}): each message is there once, with its date`, async () => {
    await inFolder(async (folder) => {
      const manners: Manners = { capabilities, withoutUidPlus: !capabilities.includes('UIDPLUS') }
      const lanes = await Promise.all(
        [0, 1].map(async (place) => {
          const server = await ImapTarget.start(manners)
          const template = join(folder, `template-${place}`)
          await makeHouse(template, server.url(), 'secret', mail)
          return { server, template }
        }),
      )
      /** When so many messages more have come, and a moment later. */
      const whenCome = (server: ImapTarget, count: number, after: number) => (kill: () => void) => {
        const at = server.appends + count
        const fate = (number: number): Fate => {
          if (number === at) soon(kill, after)
          return 'take'
        }
        server.manners = { ...manners, fate }
      }
      try {
        let underWay = 0
        await trials(
          capabilities.includes('+') ? 8 : 5,
          capabilities.length,
          async (moment, number, place) => {
            const { server, template } = lanes[place] ?? assert.fail()
            const data = join(folder, `data-${place}`)
            await cp(template, data, { recursive: true })
            server.messages = []
            for (let times = number % 3 === 0 ? 3 : 1; times > 0; times--) {
              const before = server.messages.length
              const count = 1 + Math.floor(moment * (mail.length - before - 1))
              // Now and then before it has begun.
              const { killed } = await handOnIn(
                data,
                number % 4 === 3 ? moment * 500 : whenCome(server, count, (number + times) % 4),
              )
              server.manners = manners
              if (killed && server.messages.length > before) underWay++
            }
            await handOnToTheEnd(data)
            assertAllThere(server)
            assert.equal((await keptIn(data)).length, mail.length)
            await rm(data, { recursive: true })
          },
          () => underWay > 0,
        )
      } finally {
        for (const { server } of lanes) await server.down()
      }
    })
  })
}

test('handing on to a Maildir, killed at any moment: each message is there once, and whole', async () => {
  await inFolder(async (folder) => {
    const template = join(folder, 'template')
    const maildir = join(folder, 'Maildir')
    await makeHouse(template, `maildir:${maildir}`, '', mail)
    const wanted = mail.map(({ octets }) => octets.toString('latin1')).toSorted()
    // A kill may come before the folder is made, or before all of its three are.
    const named = async (): Promise<string[]> =>
      existsSync(join(maildir, 'new')) ? await readdir(join(maildir, 'new')) : []
    const there = async (): Promise<string[]> => {
      const names = await named()
      const octets = await Promise.all(names.map((name) => readFile(join(maildir, 'new', name))))
      return octets.map((each) => each.toString('latin1')).toSorted()
    }
    const random = new Random(seed)
    let underWay = 0
    // On a busy machine all may be there before anybody has seen the first.
    for (let trial = 0; trial < 6 || (underWay === 0 && trial < 50); trial++) {
      const data = join(folder, `data-${trial}`)
      await rm(maildir, { recursive: true, force: true })
      await cp(template, data, { recursive: true })
      for (let times = 0; times < 2; times++) {
        // When so many more have their names, or so many are being written.
        const count = (await named()).length + random.between(1, mail.length / 3)
        await handOnIn(
          data,
          trial % 3 === 2
            ? whenFiles(join(maildir, 'tmp'), random.between(1, 4))
            : whenFiles(join(maildir, 'new'), count),
        )
      }
      const before = (await named()).length
      if (before > 0 && before < mail.length) underWay++
      await handOnToTheEnd(data)
      assert.deepEqual(await there(), wanted)
      await rm(data, { recursive: true })
    }
    assert.ok(underWay > 0, 'no process was killed at its work')
  })
})

test('handing on by SMTP, killed at any moment: each message arrives, and twice at most what was under way at a kill', async (t) => {
  await inFolder(async (folder) => {
    let taken: string[] = []
    let onTaken: () => unknown = () => undefined
    const server = new SMTPServer({
      authOptional: true,
      disabledCommands: ['STARTTLS', 'AUTH'],
      onData: (stream, _, done) => {
        const pieces: Buffer[] = []
        stream.on('data', (piece: Buffer) => pieces.push(piece))
        stream.on('end', () => {
          taken.push(Buffer.concat(pieces).toString('latin1'))
          onTaken()
          done(null, 'queued')
        })
      },
    })
    server.on('error', () => undefined)
    const listening = server.listen(0, '127.0.0.1')
    await once(listening, 'listening')
    t.after(() => new Promise<void>((resolve) => server.close(() => resolve())))
    const template = join(folder, 'template')
    const few = mail.slice(0, 60)
    const url = `smtp://127.0.0.1:${(listening.address() as AddressInfo).port}/?to=mario@home.example`
    await makeHouse(template, url, '', few)
    const wanted = few.map(({ octets }) => octets.toString('latin1')).toSorted()
    const random = new Random(seed)
    let underWay = 0
    for (let trial = 0; trial < 5; trial++) {
      const data = join(folder, `data-${trial}`)
      await cp(template, data, { recursive: true })
      taken = []
      let kills = 0
      for (let times = 0; times < 2; times++) {
        const at = taken.length + random.between(1, few.length >> 1)
        const after = random.between(0, 3)
        const { killed } = await handOnIn(data, (kill) => {
          onTaken = () => taken.length === at && soon(kill, after)
        })
        onTaken = () => undefined
        if (killed) kills++
      }
      if (taken.length > 0 && taken.length < few.length) underWay++
      await handOnToTheEnd(data)
      const left = [...taken]
      for (const text of wanted) {
        const place = left.indexOf(text)
        assert.notEqual(place, -1, 'a message is lost')
        left.splice(place, 1)
      }
      assert.ok(left.length <= kills, `${left.length} twice, after ${kills} kills`)
      await rm(data, { recursive: true })
    }
    assert.ok(underWay > 0, 'no process was killed at its work')
  })
})

function assertAllThere(server: ImapTarget): void {
  const there = server.messages.map(({ date, octets }) => `${Date.parse(date)} ${octets.toString('latin1')}`)
  const wanted = mail.map(({ received, octets }) => `${received} ${octets.toString('latin1')}`)
  const short = (all: string[]): string[] => all.map((text) => text.slice(0, 60)).toSorted()
  assert.deepEqual(short(there), short(wanted))
  assert.deepEqual(there.toSorted(), wanted.toSorted())
}
