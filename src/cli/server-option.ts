import { providerOf } from '../accounts/providers.ts'
import { domainOf } from '../accounts/names.ts'
import { MisuseError } from '../errors.ts'

/** Where a remote account is reached. */
export interface RemoteServer {
  readonly server: string
  readonly port: number
  readonly tls: 'implicit' | 'starttls' | 'none'
  /** What a person should know of this provider. */
  readonly note: string | undefined
}

const ways = ['implicit', 'starttls', 'none'] as const

/** The server that the options name, or else the one of a known provider. */
export function remoteServer(
  address: string,
  options: { readonly server?: string; readonly tls?: string },
): RemoteServer {
  const tls = ways.find((way) => way === options.tls)
  if (options.tls !== undefined && tls === undefined)
    throw new MisuseError('usage', `--tls ${options.tls}: give one of ${ways.join(', ')}`)
  if (options.server === undefined) {
    const provider = providerOf(address)
    if (provider === undefined) {
      const domain = domainOf(address)
      const whose = domain === undefined ? address : `the provider ${domain}`
      throw new MisuseError('usage', `the POP3 server of ${whose} is not known here: give it with --server HOST[:PORT]`)
    }
    const { server, port, note } = provider
    if (tls === undefined || tls === provider.tls) return { server, port, tls: provider.tls, note }
    return { server, port: tls === 'implicit' ? 995 : 110, tls, note }
  }
  const { host, port } = hostAndMaybePort(options.server)
  // RFC 8314 §3.3: implicit TLS on 995; 110 is the port for clear text, and for STLS (RFC 2595).
  const way = tls ?? (port === 110 ? 'starttls' : 'implicit')
  return { server: host, port: port ?? (way === 'implicit' ? 995 : 110), tls: way, note: undefined }
}

/** `HOST`, `HOST:PORT`, `[::1]:PORT` or a bare IPv6 address. */
function hostAndMaybePort(text: string): { host: string; port: number | undefined } {
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
