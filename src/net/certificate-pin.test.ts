import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { test } from 'node:test'
import { MisuseError } from '../errors.ts'
import { describeCertificate, parsePin, pinOf, spellPin } from './certificate-pin.ts'
import { makeSelfSigned } from './self-signed.ts'

test('a pin is read in every form that programs print it in', () => {
  const pin = '0123456789abcdef'.repeat(4)
  const colons = (pin.toUpperCase().match(/../g) ?? []).join(':')
  for (const text of [
    pin,
    `sha256:${pin}`,
    colons,
    `SHA256:${colons}`,
    `sha256 Fingerprint=${colons}`,
    `  sha-256: ${pin} `,
  ])
    assert.equal(parsePin(text), pin, text)
  assert.equal(parsePin(spellPin(pin)), pin)
})

test('what is no pin is told why', () => {
  const cases: [string, RegExp][] = [
    ['sha256:0123', /64 hexadecimal digits/],
    [`sha1:${'0'.repeat(40)}`, /64 hexadecimal digits/],
    ['sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=', /of a key, not of a certificate/],
    ['', /64 hexadecimal digits/],
  ]
  for (const [text, words] of cases)
    assert.throws(
      () => parsePin(text),
      (error) => error instanceof MisuseError && error.code === 'usage' && words.test(error.message),
      text,
    )
})

test('a certificate is described in one line, whatever it says', () => {
  const made = (name: string): X509Certificate =>
    new X509Certificate(
      makeSelfSigned({ name, hosts: [name], addresses: [], from: Date.UTC(2020, 0), until: Date.UTC(2031, 5, 7) }).cert,
    )
  const certificate = made('pop.example.it')
  assert.equal(describeCertificate(certificate), 'for CN=pop.example.it, issued by itself, good until 2031-06-07')
  assert.match(pinOf(certificate), /^[0-9a-f]{64}$/)
  assert.doesNotMatch(describeCertificate(made(`\x1b[31m\n${'x'.repeat(3000)}`)), /[^ -~…]|x{120}/)
})
