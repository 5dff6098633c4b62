import type { SecureContextOptions } from 'node:tls'
import { MaildropRefused, type Visitor } from '../doors/open-maildrop.ts'
import { type Authentication, Pop3Door, type Pop3DoorOptions } from '../doors/serve-pop3.ts'
import { usualPolicy } from '../pop3/server-options.ts'
import { openServed, type ServedMaildrop } from './served-maildrop.ts'

/** Whose the maildrop is, where login name and password are right; undefined where they are not. `from`: the client's address. */
export type CheckPassword = (
  login: string,
  password: string,
  from: string,
) => Promise<string | undefined> | string | undefined

export interface Pop3ServerOptions extends Pick<
  Pop3DoorOptions,
  'log' | 'onLogIn' | 'clearLoginFrom' | 'limits' | 'patience' | 'downgrade' | 'policy' | 'languages'
> {
  /** Checks passwords; or, for SCRAM, OAUTHBEARER and APOP too, an object that checks all these. */
  readonly authenticate: CheckPassword | Authentication
  /**
   * Opens a user's maildrop, or that of one of the user's devices. Only one session has it at a time (RFC 1939 §4): while one does,
   * another is told so and this is not called. Throw a RefusedError to tell the client why it cannot have it.
   */
  readonly openMaildrop: (user: string, visitor: Visitor) => Promise<ServedMaildrop> | ServedMaildrop
  /** Certificate and key, or what gives the newest ones at each connection. Without it there is no TLS. */
  readonly tls?: SecureContextOptions | (() => SecureContextOptions)
}

export interface ListenOptions {
  /** 0: any free one. */
  readonly port: number
  /** 127.0.0.1 unless said. */
  readonly host?: string
  /** TLS from the first octet (RFC 8314 §3.2); without it clients may still begin TLS with STLS. */
  readonly tls?: boolean
}

export interface Pop3Server {
  /** Begins to listen; may be called again for another port. Rejects with MisuseError where it cannot. */
  listen(options: ListenOptions): Promise<{ host: string; port: number }>
  /** Stops listening, finishes the replies that are being given, ends all sessions. */
  close(): Promise<void>
}

/**
 * A POP3 server (RFC 1939, 2449, 2595, 5034, 6856, 8314) over mail of your own.
 *
 * A password is taken over TLS only, or from this machine itself; `clearLoginFrom` says otherwise.
 */
export function createPop3Server(options: Pop3ServerOptions): Pop3Server {
  const { authenticate, openMaildrop, tls, ...rest } = options
  /** Who has which maildrop, and since when (`performance.now()`). */
  const holders = new Map<string, { readonly address: string; readonly since: number }>()
  const door = new Pop3Door({
    ...rest,
    authenticator: typeof authenticate === 'function' ? byPassword(authenticate) : authenticate,
    ...(tls !== undefined && { tls: typeof tls === 'function' ? tls : () => tls }),
    openMaildrop: async (visitor) => {
      const { user, device, address } = visitor
      const name = `${user}\0${device ?? ''}`
      const holder = holders.get(name)
      if (holder !== undefined) {
        const seconds = Math.round((performance.now() - holder.since) / 1000)
        throw new MaildropRefused('in-use', (texts) => texts.inUse(holder.address, seconds))
      }
      holders.set(name, { address, since: performance.now() })
      let served: ServedMaildrop | undefined
      const letGo = (): void => {
        holders.delete(name)
        try {
          served?.close?.()
        } catch {
          // The lock is gone, which is all that matters here.
        }
      }
      try {
        served = await openMaildrop(user, visitor)
        return await openServed(served, options.policy ?? usualPolicy, letGo)
      } catch (error) {
        letGo()
        throw error
      }
    },
  })
  return {
    listen: ({ port, host = '127.0.0.1', tls: implicit = false }) => door.listen({ host, port, tls: implicit }),
    close: () => door.close(),
  }
}

function byPassword(check: CheckPassword): Authentication {
  return {
    mechanisms: ['PLAIN', 'LOGIN'],
    authenticate: async (credentials, from) => {
      if (credentials.by !== 'password') return undefined
      const user = await check(credentials.login, credentials.password, from)
      return user === undefined ? undefined : { user }
    },
  }
}
