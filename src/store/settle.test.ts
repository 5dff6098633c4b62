import assert from 'node:assert/strict'
import { cpSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { StoreError } from '../errors.ts'
import type { MessageId } from '../ids.ts'
import { add, octetsOf } from './contract-mail.ts'
import { DiskStore } from './disk.ts'
import type { UserMail } from './store.ts'

function folderOf(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'postino-settle-'))
  t.after(() => rmSync(folder, { recursive: true }))
  return folder
}

async function storeIn(t: TestContext, folder: string): Promise<{ store: DiskStore; mail: UserMail }> {
  const store = new DiskStore(folder)
  t.after(() => store.close())
  return { store, mail: await store.open('mario') }
}

const segments = (folder: string): string[] => readdirSync(join(folder, 'users', 'mario', 'segments')).toSorted()
const sizeIn = (folder: string, name: string): number => statSync(join(folder, 'users', 'mario', 'segments', name)).size

/** Octets that do not compress, always the same. */
function noise(length: number, seed: number): Buffer {
  const octets = Buffer.alloc(length)
  for (let at = 0, state = seed; at < length; at++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
    octets[at] = state >>> 16
  }
  return octets
}

function letter(subject: string, attachment: Buffer, lineLength = 76): string {
  const lines = attachment.toString('base64').replaceAll(new RegExp(`.{${lineLength}}`, 'g'), '$&\r\n')
  return `From: Anna <anna@example.it>\r\nSubject: ${subject}\r\n\r\n${lines}\r\n`
}

/** A segment that has this in it is worth being closed. */
const filler = 'Subject: filler\r\n\r\n' + 'words that fill '.repeat(100)

test('an attachment is kept once, however it was wrapped, also over segments', async (t) => {
  const folder = folderOf(t)
  const { store, mail } = await storeIn(t, folder)
  const attachment = noise(100_000, 1)
  const texts = [letter('one', attachment), letter('two', attachment, 60), filler, letter('three', attachment)]
  const ids: MessageId[] = []
  for (const text of texts.slice(0, 3)) ids.push(await add(mail, text))
  const first = await store.settle('mario', { all: true })
  assert.equal(first.parts, 1)
  assert.ok(first.after < 110_000, `${first.after} octets for one attachment of 100,000`)
  ids.push(await add(mail, texts[3] ?? ''))
  const second = await store.settle('mario', { all: true })
  assert.deepEqual([second.parts, second.raw, second.segments], [0, 0, 1])
  assert.ok(second.after - first.after < 2000)
  for (const [place, id] of ids.entries()) assert.equal((await octetsOf(mail, id)).toString('latin1'), texts[place])
  assert.deepEqual((await store.check('mario')).problems, [])
})

test('a part that messages of other segments need stays when its own message goes', async (t) => {
  const folder = folderOf(t)
  const { store, mail } = await storeIn(t, folder)
  const shared = noise(50_000, 2)
  const gone = await add(mail, letter('gone', shared) + letter('only here', noise(90_000, 3)))
  await store.settle('mario', { all: true })
  const stays = await add(mail, letter('stays', shared, 60) + filler)
  await store.settle('mario', { all: true })
  const full = sizeIn(folder, '0000000001-1.zst')
  await mail.change((draft) => draft.remove(gone))
  assert.equal((await store.settle('mario')).segments, 1)
  assert.ok(sizeIn(folder, '0000000001-2.zst') < full - 80_000, 'what nobody needs has left')
  assert.equal((await octetsOf(mail, stays)).toString('latin1'), letter('stays', shared, 60) + filler)
  assert.deepEqual((await store.check('mario')).problems, [])
  await store.rebuild('mario')
  const again = await store.open('mario')
  assert.equal((await octetsOf(again, stays)).toString('latin1'), letter('stays', shared, 60) + filler)
  assert.deepEqual((await store.settle('mario', { all: true })).segments, 0)
})

test('a segment is not settled over and over for what cannot leave it yet', async (t) => {
  const folder = folderOf(t)
  const { store, mail } = await storeIn(t, folder)
  const shared = noise(50_000, 2)
  const first = await add(mail, letter('first', shared))
  await store.settle('mario', { all: true })
  const second = await add(mail, letter('second', shared, 60))
  await add(mail, letter('stays', noise(90_000, 3)))
  await store.settle('mario', { all: true })
  for (const id of [first, second]) await mail.change((draft) => draft.remove(id))
  await store.settle('mario')
  assert.equal((await store.settle('mario')).segments, 0)
  assert.deepEqual((await store.check('mario')).problems, [])
})

