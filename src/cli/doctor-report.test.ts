import assert from 'node:assert/strict'
import { test } from 'node:test'
import { needsDestructive, type Finding, type Findings } from '../doctor/examine.ts'
import { type Family, fails, holds, type Level, type Verdict } from '../doctor/rule.ts'
import { doctorLines } from './doctor-report.ts'

const target = { host: 'pop.example.it', port: 110, tls: 'none' } as const
const family: Family = { name: 'lang', title: 'UTF8 and LANG', rules: [] }

function finding(id: string, level: Level, verdict: Verdict): Finding {
  const check = (): Promise<Verdict> => Promise.resolve(verdict)
  return {
    family,
    rule: { id, section: 'RFC 6856 §2', level, holds: 'It is so.', means: 'be careful', check },
    verdict,
  }
}

function shown(...findings: readonly Finding[]): string[] {
  const found: Findings = { findings, greeting: '+OK', tls: undefined, implementation: undefined, seconds: 1 }
  return doctorLines(target, found, { all: false, columns: 100 })
}

test('a family counts what is only worth knowing apart from what is broken', () => {
  const told = finding('told', 'informative', fails('it is not'))
  const lines = shown(finding('kept', 'must', holds()), told)
  assert.ok(lines.includes('UTF8 and LANG  ✓ 1  · 1'), lines.join('\n'))
  assert.equal(lines.at(-1), '1 rule holds, none is broken, 1 worth knowing (·); 1.0 s')
  const both = shown(told, finding('broken', 'must', fails('it is not')))
  assert.ok(both.includes('UTF8 and LANG  ✗ 1  · 1'), both.join('\n'))
  assert.match(both.at(-1) ?? '', /^0 rules hold, 1 does not, 1 worth knowing/)
})

test('what needs --destructive is one line at the end; what could not be tried for another reason stands in its family', () => {
  const untried = (id: string, why: string): Finding => finding(id, 'must', { result: 'untried', why })
  const lines = shown(
    untried('a', needsDestructive),
    untried('b', needsDestructive),
    untried('c', 'it is not announced'),
  )
  assert.deepEqual(lines.slice(2), [
    'UTF8 and LANG  – 3',
    '  – c: it is not announced',
    '',
    '2 rules need --destructive, which removes a message',
    '',
    '0 rules hold, none is broken, 3 could not be tried; 1.0 s',
  ])
})
