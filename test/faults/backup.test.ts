import assert from 'node:assert/strict'
import {
  cpSync,
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { Directory } from '../../src/accounts/directory.ts'
import { Secrets } from '../../src/accounts/secrets.ts'
import type { Contents } from '../../src/backup/contents.ts'
import { encodeManifest, listBackups } from '../../src/backup/manifest.ts'
import { verifyPieces } from '../../src/backup/restore-files.ts'
import { restoreUser } from '../../src/backup/restore-user.ts'
import { isFree, restore } from '../../src/backup/restore.ts'
import type { Target } from '../../src/backup/target.ts'
import type { MessageId } from '../../src/ids.ts'
import { segmentPath } from '../../src/store/layout.ts'
import { BackupHouse, messageOf, octetsOf } from '../backup-house.ts'
import { isStoreError, put } from './victim.ts'

/** A target that does something before each file it is given, or removes. */
class Watched implements Target {
  readonly place: string
  readonly #inner: Target
  readonly #before: (name: string) => void
  readonly written: string[] = []
  octets = 0

  constructor(inner: Target, before: (name: string) => void = () => undefined) {
    this.place = inner.place
    this.#inner = inner
    this.#before = before
  }

  async put(name: string, contents: Contents): Promise<void> {
    this.#before(name)
    await this.#inner.put(name, contents)
    this.written.push(name)
    this.octets += contents.size
  }

  list(beginning: string): Promise<Map<string, number>> {
    return this.#inner.list(beginning)
  }

  read(name: string): AsyncIterable<Uint8Array> {
    return this.#inner.read(name)
  }

  async remove(name: string): Promise<void> {
    this.#before(name)
    await this.#inner.remove(name)
  }
}

test('a backup writes only what is new, and of the segment that grows only what was appended', async () => {
  await using house = await BackupHouse.make()
  await house.bring('mario', 'one', 'two', 'three')
  const tail = (): number => statSync(segmentPath(join(house.data, 'users/mario'), 1)).size
  const first = await house.backUp()
  assert.deepEqual(first.problems, [])
  assert.deepEqual([first.users, first.messages], [2, 4])
  const before = tail()

  const idle = new Watched(house.target)
  const nothing = await house.backUp({}, idle)
  assert.equal(idle.written.length, 1, 'nothing but the manifest')
  assert.equal(nothing.copied.files, 1)

  await house.bring('mario', 'four')
  const target = new Watched(house.target)
  const report = await house.backUp({}, target)
  const [piece = '', manifest = ''] = target.written
  assert.match(piece, /^files\/users\/mario\/segments\/0000000001\.zst\.\d{12}-[0-9a-f]{32}$/)
  assert.match(manifest, /^manifests\/0000000003-/)
  assert.equal(target.written.length, 2)
  assert.equal((await house.target.list(piece)).get(piece), tail() - before)
  assert.deepEqual(report.copied, { files: 2, octets: target.octets })

  // One after the other, the pieces are the segment.
  const whole = octetsOf(segmentPath(join(house.data, 'users/mario'), 1))
  assert.equal(house.pieces('mario').map(octetsOf).join(''), whole)
})

test('a backup that is stopped at any step leaves whole backups, and the next one nothing else', async () => {
  await using house = await BackupHouse.make()
  await house.bring('mario', 'one')
  await house.backUp()
  await house.store((store) => store.remove('anna'))
  await house.bring('mario', 'two')
  const template = join(house.folder, 'template')
  cpSync(house.target.place, template, { recursive: true })
  let stopped = true
  let steps = 0
  for (; stopped; steps++) {
    rmSync(house.target.place, { recursive: true })
    cpSync(template, house.target.place, { recursive: true })
    await house.target.make()
    let left = steps
    const target = new Watched(house.target, () => {
      if (left-- === 0) throw new Error('stopped here')
    })
    stopped = await house.backUp({ retention: { last: 1 } }, target).then(
      () => false,
      (error: unknown) => error instanceof Error && error.message === 'stopped here',
    )
    const listed = await listBackups(house.target)
    assert.ok(listed.length > 0)
    for (const { backup } of listed) {
      const { files } = await house.manifest(backup)
      assert.deepEqual(await verifyPieces(house.target, files, new Set(), () => undefined), [])
    }
    assert.deepEqual((await house.backUp({ retention: { last: 1 } })).problems, [])
    const { files } = await house.manifest()
    assert.equal(house.files().length, 1 + files.flatMap(({ pieces }) => pieces).length)
  }
  assert.ok(steps > 4, `it has only ${steps} steps`)
  assert.deepEqual(await house.subjects('mario', (await house.restored()).into), ['one', 'two'])
})

test('each backup is a point in time: users, mail, keys and settings come back as they were', async () => {
  await using house = await BackupHouse.make()
  writeFileSync(join(house.data, 'postino.toml'), '# first\n')
  await house.bring('mario', 'one', 'two')
  await house.backUp()
  await house.store(async (store) => {
    const mail = await store.open('mario')
    await mail.change((draft) => {
      draft.setFlags(2 as MessageId, ['\\Seen'])
      draft.move(2 as MessageId, draft.openMailbox('Archive'))
      draft.remove(1 as MessageId)
    })
  })
  writeFileSync(join(house.data, 'postino.toml'), '# second\n')
  await house.backUp()
  const seen = (data: string): Promise<unknown> =>
    house.store(async (store) => {
      const mail = await store.open('mario')
      return await mail.read((view) => [view.message(2 as MessageId), view.mailboxes()])
    }, data)
  const before = await seen(house.data)
  await house.bring('mario', 'three')

  const old = await house.restored(1)
  assert.deepEqual(old.problems, [])
  assert.deepEqual(await house.subjects('mario', old.into), ['one', 'two'])
  assert.equal(readFileSync(join(old.into, 'postino.toml'), 'utf8'), '# first\n')

  const { into, problems, messages } = await house.restored()
  assert.deepEqual(problems, [])
  assert.equal(messages, 2)
  assert.deepEqual(await house.subjects('mario', into), ['two'])
  assert.deepEqual(await house.subjects('anna', into), ['anna'])
  assert.deepEqual(await seen(into), before)
  const directory = await Directory.open(into)
  assert.equal(directory.find('mario')?.password, 'a password')
  directory.close()
  const sealed = new Secrets(house.data).seal('mario', 'a secret')
  assert.equal(new Secrets(into).unseal('mario', sealed), 'a secret')
  if (process.platform !== 'win32')
    for (const path of [...house.files(), join(into, 'secret.key'), join(into, 'postino.sqlite')])
      assert.equal(statSync(path).mode & 0o077, 0, `${path} can be read by others`)
})

test('mail that comes in while a backup is made is in it whole or not at all', async () => {
  await using house = await BackupHouse.make()
  await house.bring('mario', 'one')
  await house.store(async (store) => {
    const mail = await store.open('mario')
    let n = 0
    let on = true
    const bringing = (async () => {
      while (on) await put(mail, messageOf(`new ${n++}`))
    })()
    try {
      // However fast or slow the disk is, one of them begins when some has come in.
      for (let times = 0, had = 0; times < 4 || had < 2; times++) {
        had = n
        assert.deepEqual((await house.backUp()).problems, [])
      }
    } finally {
      on = false
      await bringing
    }
  })
  const all = await house.subjects('mario')
  let most = 0
  for (const { backup } of await listBackups(house.target)) {
    const { into, problems } = await house.restored(backup)
    assert.deepEqual(problems, [])
    const kept = await house.subjects('mario', into)
    assert.deepEqual(kept, all.slice(0, kept.length))
    assert.ok(kept.length >= most)
    most = kept.length
  }
  assert.ok(most > 1, 'some of it was in a backup')
})

test('a copy of the data folder that is taken in the middle of writing opens clean', async () => {
  await using house = await BackupHouse.make()
  await house.store(async (store) => {
    const mail = await store.open('mario')
    let on = true
    let told = 0
    const bringing = (async () => {
      while (on) {
        await put(mail, messageOf(`new ${told}`))
        told++
      }
    })()
    try {
      for (let copy = 0; copy < 4; copy++) {
        for (const least = told + 2; told < least;) await new Promise((resolve) => setTimeout(resolve, 5))
        const before = told
        const into = join(house.folder, `copy-${copy}`)
        cpSync(house.data, into, { recursive: true })
        const kept = await house.subjects('mario', into)
        assert.ok(kept.length >= before, `${before} were told, ${kept.length} are in the copy`)
        assert.deepEqual(
          kept,
          Array.from(kept, (_, n) => `new ${n}`),
        )
        const report = await house.store((other) => other.check('mario'), into)
        assert.deepEqual(report.problems, [])
      }
    } finally {
      on = false
      await bringing
    }
  })
})

test('a flipped bit in a backup is told by name, and everything else is restored', async () => {
  await using house = await BackupHouse.make()
  await house.bring('mario', 'one', 'two', 'three')
  await house.backUp()
  const [piece = ''] = house.pieces('mario')
  const octets = readFileSync(piece)
  const at = octets.indexOf('This is two.') + 300
  octets[at] = (octets[at] ?? 0) ^ 4
  writeFileSync(piece, octets)

  const manifest = await house.manifest()
  const [fault = ''] = await verifyPieces(house.target, manifest.files, new Set(), () => undefined)
  assert.match(fault, /^users\/mario\/segments\/0000000001\.zst, octets 0 to \d+: files\/.* is damaged/)

  const { into, problems } = await house.restored()
  assert.ok(
    problems.some((problem) => problem.includes('0000000001.zst') && problem.includes('does not match its hash')),
  )
  assert.ok(
    problems.some((problem) => /^mario: .*0000000001\.zst, octet \d+ \(message 2\)/.test(problem)),
    problems.join('\n'),
  )
  assert.ok(problems.every((problem) => !problem.includes('.restore-work')))
  await house.store(async (store) => {
    const mail = await store.open('mario')
    const read = async (id: number): Promise<string> => {
      const chunks: Uint8Array[] = []
      for await (const chunk of mail.bytes(id as MessageId)) chunks.push(chunk)
      return Buffer.concat(chunks).toString()
    }
    assert.equal(await read(1), messageOf('one'))
    assert.equal(await read(3), messageOf('three'))
    await assert.rejects(read(2), isStoreError('damaged', '0000000001.zst'))
  }, into)
  assert.deepEqual(await house.subjects('anna', into), ['anna'])
})

test('a piece that is gone is told by name, what lies in the others is restored, and the next backup brings it again', async () => {
  await using house = await BackupHouse.make()
  for (const subject of ['one', 'two', 'three']) {
    await house.bring('mario', subject)
    await house.backUp()
  }
  const [, gone = ''] = house.pieces('mario')
  rmSync(gone)
  const { into, problems } = await house.restored()
  assert.ok(
    problems.some((problem) => problem.includes('cannot be read') && problem.includes('.zst.')),
    problems.join('\n'),
  )
  assert.deepEqual(await house.subjects('mario', into), ['one', 'three'])

  assert.deepEqual((await house.backUp()).problems, [])
  const again = await house.restored()
  assert.deepEqual(again.problems, [])
  assert.deepEqual(await house.subjects('mario', again.into), ['one', 'two', 'three'])
})

test('damaged users and accounts are told, and the mail is restored all the same', async () => {
  await using house = await BackupHouse.make()
  await house.bring('mario', 'one')
  await house.backUp()
  const path = house.files().find((name) => name.includes('postino.sqlite')) ?? ''
  writeFileSync(path, Buffer.alloc(statSync(path).size, 7))
  const { into, problems } = await house.restored()
  assert.ok(
    problems.some((problem) => problem.startsWith('postino.sqlite could not be restored')),
    problems.join('\n'),
  )
  assert.deepEqual(await house.subjects('mario', into), ['one'])
  const directory = await Directory.open(into)
  assert.deepEqual(
    directory.users().map(({ name, hasPassword }) => [name, hasPassword]),
    [
      ['anna', false],
      ['mario', false],
    ],
  )
  directory.close()
})

test('a damaged manifest is told by name; the one before it is taken, and no file is removed', async () => {
  await using house = await BackupHouse.make()
  await house.bring('mario', 'one')
  await house.backUp()
  await house.bring('mario', 'two')
  await house.backUp()
  const newest = house.files().find((path) => path.includes('manifests/0000000002')) ?? ''
  writeFileSync(newest, readFileSync(newest, 'utf8').replace('"messages": 2', '"messages": 3'))
  const { into } = await house.restored()
  assert.deepEqual(await house.subjects('mario', into), ['one'])
  await assert.rejects(house.manifest(2), isStoreError('damaged', 'manifests/0000000002'))
  const before = house.pieces('mario')
  const report = await house.backUp({ retention: { last: 1 } })
  assert.equal(report.backup, 3)
  assert.ok(report.problems.some((problem) => problem.includes('manifests/0000000002')))
  assert.deepEqual(report.removed, { backups: [], files: 0, octets: 0 })
  assert.ok(before.every((path) => house.pieces('mario').includes(path)))
  assert.deepEqual(await house.subjects('mario', (await house.restored()).into), ['one', 'two'])
})

test('retention removes the oldest backups, and only the files that no other needs', async () => {
  await using house = await BackupHouse.make()
  for (const subject of ['one', 'two']) {
    await house.bring('mario', subject)
    await house.backUp()
  }
  writeFileSync(join(house.target.place, 'files', 'my own notes'), 'not ours')
  // Another mailbox under the old name: nothing of its segment is that of the one before.
  await house.store((store) => store.remove('mario'))
  await house.bring('mario', 'afresh')
  const gone = house.pieces('mario')
  assert.equal(gone.length, 2)
  const report = await house.backUp({ retention: { last: 2 } })
  assert.deepEqual(report.removed.backups, [1])
  assert.equal(report.removed.files, 0, 'the second backup needs all that the first did')
  assert.deepEqual((await house.backUp({ retention: { last: 1 } })).removed.backups, [2, 3])
  assert.equal(house.pieces('mario').length, 1)
  assert.ok(!house.pieces('mario').some((path) => gone.includes(path)))
  assert.ok(house.files().some((path) => path.endsWith('my own notes')))
  const { into, problems } = await house.restored()
  assert.deepEqual(problems, [])
  assert.deepEqual(await house.subjects('mario', into), ['afresh'])
})

test('retention by age: the newest stays, and a clock that jumps ahead makes nothing old', async () => {
  await using house = await BackupHouse.make()
  const day = 86_400_000
  const began = Date.UTC(2026, 0, 1)
  const at = (days: number): { now: () => number; retention: { days: number } } => ({
    now: () => began + days * day,
    retention: { days: 7 },
  })
  for (const days of [0, 3, 6, 9]) await house.backUp(at(days))
  assert.deepEqual(
    (await listBackups(house.target)).map(({ backup }) => backup),
    [2, 3, 4],
  )
  // Ten years ahead, suddenly.
  await house.backUp({ ...at(3660), retention: { days: 60 } })
  assert.deepEqual(
    (await listBackups(house.target)).map(({ backup }) => backup),
    [2, 3, 4, 5],
  )
})

test('a target that goes away in the middle is told by name; nothing is written where it was, and the next ends well', async () => {
  await using house = await BackupHouse.make()
  await house.bring('mario', 'one', 'two')
  const away = `${house.target.place}-away`
  const target = new Watched(house.target, (name) => {
    if (name.includes('/mario/')) renameSync(house.target.place, away)
  })
  await assert.rejects(house.backUp({}, target), isStoreError('missing', house.target.place, 'taken away'))
  assert.throws(() => statSync(house.target.place), { code: 'ENOENT' })
  renameSync(away, house.target.place)
  assert.deepEqual(await listBackups(house.target), [])
  assert.deepEqual((await house.backUp()).problems, [])
  assert.deepEqual(await house.subjects('mario', (await house.restored()).into), ['one', 'two'])
})

test('files that go while they are copied: the mail is looked at again; what stays away is told, and the rest is there', async () => {
  await using house = await BackupHouse.make()
  await house.bring('mario', 'one')
  let times = 0
  const away = join(house.folder, 'away')
  const path = segmentPath(join(house.data, 'users/mario'), 1)
  // It goes after its hash was taken, and another process brings it back.
  const target = new Watched(house.target, (name) => {
    if (name.includes('/mario/') && times++ === 0) renameSync(path, away)
  })
  const put = target.put.bind(target)
  target.put = (name, contents) =>
    put(name, contents).finally(() => {
      if (existsSync(away)) renameSync(away, path)
    })
  assert.deepEqual((await house.backUp({}, target)).problems, [])
  assert.ok(times > 1, 'it did not go')
  assert.deepEqual(await house.subjects('mario', (await house.restored()).into), ['one'])

  renameSync(path, away)
  const report = await house.backUp({ retention: { last: 1 } })
  assert.ok(report.problems.some((problem) => problem.includes(path) && problem.includes('as it was at the last')))
  assert.deepEqual(report.removed.backups, [], 'with a problem no old backup goes')
  const { into, problems } = await house.restored()
  assert.ok(problems.some((problem) => problem.startsWith('when the backup was made:')))
  assert.deepEqual(await house.subjects('mario', into), ['one'])
})

test('a lost index keeps no mail out of a backup', async () => {
  await using house = await BackupHouse.make()
  await house.bring('mario', 'one', 'two')
  for (const end of ['', '-wal', '-shm']) rmSync(join(house.data, 'users/mario/index.sqlite') + end, { force: true })
  const report = await house.backUp()
  assert.ok(report.problems.some((problem) => problem.includes('index.sqlite is missing')))
  const { into } = await house.restored()
  assert.deepEqual(await house.subjects('mario', into), ['one', 'two'])
})

test('after a restore to an earlier time, backups go on in the same place, and each is what it was', async () => {
  await using house = await BackupHouse.make()
  for (const subject of ['one', 'two', 'three']) {
    await house.bring('mario', subject)
    await house.backUp()
  }
  const { into } = await house.restored(1)
  rmSync(house.data, { recursive: true })
  renameSync(into, house.data)
  await house.bring('mario', 'another two')
  assert.deepEqual((await house.backUp()).problems, [])
  const subjects = async (backup: number): Promise<string[]> =>
    await house.subjects('mario', (await house.restored(backup)).into)
  assert.deepEqual(await subjects(3), ['one', 'two', 'three'])
  assert.deepEqual(await subjects(4), ['one', 'another two'])
})

test('a segment that was repaired in its place is copied again', async () => {
  await using house = await BackupHouse.make()
  await house.bring('mario', 'one', 'two')
  const path = segmentPath(join(house.data, 'users/mario'), 1)
  const right = readFileSync(path)
  const wrong = Buffer.from(right)
  wrong[right.indexOf('This is one.')] = 88
  writeFileSync(path, wrong)
  await house.backUp()
  writeFileSync(path, right)
  utimesSync(path, new Date(), new Date(Date.now() + 5000))
  // So that it is no longer the one that grows.
  await house.bring('mario', 'three')
  assert.deepEqual((await house.backUp()).problems, [])
  const { into, problems } = await house.restored()
  assert.deepEqual(problems, [])
  assert.deepEqual(await house.subjects('mario', into), ['one', 'two', 'three'])
})

test('the place of another data folder is refused', async () => {
  await using house = await BackupHouse.make()
  await using other = await BackupHouse.make()
  await house.backUp()
  await assert.rejects(other.backUp({}, house.target), { name: 'MisuseError', message: /of another data folder/ })
  assert.equal((await listBackups(house.target)).length, 1)
})

test('nothing is restored over what is there', async () => {
  await using house = await BackupHouse.make()
  await house.backUp()
  const into = join(house.folder, 'into')
  cpSync(house.target.place, into, { recursive: true })
  assert.equal(isFree(into), false)
  await assert.rejects(restore(house.target, await house.manifest(), into), {
    name: 'MisuseError',
    message: /is not empty/,
  })
})

test('messages come back into mail that is in use: those that are missing, once, as they were', async () => {
  await using house = await BackupHouse.make()
  await house.bring('mario', 'one', 'two', 'same', 'same', 'five')
  const uniqueIds = (data = house.data): Promise<Map<string, string>> =>
    house.store(async (store) => {
      const mail = await store.open('mario')
      return await mail.read(
        (view) => new Map(view.messages().map(({ uniqueId, hash }) => [uniqueId as string, hash as string])),
      )
    }, data)
  await house.store(async (store) => {
    const mail = await store.open('mario')
    await mail.change((draft) => {
      draft.move(2 as MessageId, draft.openMailbox('Archive'))
      draft.setFlags(2 as MessageId, ['\\Seen', '$Label1'])
    })
  })
  const before = await uniqueIds()
  await house.backUp()
  const manifest = await house.manifest()
  await house.store(async (store) => {
    const mail = await store.open('mario')
    await mail.change((draft) => {
      for (const id of [2, 4, 5]) draft.remove(id as MessageId)
    })
  })
  await house.bring('mario', 'new')
  const one = await restoreUser(house.target, manifest, 'mario', house.data, { ids: [2 as MessageId] })
  assert.deepEqual([one.restored, one.here, one.problems], [1, 0, []])
  await house.store(async (store) => {
    const mail = await store.open('mario')
    const [message, name] = await mail.read((view) => {
      const last = view.messages().at(-1)
      return [last, view.mailboxes().find(({ id }) => id === last?.mailbox)?.name] as const
    })
    assert.equal(name, 'Archive')
    assert.deepEqual(message?.flags, ['\\Seen', '$Label1'])
  })
  const again = await restoreUser(house.target, manifest, 'mario', house.data, {
    ids: [2 as MessageId, 99 as MessageId],
  })
  assert.deepEqual([again.restored, again.here], [0, 1])
  assert.deepEqual(again.problems, ['the backup has no message 99 of mario'])

  const rest = await restoreUser(house.target, manifest, 'mario', house.data, { mailbox: 'Restored' })
  assert.deepEqual([rest.restored, rest.here, rest.problems], [2, 3, []])
  assert.equal((await restoreUser(house.target, manifest, 'mario', house.data, {})).restored, 0)
  assert.deepEqual((await house.subjects('mario')).toSorted(), ['five', 'new', 'one', 'same', 'same', 'two'])
  const now = await uniqueIds()
  for (const [uniqueId, hash] of before) assert.equal(now.get(uniqueId), hash)
  assert.deepEqual((await house.store((store) => store.check('mario'))).problems, [])
})

test('a user who was removed comes back with mail, password and accounts, and other users stay as they are', async () => {
  await using house = await BackupHouse.make()
  await house.bring('mario', 'one', 'two')
  const directory = await Directory.open(house.data)
  const secrets = new Secrets(house.data)
  const settings = { protocol: 'pop3', server: 'pop.example.it', port: 995, tls: 'implicit', login: 'm' } as const
  for (const address of ['mario@example.it', 'other@example.it'])
    await directory.addAccount(
      'mario',
      { ...settings, address, leave: 'forever', options: {} },
      secrets.seal(address, `of ${address}`),
    )
  await directory.setNamedSecret('mario@example.it', 'oauth', secrets.seal('oauth', 'a token'))
  await house.backUp()
  await directory.removeUser('mario')
  await house.store((store) => store.remove('mario'))
  await directory.addAccount(
    'anna',
    { ...settings, address: 'other@example.it', leave: 'forever', options: {} },
    secrets.seal('x', 'hers'),
  )
  await house.bring('anna', 'later')
  const report = await restoreUser(house.target, await house.manifest(), 'mario', house.data, {})
  assert.deepEqual([report.restored, report.accounts], [2, ['mario@example.it']])
  assert.equal(report.problems.length, 1)
  assert.match(report.problems[0] ?? '', /other@example\.it of mario was not restored/)
  assert.equal(directory.find('mario')?.password, 'a password')
  assert.equal(directory.account('mario@example.it')?.user, 'mario')
  assert.equal(directory.account('other@example.it')?.user, 'anna')
  const sealed = directory.secret('mario@example.it') ?? new Uint8Array()
  assert.equal(secrets.unseal('mario@example.it', sealed), 'of mario@example.it')
  const token = directory.namedSecret('mario@example.it', 'oauth') ?? new Uint8Array()
  assert.equal(secrets.unseal('oauth', token), 'a token')
  directory.close()
  assert.deepEqual(await house.subjects('mario'), ['one', 'two'])
  assert.deepEqual(await house.subjects('anna'), ['anna', 'later'])

  // Under another key, what it encrypted is of no use, and that is said.
  await house.store((store) => store.remove('mario'))
  const again = await Directory.open(house.data)
  await again.removeUser('mario')
  again.close()
  rmSync(join(house.data, 'secret.key'))
  new Secrets(house.data).seal('x', 'y')
  const other = await restoreUser(house.target, await house.manifest(), 'mario', house.data, {})
  assert.ok(other.problems.some((problem) => problem.startsWith('secret.key of the backup is another one')))
})

test('a message that is damaged is repaired from a backup, where it is', async () => {
  await using house = await BackupHouse.make()
  await house.bring('mario', 'one', 'two', 'three')
  await house.backUp()
  const path = segmentPath(join(house.data, 'users/mario'), 1)
  const octets = readFileSync(path)
  octets[octets.indexOf('This is two.') + 100] = 7
  writeFileSync(path, octets)
  await assert.rejects(house.subjects('mario'), isStoreError('damaged'))
  const manifest = await house.manifest()
  const report = await restoreUser(house.target, manifest, 'mario', house.data, { ids: [2 as MessageId] })
  assert.deepEqual([report.restored, report.here, report.repaired, report.problems], [0, 1, 1, []])
  assert.deepEqual(await house.subjects('mario'), ['one', 'two', 'three'])
  const again = await restoreUser(house.target, manifest, 'mario', house.data, {})
  assert.deepEqual([again.restored, again.here, again.repaired], [0, 3, 0])
})

test('one user alone comes back into an empty folder, and nothing of the others', async () => {
  await using house = await BackupHouse.make()
  await house.bring('mario', 'one')
  await house.backUp()
  const into = join(house.folder, 'into')
  const { users, problems } = await restore(house.target, await house.manifest(), into, { users: ['anna'] })
  assert.deepEqual([users, problems], [1, []])
  const directory = await Directory.open(into)
  assert.deepEqual(
    directory.users().map(({ name }) => name),
    ['anna'],
  )
  directory.close()
  assert.deepEqual(readdirSync(join(into, 'users')), ['anna'])
  assert.deepEqual(await house.subjects('anna', into), ['anna'])
})

test('a manifest that leads out of the folder is not followed', async () => {
  await using house = await BackupHouse.make()
  await house.backUp()
  const { name, contents } = encodeManifest({
    ...(await house.manifest()),
    backup: 2,
    files: [{ path: '../../evil', size: 0, stamp: '', pieces: [] }],
  })
  await house.target.put(name, contents)
  await assert.rejects(house.manifest(2), isStoreError('damaged', '../../evil'))
})

test('settled mail: what settling makes anew is copied, the files it replaced stay for old backups, and it comes back', async () => {
  await using house = await BackupHouse.make()
  await house.bring('mario', 'one', 'two', 'three')
  await house.backUp()
  await house.store(async (store) => {
    await (await store.open('mario')).change((draft) => draft.remove(1 as MessageId))
    await store.settle('mario', { all: true })
  })
  await house.bring('mario', 'four')
  assert.deepEqual((await house.backUp()).problems, [])
  const { into, problems } = await house.restored()
  assert.deepEqual(problems, [])
  assert.deepEqual(await house.subjects('mario', into), ['two', 'three', 'four'])
  assert.deepEqual(await house.subjects('mario', (await house.restored(1)).into), ['one', 'two', 'three'])

  const settled = house.pieces('mario').find((path) => path.includes('0000000001-1.zst')) ?? ''
  const octets = readFileSync(settled)
  octets[octets.length >> 1] = (octets[octets.length >> 1] ?? 0) ^ 16
  writeFileSync(settled, octets)
  const damaged = await house.restored()
  assert.ok(
    damaged.problems.some((problem) => problem.includes('0000000001-1.zst')),
    damaged.problems.join('\n'),
  )
  // Of a run that is compressed together all may be lost, of the next segment nothing.
  await house.store(async (store) => {
    const mail = await store.open('mario')
    const ids = await mail.read((view) => view.messages().map(({ id }) => id))
    const last = ids.at(-1)
    const chunks: Uint8Array[] = []
    if (last !== undefined) for await (const chunk of mail.bytes(last)) chunks.push(chunk)
    assert.equal(Buffer.concat(chunks).toString(), messageOf('four'))
  }, damaged.into)
})

test('settling while a backup is made: each backup is whole', async () => {
  await using house = await BackupHouse.make()
  const all: string[] = []
  for (let round = 0; round < 4; round++) {
    const more = [`a ${round}`, `b ${round}`]
    all.push(...more)
    await house.bring('mario', ...more)
    await house.store(async (store) => {
      const settling = store.settle('mario', { all: true })
      const report = await house.backUp()
      await settling
      assert.deepEqual(report.problems, [])
    })
    const { into, problems } = await house.restored()
    assert.deepEqual(problems, [])
    assert.deepEqual(await house.subjects('mario', into), all)
  }
})

for (const step of ['written', 'proved', 'committed', 'named', 'deleted'] as const)
  test(`a backup after settling was stopped when it was ${step}`, async () => {
    await using house = await BackupHouse.make()
    await house.bring('mario', 'one', 'two')
    await house.store(async (store) => {
      const settling = store.settle('mario', {
        all: true,
        onStep: (now) => {
          if (now === step) throw new Error('stopped here')
        },
      })
      await assert.rejects(settling, /stopped here/)
    })
    assert.deepEqual((await house.backUp()).problems, [])
    const { into, problems } = await house.restored()
    assert.deepEqual(problems, [])
    assert.deepEqual(await house.subjects('mario', into), ['one', 'two'])
  })
