import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Pop3Client } from '../../src/pop3/client.ts'
import type { ClientEvent } from '../../src/pop3/client-event.ts'
import { type Command, replyForm } from '../../src/pop3/command.ts'
import type { ClientMechanism, Mechanism } from '../../src/sasl/mechanism.ts'
import { fromBase64 } from '../../src/wire/base64.ts'
import { isLike, latin1, octetsOf, readTranscripts, type Step, type Transcript } from './transcript.ts'

/** AUTH by a mechanism that says just this; undefined where that is no base64. */
function authOf(name: string, initial: string | undefined, responses: readonly string[]): Command | undefined {
  const first = initial === undefined ? undefined : fromBase64(initial === '=' ? '' : initial)
  const answers = responses.map((response) => (response === '*' ? undefined : fromBase64(response)))
  if ((initial !== undefined && first === undefined) || answers.some((one, at) => !one && responses[at] !== '*')) {
    return undefined
  }
  const exchange: ClientMechanism = {
    name: name as Mechanism,
    first: () => first,
    answer: () => answers.shift(),
    get finished() {
      return answers.length === 0
    },
  }
  return { verb: 'AUTH', exchange }
}

/** Whether this step is the client's answer to a challenge. */
function isResponse(steps: readonly Step[], at: number): boolean {
  const [before, step] = [steps[at - 1], steps[at]]
  return step?.kind === 'client' && before?.kind === 'server' && before.pattern.startsWith('+ ')
}

/** The answers to the challenges that follow the command at this step. */
function responsesAt(steps: readonly Step[], at: number): string[] {
  const responses: string[] = []
  for (let next = at + 2; isResponse(steps, next); next += 2) {
    const step = steps[next]
    if (step?.kind === 'client') responses.push(latin1(step.octets).slice(0, -2))
  }
  return responses
}

/** The command that a client engine would spell so; undefined where it cannot. */
function commandOf(line: string, responses: readonly string[]): Command | undefined {
  const [verb = '', ...words] = line.slice(0, -2).split(' ')
  const number = /^[1-9]\d{0,8}$/.test(words[0] ?? '') ? Number(words[0]) : undefined
  const rest = words.join(' ')
  switch (verb) {
    case 'CAPA':
    case 'STLS':
    case 'STAT':
    case 'NOOP':
    case 'RSET':
    case 'QUIT':
      return words.length === 0 ? { verb } : undefined
    case 'LIST':
    case 'UIDL':
      return words.length === 0 ? { verb } : number !== undefined && words.length === 1 ? { verb, number } : undefined
    case 'RETR':
    case 'DELE':
      return number !== undefined && words.length === 1 ? { verb, number } : undefined
    case 'TOP':
      return number !== undefined && /^\d{1,9}$/.test(words[1] ?? '')
        ? { verb, number, lines: Number(words[1]) }
        : undefined
    case 'USER':
      return rest === '' ? undefined : { verb, name: rest }
    case 'PASS':
      return rest === '' ? undefined : { verb, password: rest }
    case 'UTF8':
      return words.length === 0 ? { verb } : undefined
    case 'LANG':
      return words.length === 0 ? { verb } : words.length === 1 && words[0] !== '' ? { verb, range: rest } : undefined
    case 'AUTH':
      return words.length <= 2 && words[0] !== undefined ? authOf(words[0], words[1], responses) : undefined
    default:
      return undefined
  }
}

/** Cuts a transcript into its connections; undefined where it has a command that our client never sends. */
function parts(transcript: Transcript): Step[][] | undefined {
  const found: Step[][] = [[]]
  // Behind QUIT our client sends nothing, and behind STLS only after the handshake.
  let quit = false
  for (const [at, step] of transcript.steps.entries()) {
    // A challenge that may be anything is none that a client could answer.
    if (step.kind === 'server' && step.pattern === '+ *') return undefined
    if (step.kind === 'connect') {
      found.push([])
      quit = false
    } else found.at(-1)?.push(step)
    if (step.kind === 'handshake' || (step.kind === 'server' && step.pattern.startsWith('-ERR'))) quit = false
    if (step.kind === 'client') {
      if (isResponse(transcript.steps, at)) continue
      const command = commandOf(latin1(step.octets), responsesAt(transcript.steps, at))
      if (command === undefined || quit) return undefined
      quit = command.verb === 'QUIT' || command.verb === 'STLS'
      try {
        const probe = new Pop3Client()
        probe.send(command)
        probe.receive(Buffer.from('+OK\r\n'))
        probe.next()
        const sent = probe.next()
        if (sent?.kind !== 'send' || latin1(sent.octets) !== latin1(step.octets)) return undefined
      } catch {
        return undefined
      }
    }
  }
  return found
}

