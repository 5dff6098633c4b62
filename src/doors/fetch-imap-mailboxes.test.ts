import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { ListResponse } from 'imapflow'
import { MemoryStore } from '../store/memory.ts'
import { homeFlags } from './fetch-imap-flags.ts'
import { chooseMailboxes, homeName, legalName } from './fetch-imap-mailboxes.ts'
import { numbersIn, portions, setOf } from './fetch-imap-uids.ts'

test('names of mailboxes become names that can be here', () => {
  const name = (path: string, delimiter = '/', prefix = ''): string =>
    homeName({ path, delimiter }, { inbox: 'INBOX', prefix })
  assert.equal(name('inbox'), 'INBOX')
  assert.equal(name('INBOX.Sent.2024', '.', 'INBOX.'), 'Sent/2024')
  assert.equal(name('INBOX.', '.', 'INBOX.'), 'INBOX/_')
  assert.equal(name('a.b/c', '.'), 'a/b_c')
  assert.equal(name('a//b'), 'a/_/b')
  assert.equal(name('tab\there'), 'tab_here')
  assert.equal(name('flat.name', ''), 'flat.name')
})

test('what others share is left out unless it is asked for; where a server marks nothing, names count', () => {
  const listed = (path: string, more: object = {}): ListResponse => ({
    path,
    pathAsListed: path,
    name: path,
    delimiter: '.',
    parent: [],
    parentPath: '',
    flags: new Set<string>(),
    listed: true,
    subscribed: true,
    ...more,
  })
  const junk = listed('INBOX.Spam', { specialUse: '\\Junk', specialUseSource: 'name' })
  const list = [listed('user.anna'), listed('shared'), junk, listed('INBOX.Work'), listed('INBOX')]
  const choice = { inbox: 'INBOX', prefix: 'INBOX.', others: ['user.', ''], saysUse: true }
  const names = (more: object): string[] => chooseMailboxes(list, { ...choice, ...more }).chosen.map(({ home }) => home)
  assert.deepEqual(names({}), ['INBOX', 'Spam', 'Work'])
  assert.deepEqual(names({ saysUse: false }), ['INBOX', 'Work'])
  assert.deepEqual(names({ only: ['user.*'] }), ['user/anna'])
  assert.deepEqual(names({ prefix: '', others: ['user.'] }), ['INBOX', 'INBOX/Spam', 'INBOX/Work', 'shared'])
})

test('whatever a mailbox is called there, it can be opened here, the same each time', async () => {
  const store = new MemoryStore()
  const mail = await store.open('mario')
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.string({ unit: 'binary', maxLength: 90 }), { minLength: 1, maxLength: 9 }),
      async (parts) => {
        const name = legalName(parts)
        assert.equal(legalName(parts), name)
        await mail.change((draft) => draft.openMailbox(name))
      },
    ),
  )
  const long = 'x'.repeat(300)
  assert.notEqual(legalName([`${long}1`]), legalName([`${long}2`]))
})

test('whatever the flags are there, they can be set here', async () => {
  assert.deepEqual(
    homeFlags(['\\SEEN', '\\Recent', '\\Deleted', '$Forwarded', '$forwarded', 'no space', '\\Xyz', 'x'.repeat(300)]),
    ['$Forwarded', '\\Seen'],
  )
  const store = new MemoryStore()
  const mail = await store.open('mario')
  const staged = await mail.stage().finish()
  const id = await mail.change((draft) => draft.add(staged, { mailbox: draft.openMailbox('INBOX'), received: 1 }))
  await fc.assert(
    fc.asyncProperty(fc.array(fc.string({ unit: 'binary' })), async (flags) => {
      await mail.change((draft) => draft.setFlags(id, homeFlags(flags)))
    }),
  )
})

test('UIDs as sequence-sets, and back; a command line does not grow too long', () => {
  assert.equal(setOf([1, 2, 3, 5, 7, 8]), '1:3,5,7:8')
  assert.equal(setOf([]), '')
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.integer({ min: 1, max: 4294967295 }), { minLength: 1, maxLength: 2000 }),
      (numbers) => {
        const all: number[] = []
        for (const { set, uids } of portions(numbers, 700)) {
          assert.ok(set.length <= 4000 || uids.length === 1)
          assert.deepEqual([...numbersIn(set)], uids)
          all.push(...uids)
        }
        assert.deepEqual(
          all.toSorted((a, b) => a - b),
          numbers.toSorted((a, b) => a - b),
        )
      },
    ),
  )
})