test('another process that knew where the octets were finds them where they are now', async (t) => {
  const folder = folderOf(t)
  const { store, mail } = await storeIn(t, folder)
  const ids: MessageId[] = []
  for (let n = 0; n < 40; n++) ids.push(await add(mail, `Subject: ${n}\r\n\r\n${filler}`))
  const other = await storeIn(t, folder)
  assert.equal((await octetsOf(other.mail, ids[0] as MessageId)).length > 0, true)
  await store.settle('mario', { all: true })
  for (const [n, id] of ids.entries()) {
    assert.equal((await octetsOf(other.mail, id)).toString('latin1'), `Subject: ${n}\r\n\r\n${filler}`)
    let lent = ''
    await other.mail.lend(id, (parts) => void (lent += Buffer.concat(parts).toString('latin1')))
    assert.equal(lent, `Subject: ${n}\r\n\r\n${filler}`)
  }
})

test('what comes again while its removed twin is being left out is not lost', async (t) => {
  const folder = folderOf(t)
  const { store, mail } = await storeIn(t, folder)
  const twin = await add(mail, filler)
  await add(mail, `${filler} and more`)
  await mail.change((draft) => draft.remove(twin))
  let came: MessageId | undefined
  const report = await store.settle('mario', {
    all: true,
    onStep: async (step) => {
      if (step === 'proved' && came === undefined) came = await add(mail, filler)
    },
  })
  assert.deepEqual([report.segments, report.left], [1, []])
  assert.equal((await octetsOf(mail, came as MessageId)).toString('latin1'), filler)
  await store.rebuild('mario')
  assert.equal((await octetsOf(await store.open('mario'), came as MessageId)).toString('latin1'), filler)
  assert.deepEqual((await store.check('mario')).problems, [])
})

test('what comes again while its removed twin is left out is not lost where its writer was stopped before the index had it', async (t) => {
  const folder = folderOf(t)
  const { store, mail } = await storeIn(t, folder)
  const twin = await add(mail, filler)
  await add(mail, `${filler} and more`)
  await mail.change((draft) => draft.remove(twin))
  await store.settle('mario', { all: true, signal: AbortSignal.abort() })
  const origin = { account: 'pop3:mario@example.it', uniqueId: 'u1', nth: 0 }
  const open = join('users', 'mario', 'segments', '0000000002.zst')
  let stopped = false
  await store.settle('mario', {
    onStep: async (step) => {
      if (step !== 'proved' || stopped) return
      stopped = true
      // What another process writes to the segment, but not to the index of this folder.
      const copy = folderOf(t)
      cpSync(folder, copy, { recursive: true })
      const other = await storeIn(t, copy)
      await add(other.mail, filler, { origin })
      writeFileSync(join(folder, open), readFileSync(join(copy, open)))
    },
  })
  await store.close()
  const again = await storeIn(t, folder)
  const [entry] = await again.mail.read((view) => view.ledger(origin.account))
  assert.equal((await octetsOf(again.mail, entry?.message as MessageId)).toString('latin1'), filler)
  assert.deepEqual((await again.store.check('mario')).problems, [])
})

test('where mail keeps coming back while it is left out, the segment stays, that is said, and the next settling ends it', async (t) => {
  const folder = folderOf(t)
  const { store, mail } = await storeIn(t, folder)
  const texts = ['one', 'two', 'three'].map((name) => `${filler} ${name}`)
  await add(mail, filler)
  for (const id of await Promise.all(texts.map((text) => add(mail, text))))
    await mail.change((draft) => draft.remove(id))
  const back: MessageId[] = []
  const onStep = async (step: string): Promise<void> => {
    const text = texts[back.length]
    if (step === 'proved' && text !== undefined) back.push(await add(mail, text))
  }
  const report = await store.settle('mario', { all: true, onStep })
  assert.equal(report.segments, 0)
  assert.match(report.left[0]?.why ?? '', /mail came meanwhile .* the next settling tries again$/)
  assert.equal((await store.settle('mario')).segments, 1)
  for (const [place, id] of back.entries()) assert.equal((await octetsOf(mail, id)).toString('latin1'), texts[place])
  assert.equal(back.length, texts.length)
})

