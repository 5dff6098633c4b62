import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseAddresses, showAddresses } from './addresses.ts'

test('RFC 5322 §3.4: names, quoted names, and addresses alone', () => {
  assert.deepEqual(
    parseAddresses('John Doe <jdoe@machine.example>, mary@example.net, "Joe Q. Public" <john.q.public@example.com>'),
    [
      { name: 'John Doe', address: 'jdoe@machine.example' },
      { name: '', address: 'mary@example.net' },
      { name: 'Joe Q. Public', address: 'john.q.public@example.com' },
    ],
  )
  assert.deepEqual(parseAddresses('"Giant; \\"Big\\" Box" <sysservices@example.net>'), [
    { name: 'Giant; "Big" Box', address: 'sysservices@example.net' },
  ])
})

test('RFC 5322 §3.4: groups, also empty ones', () => {
  assert.deepEqual(parseAddresses('A Group:Ed Jones <c@a.test>,joe@where.test;, Undisclosed recipients:;, z@z.test'), [
    { name: 'Ed Jones', address: 'c@a.test', group: 'A Group' },
    { name: '', address: 'joe@where.test', group: 'A Group' },
    { name: '', address: 'z@z.test' },
  ])
})

test('RFC 5322 §4.4: routes, names in comments, white space around the dots', () => {
  assert.deepEqual(parseAddresses('Mary <@node.test,@b.test:mary@example.net>, jdoe@test . example (John)'), [
    { name: 'Mary', address: 'mary@example.net' },
    { name: 'John', address: 'jdoe@test.example' },
  ])
})

test('encoded words are decoded after the field is read (RFC 2047 §6.2)', () => {
  assert.deepEqual(parseAddresses('=?utf-8?q?Rossi=2C_Mario_=3Cx=3E?= <m@example.it>'), [
    { name: 'Rossi, Mario <x>', address: 'm@example.it' },
  ])
})

test('shown for a person to read', () => {
  assert.equal(showAddresses(parseAddresses('A <a@b.c>,d@e.f,  Nobody\u001b[2J')), 'A <a@b.c>, d@e.f, Nobody [2J')
})
