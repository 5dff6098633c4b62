import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

// What a legal hold is on is removed by nobody: `Draft.remove` asks, and this sees that nothing goes round it.

const source = join(import.meta.dirname, '../src')

const files = readdirSync(source, { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.ts') && !path.endsWith('.test.ts') && !path.startsWith('store/contract'))
  .map((path) => ({ path, text: readFileSync(join(source, path), 'utf8') }))

function filesWith(pattern: RegExp): string[] {
  return files.flatMap(({ path, text }) => (pattern.test(text) ? [path] : [])).toSorted()
}

test('that a message is removed is written into the journal in one place, behind the question', () => {
  assert.deepEqual(filesWith(/\bt: 'remove',/), ['store/drafting.ts'])
  const { text = '' } = files.find(({ path }) => path === 'store/drafting.ts') ?? {}
  const [, body = ''] = /\n {2}remove\(id: MessageId\): boolean \{\n([^]*?)\n {2}\}\n/.exec(text) ?? []
  const asked = body.indexOf('if (this.#index.holdsOn(id).length > 0) return false')
  assert.ok(asked !== -1 && asked < body.indexOf(`t: 'remove'`), body)
})

test('messages leave the index only by such a record', () => {
  const inStore = filesWith(/delete from messages\b/).filter((path) => path.startsWith('store/'))
  assert.deepEqual(inStore, ['store/sqlite-index.ts'])
})

test('those who remove messages, and what they do where one stays', () => {
  assert.deepEqual(filesWith(/\bdraft\.remove\(/), [
    // The header that stood for a message stays beside it.
    'doors/fetch-deliveries.ts',
    'doors/fetch-pop3-keep.ts',
    // DELE only hides.
    'doors/serve-pop3-maildrops-removal.ts',
    'intake/intake.ts',
    // Both count it as held.
    'rules/retention.ts',
    'rules/trash.ts',
    // A damaged message that cannot be put right under its number stays as it is.
    'store/repair.ts',
  ])
})

test('those who remove a whole user, which the store refuses', () => {
  assert.deepEqual(filesWith(/\bstore\.remove\(/), ['cli/user.ts'])
})
