import type { Command } from './command.ts'

// RFC 1939 §3 wants these in capitals; any case can mean nothing else.

export function isOk(line: string): boolean {
  return line.startsWith('+OK') || /^\+ok/i.test(line)
}

export function isErr(line: string): boolean {
  return line.startsWith('-ERR') || /^-err/i.test(line)
}

/** The words behind a status indicator of so many octets. */
export function behind(line: string, status: number): string {
  return line.charAt(status) === ' ' ? line.slice(status + 1) : line.slice(status)
}

/** A command as a person may see it, so without anything secret. */
export function words(command: Command): string {
  return 'number' in command && command.number !== undefined ? `${command.verb} ${command.number}` : command.verb
}

/** What a server said, as a person may see it. */
export function quoted(text: string): string {
  // oxlint-disable-next-line no-control-regex
  const printable = text.replace(/[\0-\x1f\x7f-\x9f]/g, '?')
  return printable.length > 100 ? `"${printable.slice(0, 100)}…"` : `"${printable}"`
}
