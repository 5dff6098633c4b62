import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { columnsOf } from '../../src/search/columns.ts'
import { mbox, postino } from './postino.ts'

const program = fileURLToPath(new URL('../../bin/postino.js', import.meta.url))

/** Whether there is util-linux's `script`, which runs a command on a terminal of its own. */
const hasScript = /util-linux/.test(spawnSync('script', ['--version'], { encoding: 'utf8' }).stdout ?? '')

/** What a terminal of so many columns shows of a command: its last state, bars that were drawn over left out. */
function onTerminal(t: TestContext, data: string, words: readonly string[], columns: number): string[] | undefined {
  if (!hasScript) {
    t.skip('script (util-linux) is not installed')
    return undefined
  }
  const quoted = [process.execPath, program, '--data', data, ...words].map((word) => `'${word}'`).join(' ')
  const { stdout } = spawnSync('script', ['-qec', `stty cols ${columns} && ${quoted}`, '/dev/null'], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, SHELL: '/bin/sh', TERM: 'xterm', TZ: 'UTC', NODE_OPTIONS: '' },
  })
  const lines = stdout.trimEnd().split(/\r*\n/)
  // oxlint-disable-next-line no-control-regex -- how a line is drawn anew
  return lines.map((line) => line.replace(/^[^]*\r/, '').replaceAll('\u001b[K', ''))
}

test('on a terminal, what search finds fits it and stands before the note of how much that is', async (t) => {
  const { run, data } = await postino(t)
  await writeFile(join(data, '..', 'mail.mbox'), mbox(3))
  await run(['import', join(data, '..', 'mail.mbox')])
  const text = `From: Anna Bianchi <anna@example.it>\nSubject: ${'A long subject '.repeat(9)}\nContent-Type: text/plain; charset=utf-8\n\n`
  await run(['import', '-'], {
    input: `${text}${'会議は十時に始まります。'.repeat(20)}perché${' lorem ipsum'.repeat(30)}\n`,
  })
  for (const columns of [80, 132]) {
    const lines = onTerminal(t, data, ['search', 'perche'], columns)
    if (lines === undefined) return
    assert.match(lines.at(-1) ?? '', /^4 messages found in /)
    assert.equal(
      lines.filter((line) => /^ {5}\d {2}\S+ \S+ {2}Anna Bianchi {3,}\S/.test(line)).length,
      4,
      lines.join('\n'),
    )
    assert.equal(
      lines
        .filter((line) => /^ {8}\S/.test(line))
        .join('')
        .match(/\[perché\]/g)?.length,
      4,
    )
    for (const line of lines) assert.ok(columnsOf(line) < columns, `${columns} columns: ${line}`)
  }
})

test('on a terminal, list fits it', async (t) => {
  const { run, data } = await postino(t)
  await run(['import', '-'], { input: `From: anna@example.it\nSubject: ${'A long subject '.repeat(9)}\n\n` })
  const lines = onTerminal(t, data, ['list'], 80)
  if (lines === undefined) return
  assert.match(lines[0] ?? '', /^ {5}1 {2}\S+ \S+ {2}anna@example\.it {2,}A long subject .*…$/)
  assert.equal(columnsOf(lines[0] ?? ''), 79)
})

test('on a terminal, notes and settings fit it', async (t) => {
  const { data } = await postino(t)
  const words = ['account', 'add', 'mario@gmail.com', '--offline', '--no-check', '--password-command', 'cat']
  for (const more of [words, ['account', 'list'], ['account', 'show', 'mario@gmail.com']]) {
    const lines = onTerminal(t, data, more, 60)
    if (lines === undefined) return
    assert.ok(lines.length >= 2, lines.join('\n'))
    for (const line of lines) assert.ok(columnsOf(line) < 60, line)
  }
})
