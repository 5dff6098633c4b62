import assert from 'node:assert/strict'
import { Writable } from 'node:stream'
import { test } from 'node:test'
import type { FetchReport } from '../doors/fetching.ts'
import { PeerError } from '../errors.ts'
import { type Outcome, outcomeOf } from './fetch-outcome.ts'
import { tellOutcome } from './fetch-telling.ts'
import { Notes } from './notes.ts'
import { Output } from './output.ts'

const nothing: FetchReport = {
  new: 0,
  skipped: 0,
  failed: 0,
  waiting: 0,
  deleted: 0,
  octets: 0,
  seconds: 0.02,
  problems: [],
  error: undefined,
}

const mario = { address: 'mario@example.it', user: 'mario' }

/** What is said of it. */
async function said(outcome: Outcome, json: boolean): Promise<{ out: string; notes: string }> {
  const texts = { out: '', notes: '' }
  const into = (name: 'out' | 'notes'): Writable =>
    new Writable({
      write(chunk: Buffer, _, done) {
        texts[name] += chunk.toString()
        done()
      },
    })
  const notes = new Notes(into('notes') as NodeJS.WriteStream, false)
  await tellOutcome({ data: '', json, quiet: false, output: new Output(into('out')), notes }, outcome)
  return texts
}

test('what a fetch remembers for itself is not told', async () => {
  const remembered = { ...nothing, skipped: 3, passedOver: ['Junk'], mailboxes: { INBOX: {} }, leastWait: 5 }
  const { out } = await said(outcomeOf(mario, remembered), true)
  assert.deepEqual(JSON.parse(out), {
    account: 'mario@example.it',
    new: 0,
    skipped: 3,
    failed: 0,
    deleted: 0,
    octets: 0,
    seconds: 0.02,
    passedOver: ['Junk'],
  })
})

test('where nothing is there, the mailboxes that are passed over are told', async () => {
  const passedOver = ['INBOX', 'Junk']
  const none = await said(outcomeOf(mario, { ...nothing, passedOver }), false)
  assert.match(none.notes, /these mailboxes are passed over: INBOX, Junk$/m)
  assert.equal(none.out, 'mario@example.it: 0 new, 0 already here in 20 ms\n')
  assert.equal((await said(outcomeOf(mario, { ...nothing, skipped: 1, passedOver }), false)).notes, '')
})

test('of a session that ended early it is not said how much was here already', async () => {
  const error = new PeerError('connection-lost', 'stopped')
  const { out, notes } = await said(outcomeOf(mario, { ...nothing, new: 2, waiting: 1, octets: 7, error }), false)
  assert.equal(notes, 'postino: mario@example.it: stopped\n')
  assert.equal(out, 'mario@example.it: 2 new, 1 waits at the server; 7 B in 20 ms\n')
})
