import assert from 'node:assert/strict'
import { existsSync, readdirSync } from 'node:fs'
import { appendFile, mkdir, mkdtemp, open, readFile, rename, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { StoreError } from '../errors.ts'
import type { MessageId } from '../ids.ts'
import { add, octetsOf, stage } from './contract-mail.ts'
import { storeContract } from './contract.ts'
import { DiskStore } from './disk.ts'
import { anySignature, encodeRecord } from './record-frame.ts'
import { spooledBeyond } from './staging.ts'
import type { UserMail } from './store.ts'

storeContract('the disk store', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'postino-store-'))
  const store = new DiskStore(folder)
  return {
    store,
    end: async () => {
      await store.close()
      await rm(folder, { recursive: true })
    },
  }
})

interface Place {
  readonly folder: string
  readonly index: string
  readonly segment: string
  /** A store on the folder, as a process of its own would have it. */
  readonly store: () => DiskStore
}

function onDisk(name: string, body: (place: Place) => Promise<void>): void {
  test(`the disk store: ${name}`, async () => {
    const folder = await mkdtemp(join(tmpdir(), 'postino-store-'))
    const stores: DiskStore[] = []
    const user = join(folder, 'users', 'mario')
    try {
      await body({
        folder: user,
        index: join(user, 'index.sqlite'),
        segment: join(user, 'segments', '0000000001.zst'),
        store: () => {
          const store = new DiskStore(folder)
          stores.push(store)
          return store
        },
      })
    } finally {
      for (const store of stores) await store.close()
      await rm(folder, { recursive: true })
    }
  })
}

/** Everything that a person could miss. */
async function everything(mail: UserMail): Promise<unknown> {
  const seen = await mail.read((view) => ({
    modseq: view.modseq,
    mailboxes: view.mailboxes(),
    messages: view.messages(),
    ledger: view.ledger('pop3:a@b'),
    troubles: view.troubles('pop3:a@b'),
    changes: view.changes(0 as never),
  }))
  const octets: string[] = []
  for (const { id } of seen.messages) octets.push((await octetsOf(mail, id)).toString('latin1'))
  return { ...seen, octets }
}

async function fill(mail: UserMail): Promise<void> {
  for (let n = 0; n < 6; n++) {
    await add(mail, `Subject: ${n}\r\n\r\n${'text '.repeat(n * 50)}\r\n`, {
      origin: { account: 'pop3:a@b', uniqueId: `u${n}`, nth: 0, listed: n },
      flags: n % 2 ? ['\\Seen'] : [],
    })
  }
  await add(mail, 'Subject: 3\r\n\r\ntwin\r\n')
  await add(mail, 'Subject: 3\r\n\r\ntwin\r\n')
  await add(mail, Buffer.alloc(spooledBeyond + 5, 'large\r\n'))
  await mail.change((draft) => {
    draft.setFlags(1 as MessageId, ['\\Flagged', '$Work'])
    draft.move(2 as MessageId, draft.openMailbox('Archive'))
    draft.remove(3 as MessageId)
    draft.hide(4 as MessageId, true)
    draft.trouble('pop3:a@b', 'u9', { attempts: 1, why: 'no', next: 9 })
    const [entry] = draft.view.ledger('pop3:a@b')
    if (entry !== undefined) draft.relist(entry, 77)
  })
}

onDisk('what was kept is there when it is opened again', async ({ store }) => {
  const first = store()
  const mail = await first.open('mario')
  await fill(mail)
  const before = await everything(mail)
  await first.close()
  assert.deepEqual(await everything(await store().open('mario')), before)
})

onDisk('a rebuilt index is the same index', async ({ store, index }) => {
  const first = store()
  const mail = await first.open('mario')
  await fill(mail)
  const before = await everything(mail)
  await first.close()
  for (const end of ['', '-wal', '-shm']) await rm(index + end, { force: true })
  const second = store()
  await assert.rejects(
    second.open('mario'),
    (error) => error instanceof StoreError && error.code === 'missing' && /check --rebuild/.test(error.message),
  )
  assert.deepEqual(await second.rebuild('mario'), { messages: 8, damage: [], setAside: undefined })
  assert.deepEqual(await everything(await second.open('mario')), before)
  assert.deepEqual((await second.check('mario')).problems, [])
  await add(await second.open('mario'), 'after\r\n')
  assert.deepEqual((await second.check('mario')).problems, [])
})

onDisk('equal octets are kept once', async ({ store, segment }) => {
  const mail = await store().open('mario')
  const body = 'x'.repeat(50_000)
  await add(mail, body)
  const once = (await stat(segment)).size
  await add(mail, body)
  assert.ok((await stat(segment)).size < once + 1000)
})