/** Turns a bit in the middle of what a settling has written. */
function spoil(folder: string): void {
  const name = segments(folder).find((each) => each.endsWith('.new')) ?? assert.fail('nothing was written')
  const path = join(folder, 'users', 'mario', 'segments', name)
  const octets = readFileSync(path)
  const middle = octets.length >> 1
  octets[middle] = (octets[middle] ?? 0) ^ 1
  writeFileSync(path, octets)
}

test('what is spoilt on its way to the disk does not take the place of what it was made of, though one of its name was right before', async (t) => {
  const folder = folderOf(t)
  const { store, mail } = await storeIn(t, folder)
  const texts = Array.from(
    { length: 20 },
    (_, n) => `Subject: ${n}\r\n\r\n${noise(100_000, n + 1).toString('hex')}\r\n`,
  )
  const ids: MessageId[] = []
  for (const text of texts) ids.push(await add(mail, text))
  const left = new AbortController()
  let proved = 0
  let written = false
  await store.settle('mario', {
    all: true,
    signal: left.signal,
    onStep: (step) => void (written ||= step === 'written'),
    pace: () => {
      // Nearly all of it is read back then.
      if (written && ++proved === ids.length - 1) left.abort()
      return undefined
    },
  })
  assert.ok(left.signal.aborted)
  const report = await store.settle('mario', { onStep: (step) => (step === 'written' ? spoil(folder) : undefined) })
  assert.deepEqual([report.segments, report.left.length], [0, 1])
  for (const [place, id] of ids.entries()) assert.equal((await octetsOf(mail, id)).toString('latin1'), texts[place])
  assert.equal((await store.settle('mario')).segments, 1)
  for (const [place, id] of ids.entries()) assert.equal((await octetsOf(mail, id)).toString('latin1'), texts[place])
})

test('a part that only messages of other segments need is read back, too, before its old place goes', async (t) => {
  const folder = folderOf(t)
  const { store, mail } = await storeIn(t, folder)
  const shared = noise(50_000, 2)
  const gone = await add(mail, letter('gone', shared) + letter('only here', noise(90_000, 3)))
  await store.settle('mario', { all: true })
  const stays = await add(mail, letter('stays', shared) + filler)
  await store.settle('mario', { all: true })
  await mail.change((draft) => draft.remove(gone))
  const report = await store.settle('mario', { onStep: (step) => (step === 'written' ? spoil(folder) : undefined) })
  assert.deepEqual([report.segments, report.left.length], [0, 1])
  assert.equal((await octetsOf(mail, stays)).toString('latin1'), letter('stays', shared) + filler)
})

test('a damaged segment stays as it is, and the others settle', async (t) => {
  const folder = folderOf(t)
  const { store, mail } = await storeIn(t, folder)
  await add(mail, `bad ${filler}`)
  await store.settle('mario', { all: true, signal: AbortSignal.abort() })
  const good = await add(mail, `good ${filler}`)
  const path = join(folder, 'users', 'mario', 'segments', '0000000001.zst')
  const octets = readFileSync(path)
  const at = octets.indexOf('bad words') + octets.indexOf('bad Subject')
  octets[at + 6] = (octets[at + 6] ?? 0) ^ 1
  writeFileSync(path, octets)
  const report = await store.settle('mario', { all: true })
  assert.deepEqual(
    report.left.map((left) => left.path),
    [path],
  )
  assert.deepEqual(segments(folder), ['0000000001.zst', '0000000002-1.zst', '0000000003.zst'])
  assert.equal((await octetsOf(mail, good)).toString('latin1'), `good ${filler}`)
})

