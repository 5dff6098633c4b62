import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { test } from 'node:test'

const program = `
  import { interruption } from ${JSON.stringify(new URL('interruption.ts', import.meta.url).href)}
  const signal = interruption()
  const open = setInterval(() => undefined, 1000)
  signal.addEventListener('abort', () => console.log('aborted'))
  let heard = 0
  process.on('SIGINT', () => {
    if (++heard === 2 && process.argv[1] === 'orderly') setTimeout(() => clearInterval(open), 50)
  })
  console.log('ready')
`

/** How such a process ends; `say`: what is done at each line of it. */
async function ends(word: string, say: (line: string, kill: () => void) => void): Promise<number | null> {
  const child = spawn(process.execPath, ['--input-type=module-typescript', '-e', program, word])
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    for (const line of text.trim().split('\n')) say(line, () => child.kill('SIGINT'))
  })
  return await new Promise((resolve) => child.on('close', resolve))
}

test('one Ctrl-C may arrive several times: what is under way is ended in order', async () => {
  // Again when the first has been dealt with: two at once would be one.
  const code = await ends('orderly', (_, kill) => kill())
  assert.equal(code, 0)
})

test('a second Ctrl-C ends at once what does not end', async () => {
  const code = await ends('stuck', (line, kill) => {
    if (line === 'ready') kill()
    else setTimeout(kill, 1500)
  })
  assert.equal(code, 130)
})
