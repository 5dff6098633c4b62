import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { StoreError } from '../errors.ts'
import { encodedParts } from './encoded-parts.ts'
import { encodeRecipe, type Part, readRecipe, rebuiltSize, type Step, stepsFor } from './recipe.ts'
import { WrappedBase64 } from './wrapped-base64.ts'

function attachment(size: number, seed: number, lineLength = 76, lineEnd = '\r\n'): string {
  const octets = Buffer.from(Array.from({ length: size }, (_, index) => (index * seed + (index >> 3)) & 255))
  const text = octets.toString('base64')
  const lines: string[] = []
  for (let at = 0; at < text.length; at += lineLength) lines.push(text.slice(at, at + lineLength))
  return lines.join(lineEnd)
}

/** A range of the message that a recipe makes, given the octets of its parts. */
function rebuilt(recipe: Buffer, steps: readonly Step[], parts: readonly Part[], from: number, to: number): Buffer {
  const texts: Buffer[] = []
  for (const { step, range, octets } of stepsFor(steps, { from, to })) {
    if (step.kind === 'literal') {
      texts.push(recipe.subarray(step.start + range.from, step.start + range.to))
      continue
    }
    const part = parts.find(({ hash }) => hash === step.hash)
    assert.equal(part?.octets.length, step.size)
    const encoder = new WrappedBase64(step.size, step, range)
    texts.push(encoder.write(part.octets.subarray(octets.from, octets.to)), encoder.end())
  }
  return Buffer.concat(texts)
}

const text = fc.oneof(
  fc.constantFrom(
    '',
    '\r\n',
    '\r\n--b\r\nContent-Type: image/png\r\n\r\n',
    '<img src="data:image/png;base64,',
    '"/>\r\n',
  ),
  fc.string({ maxLength: 40 }),
)
const encoded = fc
  .record({
    size: fc.oneof(fc.integer({ min: 1, max: 3000 }), fc.integer({ min: 1024, max: 9000 })),
    seed: fc.integer({ min: 1, max: 255 }),
    lineLength: fc.oneof(fc.constantFrom(76, 64, 100_000), fc.integer({ min: 4, max: 100 })),
    lineEnd: fc.constantFrom('\r\n', '\n'),
  })
  .map(({ size, seed, lineLength, lineEnd }) => attachment(size, seed, lineLength, lineEnd))
const messages = fc
  .array(fc.oneof(text, encoded), { maxLength: 6 })
  .map((stretches) => Buffer.from(stretches.join(''), 'utf8'))

test('a message comes back from its recipe and its parts, whole and in any range', () => {
  fc.assert(
    fc.property(messages, fc.nat(10_000), fc.nat(10_000), (message, one, other) => {
      const parts = encodedParts(message)
      const recipe = encodeRecipe(message, parts)
      const steps = readRecipe(recipe)
      assert.equal(rebuiltSize(steps), message.length)
      assert.ok(rebuilt(recipe, steps, parts, 0, message.length).equals(message))
      const from = Math.min(one, other)
      const to = Math.max(one, other)
      assert.ok(rebuilt(recipe, steps, parts, from, to).equals(message.subarray(from, to)))
    }),
    { numRuns: 300 },
  )
})

test('a message without parts is its own recipe, but for a number in front; an empty one is empty', () => {
  const message = Buffer.from('Subject: x\r\n\r\n' + 'y'.repeat(200))
  const recipe = encodeRecipe(message, [])
  assert.equal(recipe.length, message.length + 2)
  assert.deepEqual(readRecipe(recipe), [{ kind: 'literal', start: 2, length: message.length }])
  assert.deepEqual(readRecipe(encodeRecipe(Buffer.alloc(0), [])), [])
})

test('the same attachment has the same hash, however it was wrapped', () => {
  const wrapped = [attachment(5000, 7), attachment(5000, 7, 64, '\n'), attachment(5000, 7, 1_000_000)]
  const hashes = wrapped.map((text) => encodedParts(Buffer.from(`X: y\r\n\r\n${text}\r\n`)).map(({ hash }) => hash))
  assert.equal(hashes[0]?.length, 1)
  assert.deepEqual(hashes[1], hashes[0])
  assert.deepEqual(hashes[2], hashes[0])
})

test('of a large part, a range takes only some octets', () => {
  const message = Buffer.from(`Subject: x\r\n\r\n${attachment(300_000, 5)}\r\nend\r\n`)
  const steps = readRecipe(encodeRecipe(message, encodedParts(message)))
  const octets = (from: number, to: number): [string, number, number][] =>
    stepsFor(steps, { from, to }).map(({ step, octets: { from: first, to: last } }) => [step.kind, first, last])
  assert.deepEqual(octets(0, 14), [['literal', 0, 14]])
  assert.deepEqual(octets(0, 14 + 78), [
    ['literal', 0, 14],
    ['part', 0, 60],
  ])
  assert.deepEqual(octets(message.length - 5, message.length), [['literal', 2, 7]])
})

test('what is no recipe is damaged, and nothing else is thrown', () => {
  const message = Buffer.from(`Subject: x\r\n\r\n${attachment(2000, 5)}\r\nend\r\n`)
  const recipe = encodeRecipe(message, encodedParts(message))
  const damaged = { name: 'StoreError', code: 'damaged' }
  assert.throws(() => readRecipe(recipe.subarray(0, 30)), damaged)
  assert.throws(() => readRecipe(recipe.subarray(0, recipe.length - 1)), damaged)
  assert.throws(() => readRecipe(Buffer.alloc(20, 0xff)), damaged)
  assert.throws(() => readRecipe(Buffer.concat([Buffer.alloc(1), Buffer.alloc(32), Buffer.of(0, 0, 0)])), damaged)
  assert.throws(() => readRecipe(Buffer.concat([Buffer.alloc(1), Buffer.alloc(32), Buffer.of(1, 0, 2)])), damaged)
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), (octets) => {
      try {
        assert.ok(rebuiltSize(readRecipe(Buffer.from(octets))) >= 0)
      } catch (error) {
        assert.ok(error instanceof StoreError && error.code === 'damaged')
      }
    }),
  )
})