test('a copy that was taken at any step of settling opens clean, also with the index of a moment before', async (t) => {
  const folder = folderOf(t)
  const { store, mail } = await storeIn(t, folder)
  const texts = [letter('one', noise(5000, 4)), filler, letter('two', noise(5000, 4), 60)]
  for (const text of texts) await add(mail, text)
  const copies: string[] = []
  const copy = (): void => {
    const to = folderOf(t)
    cpSync(folder, to, { recursive: true })
    copies.push(to)
  }
  copy()
  await store.settle('mario', { all: true, onStep: copy })
  copy()
  const [before = ''] = copies
  const mixed = folderOf(t)
  cpSync(folder, mixed, { recursive: true })
  for (const name of ['index.sqlite', 'index.sqlite-wal', 'index.sqlite-shm'])
    cpSync(join(before, 'users', 'mario', name), join(mixed, 'users', 'mario', name))
  copies.push(mixed)
  assert.equal(copies.length, 9)
  for (const one of copies) {
    const copied = await storeIn(t, one)
    const messages = await copied.mail.read((view) => view.messages())
    const found: string[] = []
    for (const { id } of messages) found.push((await octetsOf(copied.mail, id)).toString('latin1'))
    assert.deepEqual(found, texts)
    assert.deepEqual((await copied.store.check('mario')).problems, [])
    await copied.store.settle('mario', { all: true })
    assert.equal(segments(one).filter((name) => name.endsWith('.new')).length, 0)
    assert.equal(segments(one).filter((name) => name.startsWith('0000000001')).length, 1)
  }
})

test('two processes do not settle the same mail at a time', async (t) => {
  const folder = folderOf(t)
  const { store, mail } = await storeIn(t, folder)
  await add(mail, filler)
  const other = await storeIn(t, folder)
  let busy: unknown
  await store.settle('mario', {
    all: true,
    onStep: async () => {
      busy ??= await other.store.settle('mario').catch((error: unknown) => error)
    },
  })
  assert.ok(busy instanceof StoreError && busy.code === 'busy')
})

test('a range is the same as of the whole, wherever it lies, raw and settled', async (t) => {
  const folder = folderOf(t)
  const { store, mail } = await storeIn(t, folder)
  const large = letter('large', noise(2_000_000, 6)) + letter('and another', noise(3000, 7), 60) + filler
  const texts = [filler, letter('small', noise(5000, 5)), large, `Subject: long\r\n\r\n${'words '.repeat(400_000)}`]
  const ids: MessageId[] = []
  for (const text of texts) ids.push(await add(mail, text))
  for (const form of ['raw', 'settled']) {
    if (form === 'settled') assert.equal((await store.settle('mario', { all: true })).segments, 1)
    for (const [place, id] of ids.entries()) {
      const text = texts[place] ?? ''
      for (let seed = 0; seed < 25; seed++) {
        const one = noise(8, seed * 7 + 1).readUInt32LE(0) % (text.length + 10)
        const other = noise(8, seed * 13 + 5).readUInt32LE(4) % (text.length + 10)
        const range = {
          from: Math.min(one, other),
          to: seed % 3 === 0 ? Math.min(one, other) + 50 : Math.max(one, other),
        }
        const read = (await octetsOf(mail, id, range)).toString('latin1')
        assert.ok(read === text.slice(range.from, range.to), `${form}, message ${id}, ${range.from} to ${range.to}`)
      }
    }
  }
})

test('a flipped bit anywhere in a settled segment never comes out as mail, and the rest stays readable', async (t) => {
  const folder = folderOf(t)
  const { store, mail } = await storeIn(t, folder)
  const texts = new Map<MessageId, string>()
  for (let n = 0; n < 12; n++) {
    const text =
      n % 3 === 0 ? letter(`number ${n}`, noise(3000, n)) : `Subject: ${n}\r\n\r\n${noise(2000, n).toString('hex')}`
    texts.set(await add(mail, text), text)
  }
  await store.settle('mario', { all: true })
  await store.close()
  const path = join(folder, 'users', 'mario', 'segments', '0000000001-1.zst')
  const whole = readFileSync(path)
  for (let seed = 1; seed <= 20; seed++) {
    const at = noise(4, seed).readUInt32LE(0) % whole.length
    const octets = Buffer.from(whole)
    octets[at] = (octets[at] ?? 0) ^ (1 << (seed % 8))
    writeFileSync(path, octets)
    const flipped = new DiskStore(folder)
    try {
      const found = await flipped.open('mario')
      for (const [id, text] of texts) {
        const read = await octetsOf(found, id).catch((error: unknown) => {
          assert.ok(error instanceof StoreError && error.code === 'damaged', String(error))
        })
        if (read !== undefined) assert.equal(read.toString('latin1'), text)
      }
      assert.notEqual((await flipped.check('mario')).problems.length, 0, `octet ${at} was not missed`)
    } finally {
      await flipped.close()
    }
  }
})
