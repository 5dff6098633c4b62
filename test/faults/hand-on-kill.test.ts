import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { cp, readdir, readFile, rm } from 'node:fs/promises'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { SMTPServer } from 'smtp-server'
import { type Brought, handOnIn, handOnToTheEnd, makeHouse } from './hand-on-house.ts'
import { ImapTarget } from './imap-target.ts'
import { inFolder, keptIn, killTime, makeMail, seed, trials, type Undisturbed } from './kill-bench.ts'
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
      const lanes = await Promise.all(
        [0, 1].map(async (place) => {
          const server = await ImapTarget.start({ capabilities, withoutUidPlus: !capabilities.includes('UIDPLUS') })
          const template = join(folder, `template-${place}`)
          await makeHouse(template, server.url(), 'secret', mail)
          return { server, template }
        }),
      )
      try {
        const undisturbed = await Promise.all(lanes.map((lane, place) => measure(lane, join(folder, `whole-${place}`))))
        let underWay = 0
        await trials(capabilities.includes('+') ? 16 : 10, capabilities.length, async (moment, number, place) => {
          const { server, template } = lanes[place] ?? assert.fail()
          const data = join(folder, `data-${place}`)
          await cp(template, data, { recursive: true })
          server.messages = []
          for (let times = number % 3 === 0 ? 3 : 1; times > 0; times--) {
            const before = server.messages.length
            const { killed } = await handOnIn(data, killTime(undisturbed[place] ?? assert.fail(), moment, number))
            if (killed && server.messages.length > before) underWay++
          }
          await handOnToTheEnd(data)
          assertAllThere(server)
          assert.equal((await keptIn(data)).length, mail.length)
          await rm(data, { recursive: true })
        })
        assert.ok(underWay > 0, 'no process was killed at its work')
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
    const whole = join(folder, 'whole')
    await cp(template, whole, { recursive: true })
    const { took } = await handOnIn(whole)
    const wanted = mail.map(({ octets }) => octets.toString('latin1')).toSorted()
    const there = async (): Promise<string[]> => {
      const names = await readdir(join(maildir, 'new'))
      const octets = await Promise.all(names.map((name) => readFile(join(maildir, 'new', name))))
      return octets.map((each) => each.toString('latin1')).toSorted()
    }
    assert.deepEqual(await there(), wanted)
    const random = new Random(seed)
    let underWay = 0
    for (let trial = 0; trial < 12; trial++) {
      const data = join(folder, `data-${trial}`)
      await rm(maildir, { recursive: true })
      await cp(template, data, { recursive: true })
      for (let times = 0; times < 2; times++) await handOnIn(data, took * (0.3 + 0.7 * random.fraction()))
      // A kill may come before the folder is made, or before all of its three are.
      const before = existsSync(join(maildir, 'new')) ? (await readdir(join(maildir, 'new'))).length : 0
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
    const server = new SMTPServer({
      authOptional: true,
      disabledCommands: ['STARTTLS', 'AUTH'],
      onData: (stream, _, done) => {
        const pieces: Buffer[] = []
        stream.on('data', (piece: Buffer) => pieces.push(piece))
        stream.on('end', () => {
          taken.push(Buffer.concat(pieces).toString('latin1'))
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
    const whole = join(folder, 'whole')
    await cp(template, whole, { recursive: true })
    const { took } = await handOnIn(whole)
    const wanted = few.map(({ octets }) => octets.toString('latin1')).toSorted()
    assert.deepEqual(taken.toSorted(), wanted)
    const random = new Random(seed)
    let underWay = 0
    for (let trial = 0; trial < 8; trial++) {
      const data = join(folder, `data-${trial}`)
      await cp(template, data, { recursive: true })
      taken = []
      let kills = 0
      for (let times = 0; times < 2; times++)
        if ((await handOnIn(data, took * (0.3 + 0.7 * random.fraction()))).killed) kills++
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

/** One that nobody disturbs: its work begins with the first APPEND. */
async function measure(lane: { server: ImapTarget; template: string }, data: string): Promise<Undisturbed> {
  const { server, template } = lane
  await cp(template, data, { recursive: true })
  const { manners } = server
  const started = performance.now()
  let began = 0
  server.manners = {
    ...manners,
    fate: () => {
      if (began === 0) began = performance.now() - started
      return 'take'
    },
  }
  const { took } = await handOnIn(data)
  server.manners = manners
  assertAllThere(server)
  return { began, ended: took }
}

function assertAllThere(server: ImapTarget): void {
  const there = server.messages.map(({ date, octets }) => `${Date.parse(date)} ${octets.toString('latin1')}`)
  const wanted = mail.map(({ received, octets }) => `${received} ${octets.toString('latin1')}`)
  const short = (all: string[]): string[] => all.map((text) => text.slice(0, 60)).toSorted()
  assert.deepEqual(short(there), short(wanted))
  assert.deepEqual(there.toSorted(), wanted.toSorted())
}
