import assert from 'node:assert/strict'
import { test } from 'node:test'
import { passwordIn } from './netrc.ts'

const text = `# passwords
machine one.example login mario password "se cret"
  machine two.example
    login luigi account x
    password p#2
machine two.example password any
macdef init
machine three.example login mario password "in a macro"

default login guest password last
`

test('the password is that of the machine and the login', () => {
  assert.equal(passwordIn(text, ['one.example'], 'mario'), 'se cret')
  assert.equal(passwordIn(text, ['ONE.example'], 'mario'), 'se cret')
  assert.equal(passwordIn(text, ['two.example'], 'luigi'), 'p#2')
  assert.equal(passwordIn(text, ['two.example'], 'mario'), 'any')
  assert.equal(passwordIn(text, ['zero.example', 'one.example'], 'mario'), 'se cret')
})

test('what is in a macro is no entry; the default is for logins that it names', () => {
  assert.equal(passwordIn(text, ['three.example'], 'mario'), undefined)
  assert.equal(passwordIn(text, ['three.example'], 'guest'), 'last')
  assert.equal(passwordIn('machine a login b password', ['a'], 'b'), undefined)
  assert.equal(passwordIn('', ['a'], 'b'), undefined)
  assert.equal(passwordIn('machine a password "x\\"y"', ['a'], 'b'), 'x"y')
})