onDisk(
  'a write that was never finished is taken back, and what was committed but not indexed is taken in',
  async ({ store, segment, index }) => {
    const first = store()
    const mail = await first.open('mario')
    await add(mail, 'one\r\n')
    await first.close()
    const saved = await readFile(index)
    const second = store()
    await add(await second.open('mario'), 'two\r\n')
    const before = await everything(await second.open('mario'))
    await second.close()
    const whole = await readFile(segment)
    // The index as it was before the second message, and every possible stop in the middle of a third.
    for (const torn of [0, 1, 7, 15, 20, 40, 200]) {
      await writeFile(index, saved)
      await writeFile(segment, whole)
      const third = store()
      await appendFile(segment, whole.subarray(whole.lastIndexOf(anySignature) - 8).subarray(0, 0))
      const record = encodeRecord({ t: 'remove', modseq: 99 as never, id: 1 as MessageId }, whole.readUInt32LE(16))
      await appendFile(segment, Buffer.concat([record, record]).subarray(0, torn))
      const after = await third.open('mario')
      assert.deepEqual(await everything(after), before, `torn after ${torn} octets`)
      assert.deepEqual((await third.check('mario')).problems, [])
      await add(after, 'three\r\n')
      assert.deepEqual((await third.check('mario')).problems, [])
      await third.close()
    }
  },
)

onDisk(
  'a flipped octet anywhere is found by check, and never comes out as mail',
  async ({ store, segment, index, folder }) => {
    const first = store()
    const mail = await first.open('mario')
    const texts = ['first\r\n', 'second\r\n', 'third\r\n'].map((text) => text.repeat(20))
    for (const text of texts) await add(mail, text)
    await first.close()
    const [whole, indexed] = [await readFile(segment), await readFile(index)]
    for (let at = 0; at < whole.length; at += 53) {
      await rm(folder, { recursive: true })
      await mkdir(join(folder, 'segments'), { recursive: true })
      const damaged = Buffer.from(whole)
      damaged[at] = (damaged[at] ?? 0) ^ 0x10
      await writeFile(segment, damaged)
      await writeFile(index, indexed)
      const second = store()
      assert.notDeepEqual((await second.check('mario')).problems, [], `octet ${at} was flipped and nobody noticed`)
      const opened = await second.open('mario')
      const spoilt: unknown[] = []
      for (const [place, text] of texts.entries()) {
        const read = await octetsOf(opened, (place + 1) as MessageId).catch((error: unknown) => spoilt.push(error))
        if (read instanceof Buffer) assert.equal(read.toString(), text)
      }
      for (const error of spoilt)
        assert.ok(
          error instanceof StoreError && error.code === 'damaged' && error.message.includes(segment),
          String(error),
        )
      assert.ok(spoilt.length <= 1, 'one octet can spoil one message at the most')
      await add(opened, 'new mail goes on\r\n')
      await second.close()
      const third = store()
      assert.ok((await third.rebuild('mario')).messages >= 3, `octet ${at}: what is whole must come back`)
      await third.close()
    }
  },
)

onDisk(
  'a segment that was cut short: the rest is readable, and nothing is written over',
  async ({ store, segment }) => {
    const first = store()
    const mail = await first.open('mario')
    for (const text of ['1', '2', '3']) await add(mail, text.repeat(5000))
    await first.close()
    await truncate(segment, (await stat(segment)).size - 5100)
    const cut = await readFile(segment)
    const second = store()
    const opened = await second.open('mario')
    assert.equal((await octetsOf(opened, 1 as MessageId)).length, 5000)
    await assert.rejects(octetsOf(opened, 3 as MessageId), /damaged message in .*0000000001\.zst at offset \d+/)
    await add(opened, 'new')
    assert.ok((await readFile(segment)).equals(cut), 'the damaged segment was written to')
    const { problems } = await second.check('mario')
    assert.ok(problems.some(({ path, what }) => path === segment && /ends at/.test(what)))
    await second.close()
    const third = store()
    await third.rebuild('mario')
    assert.deepEqual(
      (await (await third.open('mario')).read((view) => view.messages())).map(({ id }) => id),
      [1, 2, 4],
    )
  },
)

onDisk(
  'a message cannot bring records of its own, even where the segment around it is damaged',
  async ({ store, segment }) => {
    const first = store()
    const mail = await first.open('mario')
    await add(mail, 'before\r\n')
    const forged = encodeRecord({ t: 'remove', modseq: 50 as never, id: 1 as MessageId }, 12345)
    await add(mail, Buffer.concat([Buffer.from('Subject: evil\r\n\r\n'), forged, forged, Buffer.from('\r\n')]))
    await first.close()
    const file = await open(segment, 'r+')
    const whole = await readFile(segment)
    // Spoil the record of the second message, so that its octets are searched for the next one.
    await file.write(Buffer.from('X'), 0, 1, whole.indexOf('"id":2'))
    await file.close()
    const second = store()
    await second.rebuild('mario')
    // The index still had the second, so that it was written again, as 3.
    assert.deepEqual(
      (await (await second.open('mario')).read((view) => view.messages())).map(({ id }) => id),
      [1, 3],
    )
  },
)

