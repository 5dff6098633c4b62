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
const transaction = 'pop3/transaction.ts'
const logIn = 'pop3/log-in.ts'
const scram = 'sasl/scram-server.ts'
const mutants: readonly Mutant[] = [
  { mistake: 'TOP counts the header', file: 'pop3/top.ts', from: '#inBody = false', to: '#inBody = true' },
  { mistake: 'TOP sends one line too many', file: 'pop3/top.ts', from: '#left <= 0', to: '#left < 0' },
  { mistake: 'TOP takes a bare LF for the line end', file: 'pop3/top.ts', from: '=== cr\n', to: '!== lf\n' },
  {
    mistake: 'LIST gives new numbers after DELE',
    file: 'pop3/maildrop.ts',
    from: 'continue\n      to = writeNumber(out, to, number)',
    to: 'continue\n      let shown = 0\n      for (let n = 1; n <= number; n++) if (!removed.has(n)) shown++\n      to = writeNumber(out, to, shown)',
  },
  {
    mistake: 'LIST tells old clients the size of a message that they do not get',
    file: 'pop3/maildrop.ts',
    from: 'sizes[number - 1] = size',
    to: '',
  },
  {
    mistake: 'LIST shows deleted messages',
    file: 'pop3/maildrop.ts',
    from: 'if (removed.has(number)) continue',
    to: '',
  },
  {
    mistake: 'STAT counts deleted messages',
    file: transaction,
    from: 'this.maildrop.count - this.removed.size',
    to: 'this.maildrop.count',
  },
  {
    mistake: 'STAT adds the octets of deleted messages',
    file: transaction,
    from: 'this.maildrop.octets - this.#removedOctets',
    to: 'this.maildrop.octets',
  },
  {
    mistake: 'a deleted message can be had',
    file: transaction,
    from: 'return this.removed.has(number)',
    to: 'return false',
  },
  {
    mistake: 'RSET forgets the totals',
    file: transaction,
    from: 'this.removed.clear()\n    this.#removedOctets = 0',
    to: 'this.removed.clear()',
  },
  { mistake: 'RSET unmarks nothing', file: transaction, from: 'this.removed.clear()', to: '' },
  { mistake: 'QUIT removes nothing', file: server, from: 'this.#transaction.removed.numbers()', to: '[]' },
  {
    mistake: 'QUIT says that all is well where nothing was removed',
    file: server,
    from: 'this.#replies.err(say, reason)\n      // RFC 1939 §6',
    to: "this.#replies.ok('bye')\n      // RFC 1939 §6",
  },
  {
    mistake: 'numbers wrap around at 2^32',
    file: transaction,
    from: "return word === '' ? undefined : number",
    to: "return word === '' ? undefined : number >>> 0",
  },
  {
    mistake: 'a number is what a word begins with',
    file: transaction,
    from: 'digit > 9) return undefined',
    to: 'digit > 9) return at === 0 ? undefined : number',
  },
  { mistake: 'number 0 is a message', file: transaction, from: 'number < 1 ||', to: 'number < 0 ||' },
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
    to: 'else this.#message.end()',
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
    from: "command.verb !== 'PASS')",
    to: "(command.verb !== 'PASS' && command.verb !== 'STLS'))",
  },
  { mistake: 'STLS keeps the language', file: server, from: 'this.#replies.reset()', to: '' },
  {
    mistake: 'STLS keeps UTF8',
    file: 'pop3/replies.ts',
    from: 'this.language = this.languages[0] ?? english\n    this.unicode = false',
    to: 'this.language = this.languages[0] ?? english',
  },
  {
    mistake: 'USER is remembered behind other commands',
    file: server,
    from: "wrong !== undefined || command.verb !== 'PASS'",
    to: 'wrong !== undefined',
  },
  {
    mistake: 'a password ends at a space',
    file: 'pop3/rules.ts',
    from: "if (wanted === 'text') return",
    to: "if (wanted === 'text') this.first = rest.split(' ')[0] ?? ''\n    if (wanted === 'text') return",
  },
  { mistake: 'a password may be anything', file: logIn, from: ' || isProhibited(password)', to: '' },
  { mistake: 'a name may be anything', file: logIn, from: 'if (isProhibited(name))', to: 'if (false)' },
  { mistake: 'AUTH with bad base64', file: 'wire/base64.ts', from: 'if (text.length % 4 !== 0 ||', to: 'if (false &&' },
  {
    mistake: 'commands behind QUIT are carried out',
    file: server,
    from: "    this.#state = 'UPDATE'\n    this.#input.clear()\n    this.#need = { kind: 'close', why }",
    to: '    void why',
  },
  {
    mistake: 'keywords in letters that are none of ASCII',
    file: 'pop3/rules.ts',
    from: 'return word.replace(/[a-z]+/g, (letters) => letters.toUpperCase())',
    to: 'return word.toUpperCase()',
  },
  { mistake: 'keywords in capitals only', file: 'pop3/rules.ts', from: ' ?? byVerb.get(inCapitals(word))', to: '' },
  {
    mistake: 'state is not looked at',
    file: 'pop3/rules.ts',
    from: 'if (!rule.states.includes(state)) return',
    to: "if (state === 'UPDATE') return",
  },
  {
    mistake: 'one may act for somebody else',
    file: 'sasl/plain.ts',
    from: "if (actFor !== '' && actFor !== login)",
    to: 'if (false)',
  },
  { mistake: '"*" is a response', file: logIn, from: "line === '*' ?", to: "line === '**' ?" },
  {
    mistake: 'an initial response for LOGIN',
    file: logIn,
    from: "if (name === 'LOGIN' && initial !== '')",
    to: 'if (false)',
  },
  {
    mistake: 'a wrong token fails without saying why',
    file: logIn,
    from: "reason === 'bad-login' ? this.#exchange?.refused()",
    to: "reason === 'bad-login' ? undefined",
  },
  {
    mistake: 'a wrong token is forgiven',
    file: logIn,
    from: 'if (refusal !== undefined) return this.#no(refusal.say, refusal.reason)',
    to: '',
  },
  { mistake: 'a response has no more room than 4096 octets', file: 'pop3/server-input.ts', from: '21_848', to: '4096' },
  { mistake: 'SCRAM takes any proof', file: scram, from: 'right && keys.known', to: 'keys.known' },
  { mistake: 'SCRAM believes in invented keys', file: scram, from: 'right && keys.known', to: 'right' },
  { mistake: 'SCRAM binds to any channel', file: scram, from: 'if (binding !== begun.binding)', to: 'if (false)' },
  { mistake: 'SCRAM takes an old nonce', file: scram, from: 'if (nonce !== begun.nonce ||', to: 'if (' },
  {
    mistake: 'SCRAM lets itself be downgraded',
    file: scram,
    from: "if (flag === 'y' && this.#plus)",
    to: 'if (false)',
  },
  {
    mistake: 'SCRAM-SHA-256-PLUS without TLS',
    file: logIn,
    from: 'crypto !== undefined && this.#bindings !== undefined',
    to: 'crypto !== undefined',
  },
  {
    mistake: 'mechanisms are listed where none is permitted',
    file: logIn,
    from: 'if (!this.permitted) return []',
    to: '',
  },
  {
    mistake: 'CAPA says USER after the log-in',
    file: 'pop3/announce.ts',
    from: 'differs === true && !loggedIn',
    to: 'differs === true',
  },
  {
    mistake: 'CAPA says the policy of all to the one user',
    file: 'pop3/announce.ts',
    from: '= policy ?? general',
    to: '= general',
  },
  {
    mistake: 'an unknown language is English',
    file: 'pop3/languages.ts',
    from: 'return undefined\n}',
    to: 'return offered[0]\n}',
  },
  { mistake: 'a language range must be a tag', file: 'pop3/languages.ts', from: 'words.pop()', to: 'words.length = 0' },
  {
    mistake: 'replies are in UTF-8 unasked',
    file: 'pop3/replies.ts',
    from: 'this.unicode ? clean : plainAscii(clean)',
    to: 'clean',
  },
  {
    mistake: 'UTF8 in TRANSACTION',
    file: 'pop3/rules.ts',
    from: "verb: 'UTF8', states: authorization",
    to: "verb: 'UTF8', states: both",
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
    let [caught, passed] = [false, false]
    for (const transcript of transcripts) {
      if (caught && passed) break
      try {
        await follow(transcript, engineLines(transcript, make, Infinity, drop))
        passed = true
      } catch {
        caught = true
      }
    }
    assert.ok(caught, 'no transcript notices')
    assert.ok(passed, 'it is so broken that it proves nothing')
  })
}
