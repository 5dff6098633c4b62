import type { Target } from '../doctor/target.ts'
import { MisuseError } from '../errors.ts'

/** A server, and perhaps a user of it. */
export interface Whom extends Pick<Target, 'host' | 'port' | 'tls'> {
  readonly login?: string
  readonly password?: string
}

const ways = ['implicit', 'starttls', 'none'] as const

/** Reads `pop3s://USER@HOST:PORT` or `pop3://USER@HOST:PORT?tls=starttls`. What `--tls` and `--login` say goes before. */
export function parseTarget(text: string, options: { readonly tls?: string; readonly login?: string }): Whom {
  const wrong = (why: string): MisuseError =>
    // The text itself may hold a password: it is not shown.
    new MisuseError('usage', `${why}; expected pop3s://USER@HOST:PORT or pop3://USER@HOST:PORT?tls=starttls`)
  const url = URL.parse(text)
  if (url === null) throw wrong('this is no URL')
  if (url.protocol !== 'pop3s:' && url.protocol !== 'pop3:') throw wrong(`${url.protocol}// is not POP3`)
  if (url.password !== '')
    throw new MisuseError(
      'usage',
      'a password in the URL is seen by everybody on this machine, and stays in the history of the shell: leave it out, and give it on stdin with --password-stdin',
    )
  if (url.hostname === '') throw wrong('there is no host')
  if (!['', '/'].includes(url.pathname)) throw wrong(`there is no ${url.pathname} in POP3`)
  const byScheme = url.protocol === 'pop3s:' ? 'implicit' : 'none'
  const wanted = options.tls ?? url.searchParams.get('tls') ?? byScheme
  const tls = ways.find((way) => way === wanted)
  if (tls === undefined) throw new MisuseError('usage', `tls ${wanted}: give one of ${ways.join(', ')}`)
  if (url.protocol === 'pop3s:' && tls !== 'implicit')
    throw new MisuseError('usage', `pop3s:// is TLS from the start; for ${tls} say pop3://`)
  const login = options.login ?? decodeURIComponent(url.username)
  return {
    host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: url.port === '' ? (tls === 'implicit' ? 995 : 110) : Number(url.port),
    tls,
    ...(login !== '' && { login }),
  }
}
