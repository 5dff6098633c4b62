import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import { test } from 'node:test'
import { Notes } from './notes.ts'
import { Output } from './output.ts'
import { LogLines } from './serve-log.ts'

test('each line of a log in JSON is JSON, also where a worker was killed in the middle of one', async () => {
  const stream = new PassThrough()
  let said = ''
  stream.on('data', (text) => (said += text))
  const output = { output: new Output(stream), notes: new Notes(stream as never, false) }
  const log = new LogLines({ data: '', json: true, quiet: false, ...output })
  const whole = '{"time":"2026-01-01T00:00:00.000Z","kind":"session","user":"mario"}'
  for (const line of [whole, whole.slice(0, 40), 'Segmentation fault']) log.relay(line)
  log.flush()
  await new Promise((resolve) => void setImmediate(resolve))
  const lines = said.trimEnd().split('\n')
  assert.equal(lines[0], whole)
  assert.deepEqual(
    lines.slice(1).map((line) => (JSON.parse(line) as { text: string }).text),
    [whole.slice(0, 40), 'Segmentation fault'],
  )
})
