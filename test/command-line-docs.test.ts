import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'

const root = join(import.meta.dirname, '..')
const page = await readFile(join(root, 'docs/command-line.md'), 'utf8')
const doctorPage = await readFile(join(root, 'docs/doctor.md'), 'utf8')

/** Said once, at the beginning of the page. */
const everywhere = ['--data', '--json', '--quiet', '--help', '--version']

interface Help {
  readonly command: string
  readonly options: readonly string[]
}

/** What `--help` says of a command and of those below it. */
async function helps(words: readonly string[]): Promise<Help[]> {
  const { stdout } = await promisify(execFile)(process.execPath, [join(root, 'bin/postino.js'), ...words, '--help'])
  const [own = '', below = ''] = stdout.split('\nCommands:\n')
  const options = [...own.matchAll(/^ {2}(?:-\w, )?(--[\w-]+)/gm)].map(([, option = '']) => option)
  const commands = [...below.matchAll(/^ {2}(\w+)/gm)].map(([, name = '']) => name)
  const inner = await Promise.all(commands.map((name) => helps([...words, name])))
  return [{ command: words.join(' '), options: commands.length > 0 ? [] : options }, ...inner.flat()]
}

test('the page on the command line has every command and every option of --help, and no other option', async () => {
  const all = await helps([])
  assert.ok(all.length > 25, 'there are more commands')
  const missing = all.flatMap(({ command, options }) => {
    const text = command === 'doctor' ? doctorPage : page
    return [
      ...(page.includes(`\`${command}`) || page.includes(`\`postino ${command}`) ? [] : [command]),
      ...options
        .filter((option) => !everywhere.includes(option) && !new RegExp(`${option}\\b(?!-)`).test(text))
        .map((option) => `${command} ${option}`),
    ]
  })
  assert.deepEqual(missing, [])
  const known = new Set([...everywhere, ...all.flatMap(({ options }) => options)])
  const named = new Set([...page.matchAll(/(?<![\w-])--[a-z][\w-]*/g)].map(([option]) => option))
  assert.deepEqual(
    [...named].filter((option) => !known.has(option)),
    [],
  )
})
