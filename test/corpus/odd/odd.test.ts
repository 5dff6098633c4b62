import assert from 'node:assert/strict'
import { readFileSync, readdirSync } from 'node:fs'
import { test } from 'node:test'
import { describe } from '../../../src/message/describe.ts'
import { allParts, Extractor, textOf } from '../../../src/message/extract.ts'
import { MessageReader, parseMessage } from '../../../src/message/mime.ts'
import type { Part } from '../../../src/message/part.ts'
import { readable } from '../../../src/message/readable.ts'

// Each message NAME.eml has beside it NAME.txt: what it must be understood as, for a person to read and to judge.
const folder = new URL('./', import.meta.url)
const names = readdirSync(folder)
  .filter((name) => name.endsWith('.eml'))
  .map((name) => name.slice(0, -'.eml'.length))

for (const name of names) {
  const octets = new Uint8Array(readFileSync(new URL(`${name}.eml`, folder)))

  test(`odd message: ${name.replaceAll('-', ' ')}`, () => {
    assert.equal(understood(octets), readFileSync(new URL(`${name}.txt`, folder), 'utf8'))
  })

  test(`odd message in pieces: ${name.replaceAll('-', ' ')}`, () => {
    const whole = parseMessage(octets)
    for (const size of [1, 7]) {
      const reader = new MessageReader({ gather: 1 })
      for (let at = 0; at < octets.length; at += size) reader.push(octets.subarray(at, at + size))
      const root = reader.finish()
      assert.deepEqual(outline(root), outline(whole))
      assert.deepEqual([...allParts(root)].map(textOf), [...allParts(whole)].map(textOf))
    }
  })
}

function understood(octets: Uint8Array): string {
  const { subject, from, to, cc, bcc, date, messageId } = describe(octets)
  const extractor = new Extractor()
  extractor.push(octets)
  const { text, attachmentNames, hasAttachment } = extractor.finish()
  const fields = { subject, from, to, cc, bcc, 'message-id': messageId ?? '' }
  const lines = Object.entries(fields).map(([field, value]) => `${field}: ${value}`)
  lines.push(`date: ${date === undefined ? 'none' : new Date(date).toISOString()}`)
  lines.push(`attachment: ${hasAttachment ? 'yes' : 'no'}`, ...attachmentNames.map((file) => `file: ${file}`))
  lines.push('', 'parts (type, header, body, end):', ...outline(parseMessage(octets)))
  lines.push('', 'text for search:', ...quoted(text), '', 'shown:', ...quoted(readable(octets)))
  return lines.map((line) => `${line.trimEnd()}\n`).join('')
}

function outline(part: Part, indent = '  '): string[] {
  const line = `${indent}${part.type} ${part.start} ${part.body} ${part.end}`
  return [line, ...part.parts.flatMap((inner) => outline(inner, `${indent}  `))]
}

function quoted(text: string): string[] {
  return text.split('\n').map((line) => `| ${line}`)
}