/** Plays the server of a transcript against the client engine. */
function mirror(steps: readonly Step[], size: number): void {
  const client = new Pop3Client()
  client.pipelining = true
  const events: ClientEvent[] = []
  let sent = ''
  const drain = (): void => {
    for (let event = client.next(); event !== undefined; event = client.next()) {
      if (event.kind === 'send') sent += latin1(event.octets)
      else events.push(event)
    }
  }
  const say = (text: string): void => {
    const octets = Buffer.from(text, 'latin1')
    for (let at = 0; at < octets.length; at += size) {
      client.receive(octets.subarray(at, at + size))
      drain()
    }
  }
  const asked: Command[] = []
  /** What the server of the transcript says, and what that makes of the commands. */
  const answers: string[] = []
  for (const [at, step] of steps.entries()) {
    if (isResponse(steps, at)) assert.ok(step.kind === 'client' && sent.endsWith(latin1(step.octets)), sent)
    else if (step.kind === 'client') {
      const command = commandOf(latin1(step.octets), responsesAt(steps, at))
      assert.ok(command)
      asked.push(command)
      client.send(command)
      client.pipelining = true
      drain()
      if (command.verb !== 'QUIT' && steps[at + 1]?.kind !== 'client') {
        assert.ok(sent.endsWith(latin1(step.octets)), `the client sent ${JSON.stringify(sent)}`)
      }
    } else if (step.kind === 'server') {
      const line = spelt(step.pattern)
      if (!line.startsWith('+ ')) answers.push(line)
      say(`${line}\r\n`)
    } else if (step.kind === 'handshake') {
      assert.equal(events.at(-1)?.kind, 'handshake')
      client.secured()
    }
  }
  check(asked, answers, events)
}

/** Checks the events against a reading of the transcript that knows nothing of chunks. */
function check(asked: readonly Command[], answers: readonly string[], events: readonly ClientEvent[]): void {
  const broken = events.find((event) => event.kind === 'broken')
  assert.equal(broken, undefined)
  assert.ok(isLike(answers[0] ?? '', '+OK *') && events[0]?.kind === 'greeting')
  let at = 1
  for (const command of asked) {
    const status = answers[at]
    // Behind QUIT, or where the connection breaks off, the rest is not answered.
    if (status === undefined) break
    at++
    const about = events.filter((event) => 'command' in event && event.command === command)
    const reply = about[0]
    assert.ok(reply?.kind === 'reply')
    assert.equal(reply.ok, status.startsWith('+OK'))
    assert.equal(reply.text, Buffer.from(status.slice(reply.ok ? 4 : 5), 'latin1').toString())
    if (!reply.ok && status.includes('[AUTH]')) assert.equal(reply.reason, 'bad-login')
    const form = replyForm(command)
    if (!reply.ok || form === 'line') {
      assert.equal(about.at(-1)?.kind, 'end')
      continue
    }
    const end = answers.indexOf('.', at)
    const lines = answers.slice(at, end === -1 ? undefined : end).map((line) => line.replace(/^\./, ''))
    at = end === -1 ? answers.length : end + 1
    if (form === 'message') {
      const octets = about.filter((event) => event.kind === 'octets').map((event) => latin1(event.octets))
      assert.equal(octets.join(''), lines.map((line) => `${line}\r\n`).join(''))
    } else if (command.verb === 'LIST') {
      const sizes = about.flatMap((event) => (event.kind === 'sizes' ? event.sizes : []))
      assert.deepEqual(
        sizes.map((one) => `${one.number} ${one.octets}`),
        lines,
      )
    } else if (command.verb === 'UIDL') {
      const ids = about.flatMap((event) => (event.kind === 'unique-ids' ? event.uniqueIds : []))
      assert.deepEqual(
        ids.map((one) => `${one.number} ${one.uniqueId}`),
        lines,
      )
    } else if (command.verb === 'LANG') {
      const languages = about.flatMap((event) => (event.kind === 'languages' ? event.languages : []))
      assert.deepEqual(
        languages.map((one) => `${one.tag} ${one.name}`),
        lines.map((line) => Buffer.from(line, 'latin1').toString()),
      )
    } else {
      const told = about.find((event) => event.kind === 'capabilities')
      assert.ok(told?.kind === 'capabilities')
      for (const line of lines) assert.ok(told.capabilities.all.has(line.split(' ')[0] ?? ''), line)
    }
    assert.equal(about.at(-1)?.kind === 'end', end !== -1, 'the dot, and only that, ends it')
  }
}

/** A line that is like the pattern. */
function spelt(pattern: string): string {
  return latin1(octetsOf(pattern.replaceAll('*', 'some words'), ''))
}

const transcripts = readTranscripts()

test('most transcripts are of commands that our client sends', () => {
  const mirrored = transcripts.filter((transcript) => parts(transcript) !== undefined)
  assert.ok(mirrored.length > transcripts.length / 2, `${mirrored.length} of ${transcripts.length}`)
})

for (const transcript of transcripts) {
  for (const steps of parts(transcript) ?? []) {
    if (steps.some((step) => step.kind === 'any')) continue
    for (const size of [1, 7, Infinity]) {
      test(`client engine, chunks of ${size}: ${transcript.name}`, () => mirror(steps, size))
    }
  }
}
