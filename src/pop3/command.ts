import { MisuseError } from '../errors.ts'
import type { ClientMechanism } from '../sasl/mechanism.ts'
import { PlainClient } from '../sasl/plain.ts'
import { ClientExchange } from './client-exchange.ts'

/** A command that a POP3 client sends. `number` is a message-number. */
export type Command =
  | { readonly verb: 'CAPA' | 'STLS' | 'UTF8' | 'STAT' | 'NOOP' | 'RSET' | 'QUIT' }
  /** Without a range: lists the languages (RFC 6856 §3.2). */
  | { readonly verb: 'LANG'; readonly range?: string }
  | { readonly verb: 'USER'; readonly name: string }
  | { readonly verb: 'PASS'; readonly password: string }
  | { readonly verb: 'APOP'; readonly name: string; readonly digest: string }
  | { readonly verb: 'AUTH'; readonly mechanism: 'PLAIN'; readonly login: string; readonly password: string }
  /**
   * The same with any mechanism; a `ClientMechanism` is good for one AUTH. `bare`: for a server that takes no initial response,
   * though RFC 5034 §4 has it.
   */
  | { readonly verb: 'AUTH'; readonly exchange: ClientMechanism; readonly bare?: boolean }
  /** Without a number: all messages. */
  | { readonly verb: 'LIST' | 'UIDL'; readonly number?: number }
  /** `raw`: what it says is for whoever asks to read. The lines of UIDL come as octets, and STAT's are the words of its reply. */
  | { readonly verb: 'STAT' | 'UIDL'; readonly number?: undefined; readonly raw: true }
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
      if ('raw' in command) return 'message'
      return command.number === undefined ? 'listing' : 'line'
    case 'LANG':
      return command.range === undefined ? 'listing' : 'line'
    case 'UTF8':
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

/** A command as it goes over the wire, and, of AUTH, what answers the challenges. */
export interface SpeltCommand {
  readonly line: string
  readonly exchange?: ClientExchange
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
      const exchange =
        'exchange' in command
          ? new ClientExchange(command.exchange, command.bare)
          : new ClientExchange(new PlainClient(sayable(command)))
      return { line: exchange.line, exchange }
    }
    case 'LANG':
      return { line: command.range === undefined ? 'LANG\r\n' : `LANG ${word(command.range, 'language')}\r\n` }
    case 'CAPA':
    case 'STLS':
    case 'UTF8':
    case 'STAT':
    case 'NOOP':
    case 'RSET':
    case 'QUIT':
      return { line: `${command.verb}\r\n` }
  }
}

function sayable({ login, password }: { readonly login: string; readonly password: string }): {
  login: string
  password: string
} {
  return { login: word(login, 'login name'), password: word(password, 'password') }
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
