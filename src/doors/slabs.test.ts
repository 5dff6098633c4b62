import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Slabs } from './slabs.ts'

test('a copy stays as it is until it is freed, whatever is copied and freed meanwhile', () => {
  const sizes = fc.array(fc.tuple(fc.integer({ min: 0, max: 200_000 }), fc.boolean()), { maxLength: 80 })
  fc.assert(
    fc.property(sizes, (steps) => {
      const slabs = new Slabs()
      const held: { readonly copy: Uint8Array; readonly fill: number }[] = []
      for (const [place, [size, free]] of steps.entries()) {
        const fill = place % 251
        const copy = slabs.copy(new Uint8Array(size).fill(fill))
        assert.equal(copy?.length, size)
        if (copy !== undefined) held.push({ copy, fill })
        if (free) slabs.free(held.splice(place % held.length, 1)[0]?.copy ?? assert.fail())
        for (const one of held) assert.ok(one.copy.every((octet) => octet === one.fill))
      }
    }),
    { numRuns: 30 },
  )
})

test('memory is used again once all that is in it is freed', () => {
  const slabs = new Slabs()
  const seen = new Set<ArrayBufferLike>()
  for (let n = 0; n < 100; n++) {
    const copies = Array.from({ length: 10 }, () => slabs.copy(new Uint8Array(100_000)) ?? assert.fail())
    for (const copy of copies) {
      seen.add(copy.buffer)
      slabs.free(copy)
    }
  }
  assert.ok(seen.size <= 3, `${seen.size} pieces of memory`)
})

test('what is too large is not copied, and what is not its own is not its to free', () => {
  const slabs = new Slabs()
  assert.equal(slabs.copy(new Uint8Array(1 << 20)), undefined)
  slabs.free(new Uint8Array(7))
})
