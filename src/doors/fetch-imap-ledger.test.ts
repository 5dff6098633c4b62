import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Hash, MessageId } from '../ids.ts'
import type { LedgerEntry } from '../store/store.ts'
import { emailIdOf, ImapLedger, imapName, imapUniqueId } from './fetch-imap-ledger.ts'

const inbox = { path: 'INBOX', id: undefined, uidValidity: 7 }

function entry(uniqueId: string, more: Partial<LedgerEntry> = {}): LedgerEntry {
  const hash = 'a'.repeat(64) as Hash
  return { account: 'imap:a@b', uniqueId, nth: 0, hash, size: 10, stored: 1, message: 1 as MessageId, ...more }
}

test('a name in the ledger says where a message stands, whatever its mailbox is called', () => {
  for (const path of ['INBOX', 'a/b', '#x', '=y', '1/2/3/=z', 'with\nline', '~', '']) {
    const name = imapName(imapUniqueId({ path, id: undefined, uidValidity: 4294967295 }, 12, 'M_1-x', true))
    assert.deepEqual(name, { uidValidity: 4294967295, uid: 12, emailId: 'M_1-x', byHeader: true, mailbox: `=${path}` })
  }
  assert.equal(imapName('whatever'), undefined)
  assert.equal(imapName(imapUniqueId({ ...inbox, id: 'F1' }, 1))?.mailbox, '#F1')
})

test('no two places have one name', () => {
  const places = [
    inbox,
    { ...inbox, uidValidity: 71 },
    { ...inbox, path: '=INBOX' },
    { ...inbox, path: '#F' },
    { ...inbox, id: 'F' },
  ]
  const names = places.flatMap((place) =>
    [1, 11].flatMap((uid) => ['', 'M', '1'].map((id) => imapUniqueId(place, uid, id))),
  )
  assert.equal(new Set(names).size, names.length)
})

test('a message is known by mailbox, UIDVALIDITY, UID and size; by the name or the id of the mailbox', () => {
  const ledger = new ImapLedger([entry(imapUniqueId(inbox, 1, 'M1'))])
  assert.ok(ledger.find(inbox, 1))
  assert.ok(ledger.find({ ...inbox, id: 'F1' }, 1, 10))
  assert.equal(ledger.find(inbox, 1, 11), undefined)
  assert.equal(ledger.find(inbox, 2), undefined)
  assert.equal(ledger.find({ ...inbox, uidValidity: 8 }, 1), undefined)
  assert.equal(ledger.find({ ...inbox, path: 'Other' }, 1), undefined)
})

test('what another program has had is known, whatever its size; it is no message of ours', () => {
  const ledger = new ImapLedger([entry(imapUniqueId(inbox, 1), { hash: '' as Hash, size: 0 })])
  assert.ok(ledger.find(inbox, 1, 11))
  assert.deepEqual([ledger.ofSize(0), ledger.withEmailId('')], [[], []])
})

test('what was lost is found again by its octets, each once', () => {
  const rows = [1, 2].map((uid) => entry(imapUniqueId(inbox, uid)))
  const ledger = new ImapLedger(rows)
  ledger.lose(({ uidValidity }) => uidValidity === 7)
  const hash = rows[0]?.hash ?? ('' as Hash)
  assert.equal(new Set([ledger.adopt(hash), ledger.adopt(hash)]).size, 2)
  assert.equal(ledger.adopt(hash), undefined)
})

test('an id is believed only where it looks like one', () => {
  assert.deepEqual(
    [emailIdOf('M-1_x'), emailIdOf('a/b'), emailIdOf('~x'), emailIdOf(''), emailIdOf(undefined)],
    ['M-1_x', '', '', '', ''],
  )
})
