import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { MisuseError, StoreError } from '../errors.ts'
import type { Hash, HoldId, MessageId, ModSeq } from '../ids.ts'
import { octetsOf, stage } from './contract-mail.ts'
import { DiskStore } from './disk.ts'
import { MemoryStore } from './memory.ts'
import type { Draft, LedgerEntry, UserMail } from './store.ts'

/** One command, run in the same way on both stores. */
type Command =
  | { readonly do: 'add'; readonly body: string; readonly mailbox: string; readonly uniqueId: string | undefined }
  | { readonly do: 'flags'; readonly id: number; readonly flags: string[] }
  | { readonly do: 'move'; readonly id: number; readonly mailbox: string }
  | { readonly do: 'remove'; readonly id: number }
  | { readonly do: 'hide'; readonly id: number; readonly hidden: boolean; readonly device: string | undefined }
  | { readonly do: 'trash'; readonly id: number }
  | { readonly do: 'device'; readonly name: string; readonly start: 'all' | 'new' }
  | { readonly do: 'no device'; readonly name: string }
  | { readonly do: 'relist'; readonly listed: number }
  | { readonly do: 'know'; readonly uniqueId: string; readonly head: string | undefined }
  | { readonly do: 'trouble'; readonly uniqueId: string; readonly attempts: number }
  | { readonly do: 'hold'; readonly on: 'mailbox' | 'account' | 'message' | 'all'; readonly id: number }
  | { readonly do: 'release'; readonly hold: number }
  | { readonly do: 'quota'; readonly octets: number | undefined }
  | { readonly do: 'fail'; readonly id: number }
  | { readonly do: 'reopen' | 'rebuild' | 'settle' }

/** The same attachment, wrapped in two ways: settled, it is kept once. */
const wrapped = [76, 60].map((length) =>
  Buffer.alloc(4000, 'attachment')
    .toString('base64')
    .replaceAll(new RegExp(`.{${length}}`, 'g'), '$&\r\n'),
)

const id = fc.integer({ min: 1, max: 12 })
const mailbox = fc.constantFrom('INBOX', 'inbox', 'Archive', 'Archive/2026')
const device = fc.constantFrom('phone', 'tablet')
const uniqueId = fc.constantFrom('u1', 'u2', '')
const command: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('add' as const),
      body: fc.constantFrom('', 'one\n', 'two\r\n', 'three', 'To: è@x.it\n\n.\n', 'x'.repeat(200_000), ...wrapped),
      mailbox,
      uniqueId: fc.option(uniqueId, { nil: undefined }),
    }),
  },
  fc.record({ do: fc.constant('flags' as const), id, flags: fc.subarray(['\\Seen', '\\Flagged', '$Work']) }),
  fc.record({ do: fc.constant('move' as const), id, mailbox }),
  fc.record({ do: fc.constant('remove' as const), id }),
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('hide' as const),
      id,
      hidden: fc.boolean(),
      device: fc.option(device, { nil: undefined }),
    }),
  },
  fc.record({ do: fc.constant('trash' as const), id }),
  fc.record({
    do: fc.constant('device' as const),
    name: device,
    start: fc.constantFrom('all' as const, 'new' as const),
  }),
  fc.record({ do: fc.constant('no device' as const), name: device }),
  fc.record({ do: fc.constant('relist' as const), listed: fc.nat(1000) }),
  fc.record({ do: fc.constant('know' as const), uniqueId, head: fc.constantFrom('h1', undefined) }),
  fc.record({ do: fc.constant('trouble' as const), uniqueId, attempts: fc.nat(2) }),
  fc.record({
    do: fc.constant('hold' as const),
    on: fc.constantFrom('mailbox' as const, 'account' as const, 'message' as const, 'all' as const),
    id,
  }),
  fc.record({ do: fc.constant('release' as const), hold: fc.integer({ min: 1, max: 4 }) }),
  fc.record({ do: fc.constant('quota' as const), octets: fc.option(fc.nat(100), { nil: undefined }) }),
  fc.record({ do: fc.constant('fail' as const), id }),
  fc.record({ do: fc.constantFrom('reopen' as const, 'rebuild' as const, 'settle' as const) }),
)

/** A store gives the ledger in whatever order it likes. */
function inOrder(entries: LedgerEntry[]): LedgerEntry[] {
  return entries.toSorted((a, b) =>
    `${a.uniqueId} ${a.hash} ${a.nth}`.localeCompare(`${b.uniqueId} ${b.hash} ${b.nth}`),
  )
}

