import assert from 'node:assert/strict'
import { mkdtemp, open, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { MessageId } from '../ids.ts'
import { add, octetsOf } from './contract-mail.ts'
import { DiskStore } from './disk.ts'
import { repairMail } from './repair.ts'

const megabyte = 1_000_000

function large(n: number): string {
  return `Subject: ${n}\r\n\r\n${`Line of message ${n}.\r\n`.repeat(megabyte / 20)}`
}

test('of much mail, read by several threads, each octet is verified; what is damaged is repaired, and the message stays the same', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'postino-check-'))
  const store = new DiskStore(folder)
  try {
    const mail = await store.open('mario')
    for (let n = 0; n < 40; n++) await add(mail, large(n))
    const segment = join(store.userFolder('mario'), 'segments', '0000000001.zst')
    const damaged = [0, 13, 20, 39]
    const octets = await readFile(segment)
    const file = await open(segment, 'r+')
    for (const n of damaged) {
      const line = Buffer.from(`Line of message ${n}.`)
      // The first line of one, the last of the next.
      await file.write('X', n % 2 === 0 ? octets.indexOf(line) : octets.lastIndexOf(line))
    }
    await file.close()
    const seen: number[] = []
    const { problems, messages, octets: read } = await store.check('mario', { onProgress: (now) => seen.push(now) })
    assert.deepEqual(
      problems.map(({ message, remedy }) => [message, remedy]),
      damaged.map((n) => [n + 1, 'octets']),
    )
    assert.equal(messages, 40)
    assert.equal(
      read,
      Array.from({ length: 40 }, (_, n) => large(n).length).reduce((a, b) => a + b, 0),
    )
    assert.deepEqual(
      seen,
      seen.toSorted((a, b) => a - b),
    )

    const before = await mail.read((view) => view.messages())
    const twin = {
      name: 'elsewhere',
      // Of one it has something else; that is not taken.
      async find(hash: string) {
        const n = before.findIndex((message) => message.hash === hash)
        return (async function* () {
          yield Buffer.from(n === 13 ? 'something else' : large(n))
        })()
      },
    }
    const { repaired, left } = await repairMail(store.userFolder('mario'), mail, problems, [twin])
    assert.deepEqual(
      repaired.map(({ message, from }) => [message, from]),
      [1, 21, 40].map((id) => [id, 'elsewhere']),
    )
    assert.deepEqual(
      left.map(({ message, why }) => [message, why]),
      [[14, 'elsewhere has other octets']],
    )
    assert.deepEqual(await mail.read((view) => view.messages()), before)
    assert.equal((await octetsOf(mail, 40 as MessageId)).toString(), large(39))
    assert.deepEqual(
      (await store.check('mario')).problems.map(({ message }) => message),
      [14],
    )
  } finally {
    await store.close()
    await rm(folder, { recursive: true })
  }
})

test('while mail comes, goes and is settled, a check finds nothing', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'postino-check-'))
  // As three processes would: each with a store of its own.
  const [writer, settler, checker] = [new DiskStore(folder), new DiskStore(folder), new DiskStore(folder)]
  try {
    const mail = await writer.open('mario')
    for (let n = 0; n < 50; n++) await add(mail, `Subject: ${n}\r\n\r\n${'Some words.\r\n'.repeat(n * 20)}`)
    let over = false
    const write = async (): Promise<void> => {
      for (let n = 0; !over; n++) {
        const id = await add(mail, `Subject: more ${n}\r\n\r\n${'More words.\r\n'.repeat(n % 300)}`)
        await mail.change((draft) => {
          if (n % 3 === 0) draft.remove(id)
          else draft.setFlags(id, ['\\Seen'])
        })
      }
    }
    const settle = async (): Promise<void> => {
      while (!over) await settler.settle('mario', { all: true })
    }
    const working = [write(), settle()]
    for (let round = 0; round < 12; round++) {
      const { problems, messages } = await checker.check('mario')
      assert.deepEqual(problems, [])
      assert.ok(messages >= 50)
    }
    over = true
    await Promise.all(working)
    assert.deepEqual((await checker.check('mario')).problems, [])
  } finally {
    for (const store of [writer, settler, checker]) await store.close()
    await rm(folder, { recursive: true })
  }
})
