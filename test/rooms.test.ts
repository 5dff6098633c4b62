import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

// The map of ARCHITECTURE.md, enforced: which room may use which, and that the pure rooms are pure.

const root = fileURLToPath(new URL('..', import.meta.url))
const source = join(root, 'src')

/** What lies beside the rooms: words that every room may use. */
const words = ['errors', 'ids', 'reasons']

/** Each room, and the rooms and files beside them that it may import, `words` aside. */
const rooms: Readonly<Record<string, readonly string[]>> = {
  wire: [],
  message: ['wire'],
  sasl: ['wire'],
  pop3: ['wire', 'sasl'],
  store: ['message', 'disk-errors'],
  intake: ['store'],
  search: ['message', 'store', 'disk-errors'],
  rules: ['store', 'intake', 'accounts'],
  net: ['wire', 'disk-errors'],
  accounts: ['wire', 'sasl', 'net', 'disk-errors'],
  migrate: ['accounts', 'store'],
  doctor: ['wire', 'net'],
  doors: ['wire', 'message', 'sasl', 'pop3', 'store', 'intake', 'search', 'accounts', 'net', 'disk-errors'],
  library: ['sasl', 'pop3', 'store', 'accounts', 'net', 'doors'],
  backup: ['store', 'accounts', 'disk-errors'],
  cli: [
    'wire',
    'message',
    'sasl',
    'pop3',
    'store',
    'intake',
    'rules',
    'search',
    'accounts',
    'net',
    'doors',
    'disk-errors',
    'doctor',
    'migrate',
    'backup',
  ],
}

/** Bytes and answers in, bytes and needs out: no system, no clock, no waiting. */
const pure = ['wire', 'message', 'sasl', 'pop3']

const impure: readonly [RegExp, string][] = [
  [/from 'node:/, 'imports from node:'],
  [/\bawait\b|\basync\b/, 'waits'],
  [/\bDate\.now\b|\bnew Date\(\)|\bperformance\./, 'reads the clock'],
  [/\bset(?:Timeout|Interval|Immediate)\b/, 'sets a timer'],
  [/\bMath\.random\b|\bcrypto\.(?:randomUUID|getRandomValues|subtle)\b/, 'is not the same twice'],
  [/\bprocess\./, 'asks the process'],
  [/\bBuffer\b/, "uses Node's Buffer"],
]

interface SourceFile {
  readonly path: string
  readonly room: string
  readonly text: string
  readonly imports: readonly string[]
}

function sourceFiles(): SourceFile[] {
  return readdirSync(source, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts') && !path.endsWith('.test.ts') && !path.startsWith(join('store', 'contract')))
    .map((path) => {
      const text = readFileSync(join(source, path), 'utf8')
      const imports = [...text.matchAll(/^(?:import|export)\b[^;'"]*?from\s+'([^']+)'|\bimport\('([^']+)'\)/gm)].map(
        (match) => match[1] ?? match[2] ?? '',
      )
      return { path, room: path.includes('/') ? (path.split('/')[0] ?? '') : '', text, imports }
    })
}

const files = sourceFiles()

test('every folder of src is a room, and ARCHITECTURE.md shows each', () => {
  const architecture = readFileSync(join(root, 'ARCHITECTURE.md'), 'utf8')
  const folders = new Set(files.map(({ room }) => room).filter((room) => room !== ''))
  assert.deepEqual([...folders].toSorted(), Object.keys(rooms).toSorted())
  for (const room of folders) assert.ok(architecture.includes(`\`${room}/\``), `ARCHITECTURE.md does not show ${room}/`)
})

test('a room imports only what the map allows', () => {
  const wrong: string[] = []
  for (const { path, room, imports } of files) {
    if (room === '') continue
    for (const name of imports.filter((one) => one.startsWith('.'))) {
      const target = relative(source, resolve(dirname(join(source, path)), name))
      const there = target.includes('/') ? (target.split('/')[0] ?? '') : target.replace(/\.ts$/, '')
      if (there === room || words.includes(there) || rooms[room]?.includes(there) === true || target.startsWith('..'))
        continue
      wrong.push(`${path} imports ${target}`)
    }
  }
  assert.deepEqual(wrong, [])
})

test('the pure rooms are pure', () => {
  const wrong: string[] = []
  for (const { path, room, text } of files) {
    if (!pure.includes(room)) continue
    const code = text.replace(/\/\*[^]*?\*\/|^\s*\/\/.*$|\s\/\/ .*$/gm, '')
    for (const [pattern, what] of impure) if (pattern.test(code)) wrong.push(`${path} ${what}`)
  }
  assert.deepEqual(wrong, [])
})

test('only what package.json names is imported from outside, and no pure room imports any of it', () => {
  const { dependencies, optionalDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Record<
    'dependencies' | 'optionalDependencies',
    Record<string, string>
  >
  const outside = new Set<string>()
  for (const { path, room, imports } of files) {
    for (const name of imports.filter((one) => !one.startsWith('.') && !one.startsWith('node:'))) {
      assert.ok(!pure.includes(room), `${path} imports ${name}`)
      outside.add(name.startsWith('@') ? name.split('/').slice(0, 2).join('/') : (name.split('/')[0] ?? ''))
    }
  }
  assert.deepEqual([...outside].toSorted(), Object.keys({ ...dependencies, ...optionalDependencies }).toSorted())
})