/** Runs a command; tells what came of it. */
async function run(mail: UserMail, command: Command): Promise<string> {
  const staged = command.do === 'add' ? await stage(mail, command.body) : undefined
  const work = (draft: Draft): unknown => {
    switch (command.do) {
      case 'add': {
        if (staged === undefined) return undefined
        const origin =
          command.uniqueId === undefined
            ? {}
            : { origin: { account: 'a', uniqueId: command.uniqueId, nth: 0, listed: 5 } }
        return draft.add(staged, { mailbox: draft.openMailbox(command.mailbox), received: 1, ...origin })
      }
      case 'flags':
        return draft.setFlags(command.id as MessageId, command.flags)
      case 'move':
        return draft.move(command.id as MessageId, draft.openMailbox(command.mailbox))
      case 'remove':
        return draft.remove(command.id as MessageId)
      case 'hide':
        return draft.hide(command.id as MessageId, command.hidden, command.device)
      case 'trash':
        return draft.trash(command.id as MessageId)
      case 'device':
        return draft.openDevice(command.name, command.start)
      case 'no device':
        return draft.removeDevice(command.name)
      case 'relist': {
        const [entry] = inOrder(draft.view.ledger('a'))
        return entry && draft.relist(entry, command.listed)
      }
      case 'know': {
        const [entry] = inOrder(draft.view.ledger('a'))
        const { uniqueId, head } = command
        if (entry === undefined || entry.message === undefined)
          return draft.know({ account: 'a', uniqueId, nth: 0, head }, { hash: '' as Hash, size: 0 })
        const { hash, size, message } = entry
        return draft.know({ account: 'a', uniqueId, nth: 0, listed: 5, head }, { hash, size, message })
      }
      case 'trouble':
        return draft.trouble(
          'a',
          command.uniqueId,
          command.attempts === 0 ? undefined : { attempts: command.attempts, why: 'w', next: 1 },
        )
      case 'hold': {
        const scopes = {
          mailbox: { mailbox: 'Archive' },
          account: { accounts: ['a'] },
          message: { message: command.id as MessageId },
          all: {},
        }
        return draft.placeHold(scopes[command.on], { why: 'w', by: 'b' })
      }
      case 'release':
        return draft.releaseHold(command.hold as HoldId, { note: 'n', by: 'b' })
      case 'quota':
        return draft.setQuota(command.octets)
      case 'fail':
        draft.openMailbox('Never')
        draft.setQuota(7)
        draft.placeHold({}, { why: 'w', by: 'b' })
        draft.hide(command.id as MessageId, true)
        throw new MisuseError('state', 'on purpose')
      case 'reopen':
      case 'rebuild':
      case 'settle':
        return undefined
    }
  }
  try {
    return String(await mail.change(work))
  } catch (error) {
    if (error instanceof MisuseError || error instanceof StoreError) return error.code
    throw error
  } finally {
    staged?.discard()
  }
}

async function everything(mail: UserMail): Promise<unknown> {
  const seen = await mail.read((view) => ({
    modseq: view.modseq,
    mailboxes: view.mailboxes(),
    // A unique-id is random; that it is there and stays is what counts.
    messages: view.messages().map((message) => ({ ...message, uniqueId: '' })),
    maildrops: [undefined, ...view.devices().map(({ name }) => name)].map((name) => ({
      ...view.maildrop(name),
      uniqueIds: '',
      hidden: view.hidden(name),
    })),
    devices: view.devices(),
    trashed: view.trashed(Infinity),
    held: view.messages().map(({ id }) => view.holdsOn(id).map((hold) => hold.id)),
    holds: view.holds(),
    amounts: [view.octets(), view.quota()],
    ledger: inOrder(view.ledger('a')),
    heads: inOrder(view.ledger('a')).map((entry) => view.head(entry)),
    troubles: view.troubles('a').toSorted((a, b) => a.uniqueId.localeCompare(b.uniqueId)),
    changes: [0, 3, 7].map((since) =>
      view
        .changes(since as ModSeq)
        .map(({ id, modseq, added, message }) => ({ id, modseq, added, gone: message === undefined })),
    ),
  }))
  const octets: number[] = []
  for (const { id } of seen.messages) octets.push((await octetsOf(mail, id)).length)
  return { ...seen, octets }
}

test('the disk store does what the memory store does, whatever happens, closed, rebuilt and settled in between', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(command, { minLength: 1, maxLength: 25 }), async (commands) => {
      const folder = await mkdtemp(join(tmpdir(), 'postino-equal-'))
      const now = (): number => 1_700_000_000_000
      const memory = await new MemoryStore({ now }).open('mario')
      let store = new DiskStore(folder, { now })
      try {
        for (const command of commands) {
          if (command.do === 'rebuild') await store.rebuild('mario').catch(() => undefined)
          if (command.do === 'reopen') {
            await store.close()
            store = new DiskStore(folder, { now })
          }
          const disk = await store.open('mario')
          if (command.do === 'settle') assert.deepEqual((await store.settle('mario', { all: true })).left, [])
          assert.equal(await run(disk, command), await run(memory, command))
        }
        assert.deepEqual(await everything(await store.open('mario')), await everything(memory))
        assert.deepEqual((await store.check('mario')).problems, [])
        await store.rebuild('mario').catch(() => undefined)
        assert.deepEqual(await everything(await store.open('mario')), await everything(memory))
      } finally {
        await store.close()
        await rm(folder, { recursive: true })
      }
    }),
    { numRuns: 60 },
  )
})
