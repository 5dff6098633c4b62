import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import fc from 'fast-check'
import { saslCrypto } from '../../src/accounts/sasl-crypto.ts'
import type { OpenMaildrop } from '../../src/doors/open-maildrop.ts'
import { Pop3Door, type SessionLog } from '../../src/doors/serve-pop3.ts'
import { StoreError } from '../../src/errors.ts'
import { Maildrop } from '../../src/pop3/maildrop.ts'
import { keysOf } from '../../src/sasl/scram.ts'
import { checkReplies } from './grammar.ts'
import { pieces, sessions } from './lines.ts'

const messages = [
  Buffer.from('Subject: one\r\n\r\n.dot\r\n..\r\nlast line without an end'),
  Buffer.from(`Subject: big\r\n\r\n${'0123456789.\r\n'.repeat(40_000)}`),
  Buffer.from('Subject: perch\u00e9\r\n\r\nUTF-8 in the header\r\n'),
  Buffer.from(''),
]
const salt = Buffer.alloc(16)
const keys = { salt, iterations: 4096, ...keysOf(Buffer.alloc(32), saslCrypto), known: true }

interface Scene {
  readonly lines: string[]
  readonly sizes: number[]
  /** After how many octets of replies the client hangs up; undefined: it hears all. */
  readonly hearing: number | undefined
  /** What the store does: it is in time or late; some message is damaged; the update fails. */
  readonly late: boolean
  readonly damaged: number
  readonly full: boolean
}

const scene: fc.Arbitrary<Scene> = fc.record({
  lines: sessions({ quits: true, most: 40 }),
  sizes: fc.array(fc.integer({ min: 1, max: 2000 }), { minLength: 1, maxLength: 4 }),
  hearing: fc.option(fc.nat({ max: 100_000 }), { nil: undefined, freq: 4 }),
  late: fc.boolean(),
  damaged: fc.nat({ max: 8 }),
  full: fc.boolean(),
})

function maildropOf({ late, damaged, full }: Scene, counts: { open: number }): OpenMaildrop {
  counts.open++
  const broken = (): StoreError => new StoreError('damaged', 'its hash is wrong')
  return {
    maildrop: Maildrop.of(
      messages.map((octets, place) => ({
        uniqueId: `u${place}`,
        octets: octets.length,
        ...(place === 2 && { surrogate: octets.length + 1 }),
      })),
    ),
    policy: { expire: 'never', loginDelay: 0 },
    read: (number, take) => {
      const octets = messages[number - 1] ?? Buffer.alloc(0)
      const give = async (): Promise<void> => {
        await wait(0)
        for (const piece of pieces(octets, [60_000])) {
          const answer = take([piece])
          if (answer === 'enough') return
          if (answer !== undefined) await answer
          if (number === damaged) throw broken()
        }
      }
      if (late || octets.length > 60_000) return give()
      if (number === damaged) throw broken()
      const answer = take([octets])
      return answer === 'enough' ? undefined : answer
    },
    update: async (removed) => {
      await wait(0)
      if (full) throw new StoreError('disk-full', 'no space left')
      return removed.length
    },
    close: () => void counts.open--,
  }
}

/**
 * Whatever a client says to a door over a real socket, in whatever pieces, and whenever it hangs up: the replies have the right form,
 * the session ends for a reason that is told, nothing is thrown, and every maildrop is let go.
 */
export const doorProperty: fc.IAsyncProperty<[Scene]> = fc.asyncProperty(scene, async (drawn) => {
  const log: SessionLog[] = []
  const counts = { open: 0 }
  const door = new Pop3Door({
    authenticator: {
      authenticate: async (credentials) =>
        credentials.by === 'password' && credentials.password === 'secret' ? { user: 'mario' } : undefined,
      keys: async () => keys,
      mechanisms: ['PLAIN', 'LOGIN', 'SCRAM-SHA-256', 'OAUTHBEARER', 'XOAUTH2'],
      apop: true,
    },
    openMaildrop: async () => maildropOf(drawn, counts),
    log: (entry) => log.push(entry),
  })
  const at = await door.listen({ host: '127.0.0.1', port: 0, tls: false })
  const sent = Buffer.from(drawn.lines.join(''), 'latin1')
  const said = await talk(at.port, sent, drawn)
  await door.close()
  assert.equal(counts.open, 0, 'a maildrop is still locked')
  assert.equal(log.length, 1)
  const [entry] = log
  assert.notEqual(entry?.end, 'failed', entry?.problem ?? '')
  if (drawn.hearing !== undefined) return
  const closed = entry?.end !== 'connection lost'
  checkReplies(sent, said, { closed, cut: entry?.end === 'unreadable message' })
})

/** Says it all, in pieces; gives what it heard. */
async function talk(port: number, sent: Buffer, { sizes, hearing }: Scene): Promise<Buffer> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true, allowHalfOpen: true })
  // Not `once`: that rejects where the server has hung up already.
  const closed = new Promise<void>((resolve) => void socket.on('close', () => resolve()))
  const said: Buffer[] = []
  let heard = 0
  socket.on('error', () => undefined)
  socket.on('end', () => socket.end())
  socket.on('data', (octets: Buffer) => {
    said.push(octets)
    heard += octets.length
    if (hearing !== undefined && heard > hearing) socket.destroy()
  })
  // Half of the pieces come one by one, the others as the system puts them together.
  for (const [number, piece] of pieces(sent, sizes).slice(0, 40).entries()) {
    if (socket.destroyed) break
    socket.write(piece)
    if (number % 2 === 0 && number < 10) await wait(0)
  }
  const rest = sent.subarray(
    pieces(sent, sizes)
      .slice(0, 40)
      .reduce((sum, piece) => sum + piece.length, 0),
  )
  if (!socket.destroyed) socket.end(rest)
  await closed
  return Buffer.concat(said)
}
