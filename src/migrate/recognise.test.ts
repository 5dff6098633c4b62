import assert from 'node:assert/strict'
import { symlinkSync } from 'node:fs'
import { homedir } from 'node:os'
import { join, relative } from 'node:path'
import { test, type TestContext } from 'node:test'
import { folderOf } from '../../test/folder-of.ts'
import { MisuseError } from '../errors.ts'
import type { Program } from './found.ts'
import { homeOf, recognise } from './recognise.ts'

/** What is found at a path of a folder with these files: `PROGRAM KIND PATH`. */
function found(t: TestContext, files: Readonly<Record<string, string>>, path: string, asked?: Program): string[] {
  const folder = folderOf(t, files)
  return recognise(join(folder, path), asked).map((one) => `${one.program} ${one.kind} ${relative(folder, one.path)}`)
}

test('a file is known by what is in it, whatever its name', (t) => {
  const of = (text: string): string[] => found(t, { x: text }, 'x')
  assert.deepEqual(of('# comment\n\nset daemon 300\npoll h'), ['fetchmail accounts x'])
  assert.deepEqual(of('defaults proto pop3\npoll h user account'), ['fetchmail accounts x'])
  assert.deepEqual(of('a@h uid\nb@h uid'), ['fetchmail list x'])
  assert.deepEqual(of('# x\ndefaults\ntls on\n\naccount a\nhost h\n'), ['mpop accounts x'])
  assert.deepEqual(of('account a\nhost h\n'), ['mpop accounts x'])
  assert.deepEqual(of('# generated\n#\n 1 h mario\nid\n'), ['mpop list x'])
  assert.deepEqual(of('; my mail\n[options]\n[retriever]\ntype = X\n'), ['getmail accounts x'])
  assert.deepEqual(of('uid\x001700000000\n'), ['getmail list '])
})

test('a folder may be a profile, hold profiles or rc files, or be a home', (t) => {
  const rc = '[retriever]\ntype = X\n'
  assert.deepEqual(found(t, { 'p/prefs.js': '' }, 'p'), ['thunderbird accounts p'])
  assert.deepEqual(found(t, { 'p/prefs.js': '' }, 'p/prefs.js'), ['thunderbird accounts p'])
  const ini =
    '[Profile1]\nName=x\nIsRelative=1\nPath=Profiles/a\n[Profile0]\nIsRelative=1\nPath=gone\n[General]\nPath=x\n'
  assert.deepEqual(found(t, { 'profiles.ini': ini, 'Profiles/a/prefs.js': '' }, ''), [
    'thunderbird accounts Profiles/a',
  ])
  const getmail = { one: rc, two: rc, 'oldmail-h-110-a': 'uid\x001\n', 'x.json': '{}' }
  assert.deepEqual(found(t, getmail, ''), ['getmail accounts one', 'getmail accounts two'])
  assert.deepEqual(found(t, { 'oldmail-h-110-a': 'uid\x001\n' }, ''), ['getmail list '])
  const home = {
    '.fetchmailrc': 'poll h',
    '.config/mpop/config': 'account a\nhost h',
    '.getmail/rc': rc,
    other: 'poll h',
  }
  assert.deepEqual(found(t, home, ''), [
    'fetchmail accounts .fetchmailrc',
    'getmail accounts .getmail/rc',
    'mpop accounts .config/mpop/config',
  ])
})

test('what is nothing of these is refused by name, and so is what is of another program than asked for', (t) => {
  const folder = folderOf(t, { x: 'hello', rc: 'poll h' })
  symlinkSync(join(folder, 'nowhere'), join(folder, 'link'))
  const says = (path: string, message: RegExp, asked?: Program): void =>
    assert.throws(
      () => recognise(join(folder, path), asked),
      (error) => error instanceof MisuseError && message.test(error.message),
    )
  says('x', /x is none of: the configuration of fetchmail, getmail or mpop, a profile of Thunderbird/)
  says('gone', /gone: there is no such file or folder$/)
  says('rc', /rc is of fetchmail, and not of mpop$/, 'mpop')
  assert.deepEqual(
    recognise(folder).map(({ path }) => relative(folder, path)),
    ['rc'],
  )
  assert.deepEqual(
    recognise(join(folder, 'x'), 'mpop').map(({ kind }) => kind),
    ['accounts'],
  )
})

test('the home of a configuration is where it usually lies in one', () => {
  assert.equal(homeOf('/home/mario/.fetchmailrc'), '/home/mario')
  assert.equal(homeOf('/home/mario/.config/mpop/config'), '/home/mario')
  assert.equal(homeOf('/home/mario/.getmail/rc'), '/home/mario')
  assert.equal(homeOf('/etc/fetchmailrc'), homedir())
})
