import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { EnvelopeChoice } from '../accounts/hand-on-target.ts'
import { envelopeOf } from './hand-on-envelope.ts'

const choice: EnvelopeChoice = { to: 'mario@home.example', original: [] }
const account = 'mario@example.it'

function envelope(header: string, more: Partial<EnvelopeChoice> = {}): unknown {
  const { from, to } = envelopeOf(Buffer.from(`${header}\r\n\r\nbody\r\n`), { ...choice, ...more }, account)
  return [from, to]
}

test('the sender is the Return-Path of the last delivery, or else the address of the account', () => {
  assert.deepEqual(envelope('Return-Path: <list-bounces@example.org>\r\nReturn-Path: <old@example.org>'), [
    'list-bounces@example.org',
    'mario@home.example',
  ])
  assert.deepEqual(envelope('Subject: x'), [account, 'mario@home.example'])
  assert.deepEqual(envelope('Return-Path: mario@example.org'), ['mario@example.org', 'mario@home.example'])
  assert.deepEqual(envelope('Return-Path: <a@example.org>', { from: 'relay@example.it' }), [
    'relay@example.it',
    'mario@home.example',
  ])
})

test('RFC 5321 §4.5.5: what came with the null sender goes on with it, so that nobody answers it', () => {
  assert.deepEqual(envelope('Return-Path: <>'), ['', 'mario@home.example'])
})

test('RFC 5321 §4.1.2: nothing that could end the command gets into it', () => {
  for (const bad of ['<a@b> SIZE=1', '<a@b\r\n RCPT TO:<c@d>>', '<a b@c>', '<@route:a@b@c>', 'nobody'])
    assert.deepEqual(
      envelope(`Return-Path: ${bad}`)?.toString().split(',')[0],
      bad === '<a@b> SIZE=1' ? 'a@b' : account,
    )
})

test('the recipient that the header names gets it where that is wanted, and only in those domains', () => {
  const header = 'Delivered-To: catchall@provider.example\r\nX-Original-To: Info@Example.it'
  const original = ['example.it']
  assert.deepEqual(envelope(header), [account, 'mario@home.example'])
  assert.deepEqual(envelope(header, { original }), [account, 'Info@Example.it'])
  assert.deepEqual(envelope('Envelope-To: <sales@example.it>', { original }), [account, 'sales@example.it'])
  assert.deepEqual(envelope('X-Original-To: boss@elsewhere.example', { original }), [account, 'mario@home.example'])
  assert.deepEqual(envelope('To: info@example.it', { original }), [account, 'mario@home.example'])
})
