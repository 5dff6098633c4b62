import assert from 'node:assert/strict'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'
import type * as Drops from '../../src/pop3/maildrop.ts'
import type * as Server from '../../src/pop3/server.ts'
import { engineLines, type MakeServer } from './engine-line.ts'
import { follow } from './follow.ts'
import { readTranscripts } from './transcript.ts'

/** A mistake that POP3 servers are known to make: in this file, this text becomes that. */
interface Mutant {
  readonly mistake: string
  readonly file: string
  readonly from: string
  readonly to: string
}

const server = 'pop3/server.ts'
const mutants: readonly Mutant[] = [
  { mistake: 'TOP counts the header', file: 'pop3/top.ts', from: '#inBody = false', to: '#inBody = true' },
  { mistake: 'TOP sends one line too many', file: 'pop3/top.ts', from: '#left <= 0', to: '#left < 0' },
  { mistake: 'TOP takes a bare LF for the line end', file: 'pop3/top.ts', from: '=== cr\n', to: '!== lf\n' },
  {
    mistake: 'LIST gives new numbers after DELE',
    file: 'pop3/maildrop.ts',
    from: 'number++\n      if (removed.has(number)) continue',
    to: 'if (removed.has(this.messages.indexOf(message) + 1)) continue\n      number++',
  },
  {
    mistake: 'LIST shows deleted messages',
    file: 'pop3/maildrop.ts',
    from: 'if (removed.has(number)) continue',
    to: '',
  },
  {
    mistake: 'STAT counts deleted messages',
    file: server,
    from: 'messages.length - this.#removed.size}',
    to: 'messages.length}',
  },
  {
    mistake: 'STAT adds the octets of deleted messages',
    file: server,
    from: '.octets - this.#removedOctets}',
    to: '.octets}',
  },
  {
    mistake: 'a deleted message can be had',
    file: server,
    from: 'return this.#removed.has(number)',
    to: 'return false',
  },
  { mistake: 'RSET forgets the totals', file: server, from: 'this.#removedOctets = 0\n        return', to: 'return' },
  { mistake: 'RSET unmarks nothing', file: server, from: 'this.#removed = new Set()\n', to: '' },
  { mistake: 'QUIT removes nothing', file: server, from: 'removed: [...this.#removed]', to: 'removed: []' },
  {
    mistake: 'numbers wrap around at 2^32',
    file: server,
    from: 'const number = Number(word)\n',
    to: 'const number = Number(word) >>> 0\n',
  },
  {
    mistake: 'a number is what a word begins with',
    file: server,
    from: 'if (!/^\\d+$/.test(word)) return',
    to: 'if (!/^\\d/.test(word)) return',
  },
  { mistake: 'number 0 is a message', file: server, from: 'number < 1 ||', to: 'number < 0 ||' },
  { mistake: 'dots are not stuffed', file: 'wire/dot-writer.ts', from: 'from = found + 2', to: 'from = found + 3' },
  {
    mistake: 'a dot in the first line is not stuffed',
    file: 'wire/dot-writer.ts',
    from: 'if (this.#state === atStart && first === dot)',
    to: 'if (false)',
  },
  {
    mistake: 'an open last line is not ended',
    file: 'wire/dot-writer.ts',
    from: 'if (this.#state !== atStart) this',
    to: 'if (false) this',
  },
  {
    mistake: 'an ended last line is ended again',
    file: 'wire/dot-writer.ts',
    from: 'if (this.#state !== atStart) this',
    to: 'this',
  },
  {
    mistake: 'a broken message is ended with a dot',
    file: server,
    from: "else this.#close('unreadable message')",
    to: 'else this.#dots.end()',
  },
  {
    mistake: 'what came with STLS is carried out',
    file: server,
    from: "this.#input.clear()\n    this.#need = { kind: 'handshake' }",
    to: "this.#need = { kind: 'handshake' }",
  },
  {
    mistake: 'STLS keeps the name of USER',
    file: server,
    from: '    this.#name = undefined\n',
    to: "    if (!line.startsWith('STLS')) this.#name = undefined\n",
  },
  {
    mistake: 'USER is remembered behind other commands',
    file: server,
    from: 'const name = this.#name\n    this.#name = undefined',
    to: 'const name = this.#name',
  },
  { mistake: 'AUTH with bad base64', file: 'wire/base64.ts', from: 'if (text.length % 4 !== 0 ||', to: 'if (false &&' },
  {
    mistake: 'commands behind QUIT are carried out',
    file: server,
    from: "    this.#state = 'UPDATE'\n    this.#input.clear()\n    this.#need = { kind: 'close', why }",
    to: '    void why',
  },
  { mistake: 'keywords in capitals only', file: 'pop3/rules.ts', from: ' ?? byVerb.get(inCapitals(word))', to: '' },
  {
    mistake: 'state is not looked at',
    file: 'pop3/rules.ts',
    from: 'if (!rule.states.includes(state)) {',
    to: "if (state === 'UPDATE') {",
  },
]

const source = join(import.meta.dirname, '..', '..', 'src')
const transcripts = readTranscripts()

for (const mutant of mutants) {
  test(`a transcript catches the mistake: ${mutant.mistake}`, async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'postino-mutant-'))
    t.after(() => rmSync(folder, { recursive: true, force: true }))
    const src = join(folder, 'src')
    mkdirSync(src)
    for (const name of ['pop3', 'wire', 'sasl', 'errors.ts', 'reasons.ts']) {
      cpSync(join(source, name), join(src, name), { recursive: true })
    }
    writeFileSync(join(folder, 'package.json'), '{"type":"module"}')
    const path = join(src, mutant.file)
    const text = readFileSync(path, 'utf8')
    assert.ok(
      text.includes(mutant.from),
      `${mutant.file} has no ${JSON.stringify(mutant.from)} any more: mend this mutant`,
    )
    writeFileSync(
      path,
      text.replace(mutant.from, () => mutant.to),
    )
    const changed = (await import(pathToFileURL(join(src, server)).href)) as typeof Server
    const make: MakeServer = (options) => new changed.Pop3Server(options)
    const drops = (await import(pathToFileURL(join(src, 'pop3/maildrop.ts')).href)) as typeof Drops
    const drop = (messages: readonly Drops.MaildropMessage[]): Drops.Maildrop => drops.Maildrop.of(messages)
    const caught: string[] = []
    for (const transcript of transcripts) {
      try {
        await follow(transcript, engineLines(transcript, make, Infinity, drop))
      } catch {
        caught.push(transcript.name)
      }
    }
    assert.notDeepEqual(caught, [], 'no transcript notices')
    assert.ok(caught.length < transcripts.length, 'it is so broken that it proves nothing')
  })
}
