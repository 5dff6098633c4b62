import type { Say } from './texts.ts'

/** Session states, spelt as in RFC 1939 §3. */
export type State = 'AUTHORIZATION' | 'TRANSACTION' | 'UPDATE'

export type Verb =
  | 'APOP'
  | 'AUTH'
  | 'CAPA'
  | 'DELE'
  | 'LANG'
  | 'LIST'
  | 'NOOP'
  | 'PASS'
  | 'QUIT'
  | 'RETR'
  | 'RSET'
  | 'STAT'
  | 'STLS'
  | 'TOP'
  | 'UIDL'
  | 'USER'
  | 'UTF8'

/** What one command may look like, and when. */
interface Rule {
  readonly verb: Verb
  readonly states: readonly State[]
  /** How many words follow it: at least, at most. `text`: all that follows is one argument, spaces in it too. */
  readonly words: readonly [number, number] | 'text'
  /** How to write it, for whoever did not: in the words of RFC 1939 §9, which are no language's. */
  readonly usage: string
}

const authorization: readonly State[] = ['AUTHORIZATION']
const transaction: readonly State[] = ['TRANSACTION']
const both: readonly State[] = ['AUTHORIZATION', 'TRANSACTION']

/** Every command there is (RFC 1939 §9, RFC 2449 §5, RFC 2595 §4, RFC 5034 §4, RFC 6856 §2.1 and §3.2). */
const rules: readonly Rule[] = [
  { verb: 'CAPA', states: both, words: [0, 0], usage: 'CAPA' },
  { verb: 'LANG', states: both, words: [0, 1], usage: 'LANG (tag)' },
  { verb: 'QUIT', states: both, words: [0, 0], usage: 'QUIT' },
  { verb: 'USER', states: authorization, words: 'text', usage: 'USER name' },
  // RFC 1939 §7: PASS has one argument, so spaces may be part of the password.
  { verb: 'PASS', states: authorization, words: 'text', usage: 'PASS string' },
  { verb: 'APOP', states: authorization, words: [2, 2], usage: 'APOP name digest' },
  { verb: 'AUTH', states: authorization, words: [0, 2], usage: 'AUTH mechanism (initial-response)' },
  { verb: 'STLS', states: authorization, words: [0, 0], usage: 'STLS' },
  { verb: 'UTF8', states: authorization, words: [0, 0], usage: 'UTF8' },
  { verb: 'STAT', states: transaction, words: [0, 0], usage: 'STAT' },
  { verb: 'LIST', states: transaction, words: [0, 1], usage: 'LIST (msg)' },
  { verb: 'UIDL', states: transaction, words: [0, 1], usage: 'UIDL (msg)' },
  { verb: 'RETR', states: transaction, words: [1, 1], usage: 'RETR msg' },
  { verb: 'TOP', states: transaction, words: [2, 2], usage: 'TOP msg n' },
  { verb: 'DELE', states: transaction, words: [1, 1], usage: 'DELE msg' },
  { verb: 'NOOP', states: transaction, words: [0, 0], usage: 'NOOP' },
  { verb: 'RSET', states: transaction, words: [0, 0], usage: 'RSET' },
]
const byVerb: ReadonlyMap<string, Rule> = new Map(rules.map((rule) => [rule.verb, rule]))

/** RFC 2449 §4: 255 octets at most, CRLF among them. */
const commandLimit = 253

/** Reads lines as commands. What it has read stands in its fields: nothing is made anew for each of a thousand commands. */
export class CommandReader {
  verb: Verb = 'NOOP'
  /** The arguments; empty where there are none. */
  first = ''
  second = ''

  /** Reads one line as a command that the state allows; gives why it is none. */
  read(line: string, state: State): Say | undefined {
    const space = line.indexOf(' ')
    const word = space === -1 ? line : line.slice(0, space)
    // RFC 1939 §3: keywords are case-insensitive.
    const rule = byVerb.get(word) ?? byVerb.get(inCapitals(word))
    if (rule === undefined) return (texts) => texts.unknownCommand
    if (line.length * 3 > commandLimit && octetsIn(line) > commandLimit) return (texts) => texts.commandTooLong
    if (!rule.states.includes(state)) return otherState(rule, state)
    this.verb = rule.verb
    const rest = space === -1 ? '' : line.slice(space + 1)
    return this.#arguments(rest, rule.words) ? undefined : otherwise(rule)
  }

  /** Whether these are as many arguments as there may be. */
  #arguments(rest: string, wanted: Rule['words']): boolean {
    this.first = rest
    this.second = ''
    if (wanted === 'text') return rest !== ''
    let words = rest === '' ? 0 : 1
    if (rest.includes(' ')) {
      const all = rest.split(' ').filter((one) => one !== '')
      words = all.length
      this.first = all[0] ?? ''
      this.second = all[1] ?? ''
    }
    return words >= wanted[0] && words <= wanted[1]
  }
}

function otherState({ verb }: Rule, state: State): Say {
  return (texts) => (state === 'AUTHORIZATION' ? texts.needsLogIn(verb) : texts.comesBeforeLogIn(verb))
}

function otherwise({ usage }: Rule): Say {
  return (texts) => texts.writeItSo(usage)
}

/** With the letters of ASCII in capitals, and no others: "ſ" is no "S". */
export function inCapitals(word: string): string {
  return word.replace(/[a-z]+/g, (letters) => letters.toUpperCase())
}

function octetsIn(text: string): number {
  let octets = text.length
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    // Half a surrogate pair is half of four octets.
    if (unit > 0x7f) octets += unit > 0x7ff && (unit < 0xd800 || unit > 0xdfff) ? 2 : 1
  }
  return octets
}
