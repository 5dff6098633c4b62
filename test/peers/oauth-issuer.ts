import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'
import { exportJWK, generateKeyPair } from 'jose'
import Provider, { type Configuration } from 'oidc-provider'

/** For whom the tokens of the issuer are. */
export const audience = 'https://pop.example.it'

/** A real OAuth 2.0 server on this machine, whose users have the password `pass`. */
export interface Issuer {
  readonly url: string
  /** What was asked at the token endpoint, and how it ended: `refresh_token 200`. */
  readonly asked: string[]
  /** See `browse`. */
  browse(url: string, how?: Browsing): Promise<string>
  /** Nobody answers there any more. */
  close(): Promise<void>
  /** Takes back what was given (RFC 7009). */
  revoke(token: string, client?: string): Promise<void>
}

export interface Browsing {
  readonly login?: string
  readonly refuse?: boolean
  /** The browser is on another machine: what is on this one it cannot open. */
  readonly elsewhere?: boolean
  /** What is typed where a page asks for a code. */
  readonly code?: string
}

export interface IssuerOptions {
  /** How long an access token is good, seconds. */
  readonly lifetime?: number
  /** Whether anybody may register a client (RFC 7591). */
  readonly registration?: boolean
}

export async function startIssuer(t: TestContext, options: IssuerOptions = {}): Promise<Issuer> {
  const listener = createServer()
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    listener.close()
    listener.closeAllConnections()
  })
  const url = `http://127.0.0.1:${(listener.address() as AddressInfo).port}`
  const asked: string[] = []
  await serve(listener, url, options, asked)
  return {
    url,
    asked,
    browse: (at, how) => browse(url, at, how),
    close: async () => {
      const closed = new Promise((resolve) => listener.close(resolve))
      listener.closeAllConnections()
      await closed
    },
    async revoke(token, client = 'postino') {
      const body = new URLSearchParams({ token, client_id: client })
      const answer = await fetch(`${url}/token/revocation`, { method: 'POST', body })
      if (!answer.ok) throw new Error(`revocation: ${answer.status} ${await answer.text()}`)
    },
  }
}

async function serve(listener: Server, url: string, options: IssuerOptions, asked: string[]): Promise<void> {
  const { privateKey } = await generateKeyPair('RS256', { extractable: true })
  const key = { ...(await exportJWK(privateKey)), alg: 'RS256', use: 'sig', kid: 'one' }
  const native = {
    application_type: 'native',
    grant_types: ['authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:device_code'],
    response_types: ['code'],
    redirect_uris: ['http://127.0.0.1', 'http://localhost/back'],
  } as const
  const configuration: Configuration = {
    clients: [
      { ...native, client_id: 'postino', token_endpoint_auth_method: 'none' } as never,
      {
        ...native,
        client_id: 'secretive',
        client_secret: 's3cret',
        token_endpoint_auth_method: 'client_secret_post',
      } as never,
    ],
    jwks: { keys: [key] } as never,
    cookies: { keys: ['only for a test'] },
    scopes: ['openid', 'offline_access', 'mail'],
    features: {
      devInteractions: { enabled: true },
      deviceFlow: { enabled: true },
      revocation: { enabled: true },
      registration: { enabled: options.registration ?? false },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => audience,
        useGrantedResource: () => true,
        getResourceServerInfo: () => ({
          scope: 'mail',
          audience,
          accessTokenFormat: 'jwt',
          accessTokenTTL: options.lifetime ?? 3600,
          jwt: { sign: { alg: 'RS256' } },
        }),
      },
    },
    ttl: { Interaction: 600, Session: 600, Grant: 86_400, RefreshToken: 86_400, DeviceCode: 600 },
    // Each refresh token once; whoever comes with it again ends the log-in of all.
    rotateRefreshToken: true,
    issueRefreshToken: (_, client) => client.grantTypeAllowed('refresh_token'),
    expiresWithSession: () => false,
    extraTokenClaims: (_, token) => ('accountId' in token ? { email: token.accountId } : {}),
    findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
  }
  const provider = new Provider(url, configuration)
  provider.on('grant.success', (ctx) => asked.push(`${String(ctx.oidc.params?.['grant_type'])} 200`))
  provider.on('grant.error', (ctx, error) => asked.push(`${String(ctx.oidc.params?.['grant_type'])} ${error.error}`))
  const answer = provider.callback()
  listener.on('request', (request, response) => void answer(request, response))
}

/**
 * A person with a browser of their own: logs in, gives consent, and gives the URL at which that ended, outside of the issuer, or the
 * last page.
 */
export function browse(issuer: string, url: string, how: Browsing = {}): Promise<string> {
  return new Browser(issuer, how).browse(url)
}

/** A browser: follows redirects, keeps cookies, and fills in forms as a person would. */
class Browser {
  readonly #issuer: string
  readonly #how: Browsing
  readonly #cookies = new Map<string, string>()

  constructor(issuer: string, how: Browsing) {
    this.#issuer = issuer
    this.#how = how
  }

  async browse(start: string): Promise<string> {
    let at = start
    let form: URLSearchParams | undefined
    for (let step = 0; step < 30; step++) {
      if (!at.startsWith(this.#issuer)) {
        if (this.#how.elsewhere !== true) await (await fetch(at)).text()
        return at
      }
      const answer = await fetch(at, {
        method: form === undefined ? 'GET' : 'POST',
        body: form ?? null,
        redirect: 'manual',
        headers: { cookie: [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ') },
      })
      for (const cookie of answer.headers.getSetCookie()) this.#remember(cookie)
      const page = await answer.text()
      const to = answer.headers.get('location')
      form = undefined
      if (to !== null) {
        at = new URL(to, at).href
        continue
      }
      const next = this.#fill(page, at)
      if (next === undefined) return page
      ;({ at, form } = next)
    }
    throw new Error('the issuer leads round and round')
  }

  #remember(cookie: string): void {
    const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(cookie) ?? []
    if (value === '' || /expires=Thu, 01 Jan 1970/i.test(cookie)) this.#cookies.delete(name)
    else this.#cookies.set(name, value)
  }

  /** What a person does with a page; undefined where there is nothing to do. */
  #fill(page: string, at: string): { at: string; form: URLSearchParams | undefined } | undefined {
    const { login = 'mario@example.it', refuse = false, code = '' } = this.#how
    const abort = /href="([^"]+\/abort)"/.exec(page)?.[1]
    if (refuse && abort !== undefined) return { at: new URL(abort, at).href, form: undefined }
    const action = /<form[^>]* action="([^"]+)"/.exec(page)?.[1]
    if (action === undefined) return undefined
    const form = new URLSearchParams()
    for (const [input] of page.matchAll(/<input[^>]*>/g)) {
      const name = / name="([^"]+)"/.exec(input)?.[1]
      if (name !== undefined) form.set(name, / value="([^"]*)"/.exec(input)?.[1] ?? '')
    }
    // Who has refused there, and is asked again, goes away.
    if (refuse && page.includes('interrupted')) return undefined
    if (refuse && page.includes('name="abort"')) form.set('abort', 'yes')
    if (form.has('login')) form.set('login', login)
    if (form.has('password')) form.set('password', 'pass')
    if (form.has('user_code') && form.get('user_code') === '') form.set('user_code', code)
    return { at: new URL(action, at).href, form }
  }
}
