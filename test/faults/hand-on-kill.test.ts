import assert from 'node:assert/strict'
import { cp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { type Brought, handOnIn, handOnToTheEnd, makeHouse } from './hand-on-house.ts'
import { ImapTarget } from './imap-target.ts'
import { inFolder, keptIn, killTime, makeMail, trials, type Undisturbed } from './kill-bench.ts'

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
