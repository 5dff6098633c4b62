import { MisuseError } from '../errors.ts'

/** Reads what `--server` says: `HOST`, `HOST:PORT`, `[::1]:PORT` or a bare IPv6 address. */
export function hostAndMaybePort(text: string): { host: string; port: number | undefined } {
  const wrong = (why: string): MisuseError =>
    new MisuseError('usage', `--server ${text}: ${why}; expected HOST or HOST:PORT, such as pop.example.it:995`)
  const bare = text.split(':').length > 2 && !text.startsWith('[')
  const form = /^(?:\[([0-9A-Fa-f:.%a-z]+)\]|([^:[\]\s/@]+))(?::(\d{1,6}))?$/.exec(text)
  const host = bare ? text : (form?.[1] ?? form?.[2])
  if (host === undefined || (bare && !/^[0-9A-Fa-f:.]+$/.test(text))) throw wrong('it has not that form')
  const port = bare || form?.[3] === undefined ? undefined : Number(form[3])
  if (port !== undefined && (port < 1 || port > 65_535)) throw wrong(`${port} is no port`)
  return { host, port }
}

/** Whether a host's name or address can only mean this machine (RFC 6761 §6.3, RFC 1122 §3.2.1.3, RFC 4291 §2.5.3). */
export function isThisMachine(host: string): boolean {
  return /^(localhost|127\.\d+\.\d+\.\d+|::1)$/i.test(host)
}
