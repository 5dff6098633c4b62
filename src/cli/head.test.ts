import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { MessageId } from '../ids.ts'
import type { UserMail } from '../store/store.ts'
import { lookAtHead } from './head.ts'

/** A lender that takes back what it lent, and counts what was taken of these parts. */
function lender(parts: readonly string[], late: boolean): { mail: UserMail; taken: () => number } {
  let taken = 0
  const lend: UserMail['lend'] = (_, take) => {
    for (const part of parts) {
      const loan = Buffer.from(part)
      const enough = take([loan]) === 'enough'
      loan.fill('?')
      taken++
      if (enough) break
    }
    return late ? Promise.resolve() : undefined
  }
  return { mail: { lend } as UserMail, taken: () => taken }
}

test('the head of a message is looked at once, whatever it lies in, and no more is asked for', async () => {
  const long = 'x'.repeat(40_000)
  const cases: [parts: string[], head: string, taken: number][] = [
    [['A: 1\r\n\r\nbody', 'more'], 'A: 1\r\n\r\nbody', 1],
    [['A: 1\n', 'B: 2\n\nbody', 'more'], 'A: 1\nB: 2\n\nbody', 2],
    [['A: 1\r\n', '\r\nbody'], 'A: 1\r\n\r\nbody', 2],
    [['A: 1\r\n'], 'A: 1\r\n', 1],
    [[], '', 0],
    [[long, long, long], long + long, 2],
  ]
  for (const late of [false, true])
    for (const [parts, head, taken] of cases) {
      const { mail, taken: count } = lender(parts, late)
      const seen: string[] = []
      const waiting = lookAtHead(mail, 1 as MessageId, (octets) => seen.push(Buffer.from(octets).toString()))
      assert.equal(waiting !== undefined, late)
      await waiting
      assert.deepEqual([seen, count()], [[head], taken])
    }
})
