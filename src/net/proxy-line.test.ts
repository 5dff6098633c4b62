import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readProxyLine } from './proxy-line.ts'

const text = (line: string): Uint8Array => Buffer.from(line, 'latin1')
const signature = [0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a]

/** A header of version 2. */
function binary(command: number, family: number, body: readonly number[], more: readonly number[] = []): Uint8Array {
  return Uint8Array.of(...signature, command, family, body.length >> 8, body.length & 0xff, ...body, ...more)
}

const ports = [0x9c, 0x40, 0x00, 0x6e]
const four = [192, 0, 2, 7, 192, 0, 2, 1, ...ports]
const six = [0x20, 0x01, 0x0d, 0xb8, ...Array<number>(11).fill(0), 7, ...Array<number>(15).fill(0), 1, ...ports]

test('version 1 names the client, and says how far it goes', () => {
  const line = 'PROXY TCP4 192.0.2.7 192.0.2.1 40000 110\r\n'
  assert.deepEqual(readProxyLine(text(`${line}CAPA\r\n`)), { octets: line.length, address: '192.0.2.7' })
  const long = 'PROXY TCP6 2001:DB8::7 2001:db8::1 40000 110\r\n'
  assert.deepEqual(readProxyLine(text(long)), { octets: long.length, address: '2001:db8::7' })
  assert.deepEqual(readProxyLine(text('PROXY UNKNOWN\r\n')), { octets: 15, address: undefined })
  const odd = 'PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n'
  assert.deepEqual(readProxyLine(text(odd)), { octets: odd.length, address: undefined })
})

test('version 2 names the client, whatever TLVs follow', () => {
  assert.deepEqual(readProxyLine(binary(0x21, 0x11, four)), { octets: 28, address: '192.0.2.7' })
  assert.deepEqual(readProxyLine(binary(0x21, 0x21, six, [0x43])), { octets: 52, address: '2001:db8::7' })
  const tlv = [...four, 0x04, 0x00, 0x03, 1, 2, 3]
  assert.deepEqual(readProxyLine(binary(0x21, 0x11, tlv)), { octets: 34, address: '192.0.2.7' })
  const mapped = [...Array<number>(10).fill(0), 0xff, 0xff, 192, 0, 2, 7, ...Array<number>(16).fill(0), ...ports]
  assert.deepEqual(readProxyLine(binary(0x21, 0x21, mapped)), { octets: 52, address: '192.0.2.7' })
})

test('an IPv6 address has one form, however it was written, and no zone', () => {
  const named = (from: string): unknown => {
    const found = readProxyLine(text(`PROXY TCP6 ${from} 2001:db8::1 40000 110\r\n`))
    return typeof found === 'string' ? found : found.address
  }
  assert.equal(named('2001:0DB8:0:0:0:0:0:07'), '2001:db8::7')
  assert.equal(named('0:0:0:0:0:0:0:1'), '::1')
  for (const mapped of ['::ffff:192.0.2.7', '::FFFF:c000:207', '0:0:0:0:0:ffff:c000:0207'])
    assert.equal(named(mapped), '192.0.2.7')
  assert.equal(named('fe80::1%eth0'), 'wrong')
})

test('a proxy that speaks for itself, or for a Unix socket, names nobody', () => {
  assert.deepEqual(readProxyLine(binary(0x20, 0x00, [])), { octets: 16, address: undefined })
  assert.deepEqual(readProxyLine(binary(0x20, 0x11, four)), { octets: 28, address: undefined })
  assert.deepEqual(readProxyLine(binary(0x21, 0x00, [])), { octets: 16, address: undefined })
  assert.deepEqual(readProxyLine(binary(0x21, 0x31, Array<number>(216).fill(0))), { octets: 232, address: undefined })
})

test('a header in pieces is waited for, octet by octet', () => {
  for (const whole of [text('PROXY TCP4 192.0.2.7 192.0.2.1 40000 110\r\n'), binary(0x21, 0x21, six)]) {
    for (let end = 0; end < whole.length; end++) assert.equal(readProxyLine(whole.subarray(0, end)), 'more', `${end}`)
    assert.notEqual(readProxyLine(whole), 'wrong')
  }
})

test('anything else is wrong, and known to be so within bounds', () => {
  const cases: readonly Uint8Array[] = [
    text('CAPA\r\n'),
    text('proxy TCP4 192.0.2.7 192.0.2.1 40000 110\r\n'),
    text('PROXY TCP4 192.0.2.7 192.0.2.1 40000\r\n'),
    text('PROXY TCP4 192.0.2.7 192.0.2.1 40000 110 \r\n'),
    text('PROXY TCP4 192.0.2.7  192.0.2.1 40000 110\r\n'),
    text('PROXY TCP4 192.0.2.256 192.0.2.1 40000 110\r\n'),
    text('PROXY TCP4 192.0.2.7 192.0.2.1 65536 110\r\n'),
    text('PROXY TCP4 192.0.2.7 192.0.2.1 040 110\r\n'),
    text('PROXY TCP4 2001:db8::7 2001:db8::1 40000 110\r\n'),
    text('PROXY TCP4 192.0.2.7 192.0.2.1 40000 110\n'),
    text('PROXY UDP4 192.0.2.7 192.0.2.1 40000 110\r\n'),
    text(`PROXY ${'x'.repeat(101)}`),
    binary(0x11, 0x11, four), // version 1 in binary form
    binary(0x22, 0x11, four), // no such command
    binary(0x21, 0x11, four.slice(0, 11)),
    binary(0x21, 0x21, four),
    Uint8Array.of(...signature, 0x21, 0x11, 0xff, 0xff), // 64 KiB of TLVs
  ]
  for (const octets of cases) assert.equal(readProxyLine(octets), 'wrong', Buffer.from(octets).toString('latin1'))
})