onDisk('an index that is junk, or of a newer Postino, is said and left alone', async ({ store, index }) => {
  const first = store()
  await add(await first.open('mario'), 'x\r\n')
  await first.close()
  const saved = await readFile(index)
  await writeFile(index, 'this is no database, not at all, but it is long enough to be looked at as one'.repeat(20))
  const second = store()
  await assert.rejects(
    second.open('mario'),
    (error) => error instanceof StoreError && error.code === 'damaged' && error.message.includes(index),
  )
  const { messages, setAside } = await second.rebuild('mario')
  assert.equal(messages, 1)
  assert.ok(setAside !== undefined && existsSync(setAside))
  await second.close()
  await writeFile(index, saved)
  for (const end of ['-wal', '-shm']) await rm(index + end, { force: true })
  const database = new DatabaseSync(index)
  database.exec('pragma user_version = 99')
  database.close()
  const newer = await readFile(index)
  await assert.rejects(
    store().open('mario'),
    (error) => error instanceof StoreError && error.code === 'newer-schema' && error.message.includes(index),
  )
  assert.ok((await readFile(index)).equals(newer))
})

onDisk('two processes write to one folder', async ({ store }) => {
  const one = await store().open('mario')
  const two = await store().open('mario')
  await Promise.all(Array.from({ length: 40 }, (_, n) => add(n % 2 === 0 ? one : two, `message ${n}\r\n`)))
  const seen = await one.read((view) => view.messages())
  assert.equal(seen.length, 40)
  assert.deepEqual(await everything(two), await everything(one))
  const checking = store()
  assert.deepEqual((await checking.check('mario')).problems, [])
})

onDisk(
  'an index that is deleted while in use is noticed before anything is written',
  async ({ store, index, segment }) => {
    const mail = await store().open('mario')
    await add(mail, 'x\r\n')
    const before = await readFile(segment)
    await rm(index)
    await assert.rejects(add(mail, 'y\r\n'), (error) => error instanceof StoreError && error.message.includes(index))
    assert.ok((await readFile(segment)).equals(before))
  },
)

onDisk('no spool file is left behind', async ({ store, folder }) => {
  const mail = await store().open('mario')
  const staged = await stage(mail, Buffer.alloc(spooledBeyond * 2))
  assert.deepEqual(
    readdirSync(folder).filter((name) => name.startsWith('spool')),
    [],
  )
  staged.discard()
})

onDisk('closing one user does not touch another whose name begins alike', async ({ store }) => {
  const opened = store()
  const [mario, mario2] = [await opened.open('mario'), await opened.open('mario2')]
  const large = Buffer.alloc(2 * spooledBeyond, 'large\r\n')
  const id = await add(mario2, large)
  await add(mario, 'x\r\n')
  const reading = mario2.bytes(id)[Symbol.asyncIterator]()
  const chunks = [(await reading.next()).value as Uint8Array]
  await mario.close()
  for (let step = await reading.next(); step.done !== true; step = await reading.next()) chunks.push(step.value)
  assert.ok(Buffer.concat(chunks).equals(large))
})

onDisk('a damaged message that comes again is kept again, and repairs the first', async ({ store, segment }) => {
  for (const body of ['damage me\r\n'.repeat(10), 'damage me too\r\n'.repeat(200_000)]) {
    const first = store()
    const id = await add(await first.open('mario'), body)
    await first.close()
    const whole = await readFile(segment)
    const file = await open(segment, 'r+')
    await file.write(Buffer.from('X'), 0, 1, whole.lastIndexOf('damage me') + 3)
    await file.close()
    const second = store()
    const mail = await second.open('mario')
    await assert.rejects(octetsOf(mail, id), /damaged message/)
    const again = await add(mail, body)
    assert.equal((await octetsOf(mail, again)).toString(), body)
    assert.equal((await octetsOf(mail, id)).toString(), body)
    assert.deepEqual((await second.check('mario')).problems, [])
    await second.close()
    const third = store()
    await third.rebuild('mario')
    assert.equal((await octetsOf(await third.open('mario'), id)).toString(), body)
    await third.close()
  }
})

onDisk('a device whose removal is lost to damage comes again, and the rest with it', async ({ store, segment }) => {
  const first = store()
  const mail = await first.open('mario')
  const id = await add(mail, 'one\r\n')
  await mail.change((draft) => draft.openDevice('phone', 'all'))
  await mail.change((draft) => draft.hide(id, true, 'phone'))
  await mail.change((draft) => draft.removeDevice('phone'))
  await mail.change((draft) => draft.openDevice('phone', 'all'))
  await first.close()
  const octets = await readFile(segment)
  octets.write('X', octets.indexOf('"device-remove"') + 1)
  await writeFile(segment, octets)
  const second = store()
  assert.notDeepEqual((await second.check('mario')).problems, [])
  assert.equal((await second.rebuild('mario')).messages, 1)
  assert.deepEqual(await (await second.open('mario')).read((view) => [...view.maildrop('phone').ids]), [id])
})

onDisk(
  'what a removal that was killed half-way has left is in nobody’s mail, and the next one ends it',
  async (place) => {
    const store = place.store()
    await add(await store.open('mario'), 'one\r\n')
    const users = join(place.folder, '..')
    await rename(place.folder, join(users, '.removed-1'))
    const other = place.store()
    assert.equal(await (await other.open('mario')).read((view) => view.messages().length), 0)
    await other.remove('mario')
    assert.deepEqual(readdirSync(users), [])
    await other.remove('mario')
  },
)
