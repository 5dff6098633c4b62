import { MisuseError } from '../errors.ts'
import type { ClientMechanism } from '../sasl/mechanism.ts'
import { plainMessage } from '../sasl/plain.ts'
import { toBase64 } from '../wire/base64.ts'

/** A command that a POP3 client sends. `number` is a message-number. */
export type Command =
  | { readonly verb: 'CAPA' | 'STLS' | 'STAT' | 'NOOP' | 'RSET' | 'QUIT' }
  | { readonly verb: 'USER'; readonly name: string }
  | { readonly verb: 'PASS'; readonly password: string }
  | { readonly verb: 'APOP'; readonly name: string; readonly digest: string }
  | { readonly verb: 'AUTH'; readonly mechanism: 'PLAIN'; readonly login: string; readonly password: string }
  /** The same with any mechanism; a `ClientMechanism` is good for one AUTH. */
  | { readonly verb: 'AUTH'; readonly exchange: ClientMechanism }
  /** Without a number: all messages. */
  | { readonly verb: 'LIST' | 'UIDL'; readonly number?: number }
  | { readonly verb: 'RETR' | 'DELE'; readonly number: number }
  | { readonly verb: 'TOP'; readonly number: number; readonly lines: number }

/** What a reply holds beside its status line (RFC 1939 §3). */
export type ReplyForm = 'line' | 'listing' | 'message'

/** What the reply to this command will hold, if it is +OK. */
export function replyForm(command: Command): ReplyForm {
  switch (command.verb) {
    case 'RETR':
    case 'TOP':
      return 'message'
    case 'CAPA':
      return 'listing'
    case 'LIST':
    case 'UIDL':
      return command.number === undefined ? 'listing' : 'line'
    case 'STLS':
    case 'STAT':
    case 'NOOP':
    case 'RSET':
    case 'QUIT':
    case 'USER':
    case 'PASS':
    case 'APOP':
    case 'AUTH':
    case 'DELE':
      return 'line'
  }
}

/** A command as it goes over the wire. When the server asks for more (a "+" line): `more` first, then what `exchange` answers. */
export interface SpeltCommand {
  readonly line: string
  readonly more?: string
  readonly exchange?: ClientMechanism
}

/** Spells a command. Throws MisuseError where an argument cannot be spelt: a CR, LF or NUL would be a command of its own. */
export function spell(command: Command): SpeltCommand {
  switch (command.verb) {
    case 'RETR':
    case 'DELE':
      return { line: `${command.verb} ${whole(command.number)}\r\n` }
    case 'TOP':
      return { line: `TOP ${whole(command.number)} ${whole(command.lines)}\r\n` }
    case 'LIST':
    case 'UIDL':
      return {
        line: command.number === undefined ? `${command.verb}\r\n` : `${command.verb} ${whole(command.number)}\r\n`,
      }
    case 'USER':
      return { line: `USER ${word(command.name, 'login name')}\r\n` }
    case 'PASS':
      return { line: `PASS ${word(command.password, 'password')}\r\n` }
    case 'APOP':
      return { line: `APOP ${word(command.name, 'login name')} ${word(command.digest, 'digest')}\r\n` }
    case 'AUTH': {
      if ('exchange' in command) return spellExchange(command.exchange)
      const message = plainMessage({
        actFor: '',
        login: word(command.login, 'login name'),
        password: word(command.password, 'password'),
      })
      // Servers are seen to ask again for what they have been given.
      return { ...spellAuth('PLAIN', message), more: `${message}\r\n` }
    }
    case 'CAPA':
    case 'STLS':
    case 'STAT':
    case 'NOOP':
    case 'RSET':
    case 'QUIT':
      return { line: `${command.verb}\r\n` }
  }
}

function spellExchange(exchange: ClientMechanism): SpeltCommand {
  const first = exchange.first()
  if (first === undefined) return { line: `AUTH ${exchange.name}\r\n`, exchange }
  return { ...spellAuth(exchange.name, toBase64(first)), exchange }
}

function spellAuth(name: string, initial: string): SpeltCommand {
  // RFC 5034 §4: "=" is an initial response of no octets, and one that would make the line longer than 255 octets must wait.
  const line = `AUTH ${name} ${initial === '' ? '=' : initial}\r\n`
  return line.length > 255 ? { line: `AUTH ${name}\r\n`, more: `${initial}\r\n` } : { line }
}

function whole(number: number): number {
  if (Number.isSafeInteger(number) && number >= 0) return number
  throw new MisuseError('usage', `${number} is not a whole number: a command cannot carry it`)
}

function word(text: string, what: string): string {
  // oxlint-disable-next-line no-control-regex
  if (text !== '' && !/[\0\r\n]/.test(text)) return text
  throw new MisuseError('usage', `the ${what} is empty or has a line end or NUL in it: POP3 cannot carry it`)
}
