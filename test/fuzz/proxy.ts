import assert from 'node:assert/strict'
import { isIP } from 'node:net'
import fc from 'fast-check'
import { readProxyLine } from '../../src/net/proxy-line.ts'

const signature = [0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a]
const word = fc.constantFrom(
  'PROXY',
  'PROXY ',
  'TCP4',
  'TCP6',
  'UNKNOWN',
  ' ',
  '192.0.2.7',
  '::1',
  '2001:db8::7',
  '::ffff:1.2.3.4',
  '1',
  '65535',
  '65536',
  '\r\n',
  '\n',
  '\0',
  '-1',
)
const header = fc.oneof(
  fc.array(word, { maxLength: 12 }).map((words) => Buffer.from(`PROXY ${words.join('')}\r\n`, 'latin1')),
  fc.array(word, { maxLength: 8 }).map((words) => Buffer.from(`PROXY ${words.join(' ')}\r\n`, 'latin1')),
  fc
    .tuple(
      fc.constantFrom(0x20, 0x21, 0x22, 0x11),
      fc.constantFrom(0, 0x11, 0x21, 0x31, 0x12),
      fc.nat({ max: 65_535 }),
      fc.uint8Array({ maxLength: 300 }),
    )
    .map(([command, family, length, body]) =>
      Buffer.from([...signature, command, family, length >> 8, length & 0xff, ...body]),
    ),
  fc
    .tuple(fc.constantFrom(0x20, 0x21), fc.constantFrom(0, 0x11, 0x21, 0x31), fc.uint8Array({ maxLength: 300 }))
    .map(([command, family, body]) =>
      Buffer.from([...signature, command, family, body.length >> 8, body.length & 0xff, ...body]),
    ),
  fc.uint8Array({ maxLength: 200 }).map((octets) => Buffer.from(octets)),
)

/** The longest header that is read: a proxy that sends more is hung up on. */
const longest = 16 + 4096

/** Whatever a proxy says: an address is one, what it has read it has got, and `more` is not said for ever. */
export const proxyProperty: fc.IProperty<unknown[]> = fc.property(header, (octets) => {
  const whole = readProxyLine(octets)
  if (whole === 'more') assert.notEqual(readProxyLine(Buffer.concat([octets, Buffer.alloc(longest)])), 'more')
  else if (whole !== 'wrong') {
    assert.ok(whole.octets <= octets.length)
    if (whole.address !== undefined) assert.notEqual(isIP(whole.address), 0, whole.address)
  }
  // In pieces it is the same: nothing is decided too early, and no other way later.
  for (let end = 0; end <= octets.length; end++) {
    const now = readProxyLine(octets.subarray(0, end))
    if (now !== 'more') return assert.deepEqual(now, whole)
  }
})
