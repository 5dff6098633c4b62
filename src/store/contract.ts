import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { crc32 } from 'node:zlib'
import { StoreError } from '../errors.ts'
import type { Hash, MessageId, ModSeq, UniqueId } from '../ids.ts'
import { Downgrader } from '../message/downgrade.ts'
import { keepingContract } from './contract-keeping.ts'
import { type It, add, octetsOf, stage } from './contract-mail.ts'
import { maildropContract } from './contract-maildrop.ts'
import { hashOf } from './measure.ts'
import { smallMessage, type Draft, type Store, type UserMail } from './store.ts'

/** A store to be tested, and how to let go of it. */
export interface Tested {
  readonly store: Store
  end(): Promise<void>
}

/** What every store must do. `make` gives an empty one. */
export function storeContract(name: string, make: () => Promise<Tested>): void {
  const it: It = (what, body) => {
    test(`${name}: ${what}`, async () => {
      const tested = await make()
      try {
        await body(await tested.store.open('mario'), tested.store)
      } finally {
        await tested.end()
      }
    })
  }

  maildropContract(it)
  keepingContract(it)

  it('a range of the octets is what lies there of them', async (mail) => {
    const id = await add(mail, 'Subject: x\r\n\r\nthe text\r\n')
    assert.equal((await octetsOf(mail, id, { from: 14, to: 17 })).toString(), 'the')
    assert.equal((await octetsOf(mail, id, { from: 18, to: 1000 })).toString(), 'text\r\n')
    assert.equal((await octetsOf(mail, id, { from: 1000, to: 2000 })).length, 0)
  })

  it('a new user has an empty INBOX', async (mail) => {
    const mailboxes = await mail.read((view) => view.mailboxes())
    assert.deepEqual(
      mailboxes.map(({ id, name: called, messages, uidNext }) => ({ id, called, messages, uidNext })),
      [{ id: 1, called: 'INBOX', messages: 0, uidNext: 1 }],
    )
  })

  it('opening a user again gives the same mail', async (mail, store) => {
    await add(mail, 'a\r\n')
    assert.equal((await (await store.open('mario')).read((view) => view.messages())).length, 1)
    assert.equal((await (await store.open('maria')).read((view) => view.messages())).length, 0)
  })

  it('octets come back as they went in, whatever they are', async (mail) => {
    const bodies = [
      Buffer.alloc(0),
      Buffer.from('no line end'),
      Buffer.from('Subject: è\r\n\r\nbare\nLF and\rCR and \0 NUL and \xff\r\n', 'latin1'),
      Buffer.from('\n.\r\n..\r\n'),
      randomBytes(128 * 1024),
      randomBytes(128 * 1024 + 1),
      randomBytes(smallMessage),
      randomBytes(smallMessage + 1),
      randomBytes(5 * smallMessage + 17),
    ]
    const ids: MessageId[] = []
    for (const body of bodies) ids.push(await add(mail, body))
    for (const [place, id] of ids.entries()) {
      const found = await octetsOf(mail, id)
      assert.ok(found.equals(bodies[place] ?? Buffer.alloc(0)), `message ${place} came back otherwise`)
      assert.equal((await mail.read((view) => view.message(id)))?.hash, hashOf(bodies[place] ?? Buffer.alloc(0)))
    }
  })

  it('octets on the wire count CRLF for each LF of a Unix file, and a last line end that is missing', async (mail) => {
    const cases: [string, number, 'crlf' | 'lf'][] = [
      ['a\r\nb\r\n', 6, 'crlf'],
      ['a\r\nb', 6, 'crlf'],
      ['a\nb\n', 6, 'lf'],
      ['a\nb', 6, 'lf'],
      ['a\r\nb\nc\r\n', 8, 'crlf'],
      ['a\r\nb\n', 7, 'crlf'],
      ['ab', 4, 'crlf'],
      ['', 0, 'crlf'],
      ['a\r', 4, 'crlf'],
    ]
    for (const [text, octets, lineEnds] of cases) {
      for (const chunk of [1, 2, 3, 100]) {
        const staged = await stage(mail, text, 'unknown', chunk)
        assert.deepEqual(
          { octets: staged.octets, lineEnds: staged.lineEnds, size: staged.size },
          { octets, lineEnds, size: text.length },
          JSON.stringify(text),
        )
        staged.discard()
      }
    }
  })

  it('of octets it is known what their CRC-32 is, whether a line begins with a dot, and what old clients get', async (mail) => {
    const from = 'From: =?utf-8?B?w6hAeC5pdA==?=\r\n <invalid@internationalized-address.invalid>\r\n'
    const long = 'X: y\r\n'.repeat(2_000)
    const cases: [string, dots: boolean, surrogate?: number][] = [
      ['Subject: a\r\n\r\nb.\r\n..\r\n', true],
      ['Subject: a\n\nb.\n.c\n', true],
      ['.a: b\r\n\r\n', true],
      ['Subject: a\r\n.\r\n', true],
      ['Subject: .a\r\n\r\n .b\r\nè\r\n', false],
      ['From: è@x.it\r\n\r\nb\r\n', false, from.length + 5],
      ['From: è@x.it\n\nb\n', false, from.length + 5],
      ['From: è@x.it', false, from.length],
      ['From: è@x.it\r\n\r\n.b', true, from.length + 6],
      [`From: è@x.it\r\nX: è\r\n${long}\r\nè`, false, from.length + long.length + 6],
      [`${long}From: è@x.it\r\n\r\n${'b'.repeat(300_000)}\r\n`, false, from.length + long.length + 300_004],
      ['\r\nFrom: è@x.it\r\n', false],
      [`${'X: y\r\n'.repeat(20_000)}From: è@x.it\r\n`, false],
      ['', false],
    ]
    for (const [text, dots, surrogate] of cases) {
      for (const form of ['wire', 'unknown'] as const) {
        for (const chunk of [1, 2, 3, 70_000]) {
          if (text.length > 1000 && chunk < 100) continue
          if (form === 'wire' && /[^\r]\n/.test(text)) continue
          const staged = await stage(mail, text, form, chunk)
          const known = { crc: staged.crc, dots: staged.dots, surrogate: staged.surrogate }
          assert.deepEqual(known, { crc: crc32(Buffer.from(text)), dots, surrogate }, JSON.stringify(text.slice(0, 50)))
          staged.discard()
        }
      }
    }
    const id = await add(mail, 'From: è@x.it\r\n\r\nb\r\n')
    const { crc, dots, surrogate } = (await mail.read((view) => view.message(id))) ?? {}
    const expected = { crc: crc32(Buffer.from('From: è@x.it\r\n\r\nb\r\n')), dots: false, surrogate: from.length + 5 }
    assert.deepEqual({ crc, dots, surrogate }, expected)
  })

  it('what old clients get is as large as it was measured, however large the message is and however it came', async (mail) => {
    const part = `--b\r\nContent-Description: è\r\nX-A: è\r\n\r\n${'.line\r\n'.repeat(30_000)}`
    const head = `From: è@x.it\r\nX-B: ${'è'.repeat(600_000)}\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n`
    const text = `${head}${part.repeat(10)}--b--\r\n`
    for (const chunk of [1400, 70_001, Infinity]) {
      const staged = await stage(mail, text, 'wire', chunk)
      const id = await mail.change((draft) => draft.add(staged, { mailbox: draft.openMailbox('INBOX'), received: 1 }))
      staged.discard()
      let sent = 0
      const downgrader = new Downgrader((octets) => (sent += octets.length) > 0)
      await mail.lend(id, (parts) => {
        for (const octets of parts) downgrader.write(octets)
        return undefined
      })
      downgrader.end()
      assert.equal(staged.surrogate, sent)
      assert.ok(sent > 2 << 20)
    }
  })

  it('UIDs, message ids and unique-ids are never given twice', async (mail) => {
    const first = await add(mail, '1\r\n')
    const second = await add(mail, '2\r\n')
    await mail.change((draft) => draft.remove(second))
    const third = await add(mail, '3\r\n')
    const messages = await mail.read((view) => view.messages())
    assert.deepEqual(
      messages.map(({ id, uid }) => [id, uid]),
      [
        [first, 1],
        [third, 3],
      ],
    )
    assert.equal(new Set(messages.map(({ uniqueId }) => uniqueId)).size, 2)
    for (const { uniqueId } of messages) assert.match(uniqueId, /^[!-~]{1,70}$/)
  })

  it('a unique-id that is brought along is kept, unless it is taken or cannot be one', async (mail) => {
    const wanted = '000000a5' as UniqueId
    const [kept, taken, wrong] = [
      await add(mail, '1\r\n', { uniqueId: wanted }),
      await add(mail, '2\r\n', { uniqueId: wanted }),
      await add(mail, '3\r\n', { uniqueId: 'with space' as UniqueId }),
    ]
    const ids = await mail.read((view) => [kept, taken, wrong].map((id) => view.message(id)?.uniqueId))
    assert.equal(ids[0], wanted)
    assert.notEqual(ids[1], wanted)
    assert.match(ids[2] ?? '', /^[!-~]{1,70}$/)
  })

  it('every change has the next modseq, and `changes` tells each since then', async (mail) => {
    const start = await mail.read((view) => view.modseq)
    const first = await add(mail, '1\r\n')
    const second = await add(mail, '2\r\n')
    const middle = await mail.read((view) => view.modseq)
    await mail.change((draft) => draft.setFlags(first, ['\\Seen']))
    await mail.change((draft) => draft.remove(second))
    const { all, later, modseq } = await mail.read((view) => ({
      all: view.changes(start),
      later: view.changes(middle),
      modseq: view.modseq,
    }))
    assert.equal(modseq, start + 4)
    assert.equal(mail.modseq(), modseq)
    assert.deepEqual(
      all.map(({ id, added, message }) => [id, added, message?.flags]),
      [
        [first, true, ['\\Seen']],
        [second, false, undefined],
      ],
    )
    assert.deepEqual(
      later.map(({ id, added }) => [id, added]),
      [
        [first, false],
        [second, false],
      ],
    )
    assert.deepEqual(
      (await mail.read((view) => view.changes(start, 1))).map(({ id }) => id),
      [first],
    )
    assert.deepEqual(await mail.read((view) => view.changes(modseq)), [])
  })

  it('a change that throws leaves no trace', async (mail) => {
    await add(mail, 'kept\r\n')
    const before = await mail.read((view) => ({
      modseq: view.modseq,
      messages: view.messages(),
      mailboxes: view.mailboxes(),
    }))
    const staged = await stage(mail, 'lost\r\n')
    const attempt = mail.change((draft) => {
      draft.add(staged, {
        mailbox: draft.openMailbox('Other'),
        received: 1,
        origin: { account: 'a', uniqueId: 'u', nth: 0 },
      })
      draft.hide(1 as MessageId, true)
      throw new RangeError('changed my mind')
    })
    await assert.rejects(attempt, RangeError)
    staged.discard()
    assert.deepEqual(
      await mail.read((view) => ({ modseq: view.modseq, messages: view.messages(), mailboxes: view.mailboxes() })),
      before,
    )
    assert.deepEqual(await mail.read((view) => view.ledger('a')), [])
    assert.equal(await add(mail, 'next\r\n'), 2)
  })

  it('one change that throws does not touch its neighbours', async (mail) => {
    const staged = await Promise.all(['1', '2', '3'].map((text) => stage(mail, text)))
    const results = await Promise.allSettled(
      staged.map((one, place) =>
        mail.change((draft) => {
          const id = draft.add(one, { mailbox: draft.openMailbox('INBOX'), received: 1 })
          if (place === 1) throw new RangeError('not this one')
          return id
        }),
      ),
    )
    assert.deepEqual(
      results.map(({ status }) => status),
      ['fulfilled', 'rejected', 'fulfilled'],
    )
    const ids = await mail.read((view) => view.messages().map(({ id }) => id))
    assert.deepEqual(await Promise.all(ids.map((id) => octetsOf(mail, id))), [Buffer.from('1'), Buffer.from('3')])
  })

  it('the ledger keeps what came by which way, also when the message is gone', async (mail) => {
    const origin = { account: 'pop3:a@b', uniqueId: 'u1', nth: 0, listed: 99 }
    const id = await add(mail, 'x\r\n', { origin })
    const hash = hashOf(Buffer.from('x\r\n'))
    const found = await mail.read((view) => view.origin('pop3:a@b', 'u1', hash, 0))
    assert.deepEqual({ ...found, stored: 0 }, { ...origin, hash, size: 3, stored: 0, message: id })
    assert.equal(await mail.read((view) => view.origin('pop3:a@b', 'u1', hash, 1)), undefined)
    await mail.change((draft) => {
      draft.remove(id)
      const [entry] = draft.view.ledger('pop3:a@b')
      if (entry !== undefined) draft.relist(entry, 100)
    })
    const [left] = await mail.read((view) => view.ledger('pop3:a@b'))
    assert.deepEqual({ ...left, stored: 0 }, { ...origin, listed: 100, hash, size: 3, stored: 0, message: undefined })
  })

  it('the ledger takes a row that comes with no message, and keeps what names a header', async (mail) => {
    const origin = { account: 'pop3:a@b', uniqueId: 'u1', nth: 0, listed: 3 }
    const id = await add(mail, 'x\r\n', { origin: { ...origin, head: 'print' } })
    const hash = hashOf(Buffer.from('x\r\n'))
    await mail.change((draft) => {
      draft.know({ ...origin, uniqueId: 'u2', head: 'print' }, { hash, size: 3, message: id })
      draft.know({ account: 'pop3:a@b', uniqueId: 'u3', nth: 0 }, { hash: '' as Hash, size: 0 })
    })
    const look = async (): Promise<unknown> =>
      await mail.read((view) =>
        view
          .ledger('pop3:a@b')
          .toSorted((a, b) => (a.uniqueId < b.uniqueId ? -1 : 1))
          .map((entry) => [entry.uniqueId, entry.hash, entry.listed, entry.size, entry.message, view.head(entry)]),
      )
    assert.deepEqual(await look(), [
      ['u1', hash, 3, 3, id, 'print'],
      ['u2', hash, 3, 3, id, 'print'],
      ['u3', '', undefined, 0, undefined, undefined],
    ])
    await mail.change((draft) => draft.remove(id))
    assert.equal(await mail.read((view) => view.origin('pop3:a@b', 'u2', hash, 0)?.message), undefined)
  })

  it('the ledger gives the rows of later messages alone, where only those are wanted', async (mail) => {
    const origin = { account: 'pop3:a@b', nth: 0 }
    const first = await add(mail, 'x\r\n', { origin: { ...origin, uniqueId: 'u1' } })
    const second = await add(mail, 'y\r\n', { origin: { ...origin, uniqueId: 'u2' } })
    const third = await add(mail, 'z\r\n', { origin: { ...origin, uniqueId: 'u3' } })
    await mail.change((draft) => {
      draft.know({ ...origin, uniqueId: 'u4' }, { hash: '' as Hash, size: 0 })
      draft.remove(third)
    })
    const later = (after: MessageId): Promise<unknown> =>
      mail.read((view) => view.ledger('pop3:a@b', after).map(({ uniqueId, message }) => [uniqueId, message]))
    assert.deepEqual(await later(first), [
      ['u2', second],
      ['u3', undefined],
    ])
    assert.deepEqual(await later(third), [])
    assert.deepEqual(await mail.read((view) => ['pop3:a@b', 'pop3:c@d'].map((each) => view.ledgerSize(each))), [4, 0])
  })

  it('troubles are noted and cleared', async (mail) => {
    const trouble = { attempts: 2, why: 'it said no', next: 5 }
    await mail.change((draft) => draft.trouble('a', 'u', trouble))
    assert.deepEqual(await mail.read((view) => view.troubles('a')), [{ account: 'a', uniqueId: 'u', ...trouble }])
    await mail.change((draft) => draft.trouble('a', 'u', undefined))
    assert.deepEqual(await mail.read((view) => view.troubles('a')), [])
  })

  it('messages can be asked for by mailbox, from one on, so many', async (mail) => {
    for (let n = 1; n <= 5; n++) await add(mail, `${n}\r\n`)
    await mail.change((draft) => draft.move(2 as MessageId, draft.openMailbox('Other')))
    const ids = (options?: Parameters<UserMailView['messages']>[0]): Promise<number[]> =>
      mail.read((view) => view.messages(options).map(({ id }) => id))
    assert.deepEqual(await ids(), [1, 2, 3, 4, 5])
    const inbox = await mail.read((view) => view.mailbox('INBOX')?.id)
    assert.ok(inbox !== undefined)
    assert.deepEqual(await ids({ mailbox: inbox, after: 1 as MessageId, limit: 2 }), [3, 4])
    assert.deepEqual(await ids({ newest: true, limit: 2 }), [4, 5])
    assert.deepEqual(await ids({ mailbox: inbox, newest: true, limit: 2, before: 4 as MessageId }), [1, 3])
    assert.deepEqual(await ids({ mailbox: inbox, newest: true }), [1, 3, 4, 5])
    assert.deepEqual(await ids({ newest: true, limit: 0 }), [])
  })

  it('what is not there is said, not made up', async (mail) => {
    await assert.rejects(
      octetsOf(mail, 7 as MessageId),
      (error) => error instanceof StoreError && error.code === 'no-such-message',
    )
    const wrong: ((draft: Draft) => unknown)[] = [
      (draft) => draft.remove(7 as MessageId),
      (draft) => draft.setFlags(7 as MessageId, []),
      (draft) => draft.openMailbox('a//b'),
      (draft) => draft.openMailbox('a\nb'),
    ]
    for (const work of wrong) await assert.rejects(mail.change(work))
    assert.equal(await mail.read((view) => view.message(7 as MessageId)), undefined)
    assert.equal(await mail.read((view) => view.mailbox('Nowhere')), undefined)
  })

  it('a removed user is gone, and can begin again', async (mail, store) => {
    await add(mail, 'x\r\n')
    await store.remove('mario')
    const again = await store.open('mario')
    assert.deepEqual(await again.read((view) => view.messages()), [])
    assert.ok((await again.read((view) => view.modseq)) >= (0 as ModSeq))
  })
}

type UserMailView = Parameters<Parameters<UserMail['read']>[0]>[0]
