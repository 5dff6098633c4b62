import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { test } from 'node:test'

const program = `
  import { interruption } from ${JSON.stringify(new URL('interruption.ts', import.meta.url).href)}
  const orderly = process.argv[1] === 'orderly'
  let clock = 0
  performance.now = () => clock
  const signal = interruption()
  const open = setInterval(() => undefined, 1000)
  signal.addEventListener('abort', () => {
    // So long after the first the second Ctrl-C comes, or is the same one.
    clock += orderly ? 900 : 1100
    console.log('aborted')
  })
  let heard = 0
  process.on('SIGINT', () => {
    if (++heard === 2 && orderly) setTimeout(() => clearInterval(open), 50)
  })
  console.log('ready')
`

/** How such a process ends that is told again and again, first when it is ready, then when it has begun to end. */
async function ends(word: 'orderly' | 'stuck'): Promise<number | null> {
  const child = spawn(process.execPath, ['--input-type=module-typescript', '-e', program, word])
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    // Two at once would be one.
    for (const _ of text.trim().split('\n')) child.kill('SIGINT')
  })
  return await new Promise((resolve) => child.on('close', resolve))
}

test('one Ctrl-C may arrive several times: what is under way is ended in order', async () => {
  assert.equal(await ends('orderly'), 0)
})

test('a second Ctrl-C ends at once what does not end', async () => {
  assert.equal(await ends('stuck'), 130)
})
