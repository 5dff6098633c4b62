import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { add, octetsOf } from '../store/contract-mail.ts'
import { MemoryStore } from '../store/memory.ts'
import type { Message, UserMail } from '../store/store.ts'
import { type Contents, contentsOf, Fingerprint, fingerprintOf } from './hand-on-contents.ts'

async function looked(octets: Uint8Array | string): Promise<{ mail: UserMail; message: Message; contents: Contents }> {
  const mail = await new MemoryStore().open('mario')
  const id = await add(mail, octets)
  const message = await mail.read((view) => view.message(id))
  assert.ok(message)
  return { mail, message, contents: await contentsOf(mail, message) }
}

for (const [octets, fitness] of [
  ['Subject: x\r\n\r\nbody\r\n', { nul: false, bare: false, eightBit: false, whole: true }],
  ['', { nul: false, bare: false, eightBit: false, whole: true }],
  ['Subject: x\r\n\r\nno end', { nul: false, bare: false, eightBit: false, whole: false }],
  ['a\nb\r\n', { nul: false, bare: true, eightBit: false, whole: true }],
  ['a\rb\r\n', { nul: false, bare: true, eightBit: false, whole: true }],
  ['a\r\r\n', { nul: false, bare: true, eightBit: false, whole: true }],
  ['a\r\n\r', { nul: false, bare: true, eightBit: false, whole: false }],
  ['è\r\n', { nul: false, bare: false, eightBit: true, whole: true }],
  ['\0\r\n', { nul: true, bare: false, eightBit: false, whole: true }],
] as const) {
  test(`what is unfit in ${JSON.stringify(octets)} is found`, async () => {
    assert.deepEqual((await looked(octets)).contents.fitness, fitness)
  })
}

test('what leaves is what is kept, of small messages and of large ones', async () => {
  for (const size of [10, (1 << 20) + 10]) {
    const { mail, message, contents } = await looked(`Subject: x\r\n\r\n${'x'.repeat(size)}\r\n`)
    for (let times = 0; times < 2; times++) {
      const pieces: Uint8Array[] = []
      for await (const piece of contents.octets()) pieces.push(piece)
      assert.deepEqual(Buffer.concat(pieces), await octetsOf(mail, message.id))
    }
    assert.equal(Buffer.from(contents.head).toString('latin1', 0, 12), 'Subject: x\r\n')
  }
})

test('a fingerprint is the same whatever a server does to line ends and NULs, in any pieces, and another for other octets', () => {
  const print = (octets: Uint8Array, at: number): string => {
    const one = new Fingerprint()
    one.take(octets.subarray(0, at))
    one.take(octets.subarray(at))
    return one.finish()
  }
  const octets = fc.array(fc.constantFrom(...Buffer.from('ab\r\n\0\x80.')), { maxLength: 30 })
  fc.assert(
    fc.property(octets, octets, fc.nat(30), (some, others, at) => {
      const kept = (all: number[]): string =>
        Buffer.from(all.filter((octet) => ![13, 10, 0, 128].includes(octet))).toString()
      const same = print(Uint8Array.from(some), at) === print(Uint8Array.from(others), 0)
      assert.equal(same, kept(some) === kept(others))
    }),
  )
})

test('the fingerprint of a message is that of its octets', async () => {
  const { mail, message } = await looked('Subject: x\r\n\r\nbody\r\n')
  const print = new Fingerprint()
  print.take(Buffer.from('Subject: x\n\nbody'))
  assert.equal(await fingerprintOf(mail, message.id), print.finish())
})
