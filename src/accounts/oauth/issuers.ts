/** Where an issuer is asked (RFC 8414 §2). */
export interface Endpoints {
  readonly authorization: string
  readonly token: string
  readonly device?: string | undefined
}

/** How long a log-in lasts that nobody renews, counted from the consent, or from the last time that a token was had. */
export interface Lasting {
  readonly days: number
  readonly from: 'consent' | 'use'
}

/** What is known of an issuer of tokens for mail. */
export interface KnownIssuer {
  readonly issuer: string
  /** Undefined: the issuer tells (RFC 8414 §3). `{tenant}` stands for whose users they are. */
  readonly endpoints?: Endpoints
  readonly scopes: readonly string[]
  /** Where the browser is sent with the answer; `oob`: nowhere, the person copies it from the page. Undefined: to this machine. */
  readonly redirect?: string
  /** What it wants beside what RFC 6749 §4.1.1 says. */
  readonly parameters?: Readonly<Record<string, string>>
  /** Why it gives no tokens for mail to a machine without a browser (RFC 8628), though it may have that for others. */
  readonly noDevice?: string
  readonly lasts?: Lasting
  /** Where this is from, and how sure it is. */
  readonly sources: readonly string[]
}

/** The issuers that are known, by the names that `--issuer` takes. None comes with a client id: that is for the person to get. */
export const knownIssuers: Readonly<Record<string, KnownIssuer>> = {
  google: {
    issuer: 'https://accounts.google.com',
    endpoints: {
      authorization: 'https://accounts.google.com/o/oauth2/v2/auth',
      token: 'https://oauth2.googleapis.com/token',
    },
    scopes: ['https://mail.google.com/'],
    parameters: { access_type: 'offline', prompt: 'consent' },
    noDevice: 'Google gives no access to mail that way',
    // While the project is "testing" it is 7 days from the consent; then the answer itself says so (refresh_token_expires_in).
    lasts: { days: 180, from: 'use' },
    sources: [
      'https://developers.google.com/identity/protocols/oauth2/native-app',
      'https://developers.google.com/identity/protocols/oauth2/limited-input-device#allowedscopes',
      'https://developers.google.com/identity/protocols/oauth2#expiration',
    ],
  },
  microsoft: {
    issuer: 'https://login.microsoftonline.com/{tenant}/v2.0',
    // What `common` tells of itself has another issuer's name in it.
    endpoints: {
      authorization: 'https://login.microsoftonline.com/{tenant}/oauth2/v2.0/authorize',
      token: 'https://login.microsoftonline.com/{tenant}/oauth2/v2.0/token',
      device: 'https://login.microsoftonline.com/{tenant}/oauth2/v2.0/devicecode',
    },
    scopes: [
      'https://outlook.office.com/POP.AccessAsUser.All',
      'https://outlook.office.com/IMAP.AccessAsUser.All',
      'offline_access',
    ],
    // The port does not count for `localhost` alone.
    redirect: 'http://localhost',
    lasts: { days: 90, from: 'use' },
    sources: [
      'https://learn.microsoft.com/exchange/client-developer/legacy-protocols/how-to-authenticate-an-imap-pop-smtp-application-by-using-oauth',
      'https://learn.microsoft.com/entra/identity-platform/v2-oauth2-device-code',
      'https://learn.microsoft.com/entra/identity-platform/reply-url',
      'https://learn.microsoft.com/entra/identity-platform/refresh-tokens',
    ],
  },
  yahoo: {
    issuer: 'https://api.login.yahoo.com',
    endpoints: {
      authorization: 'https://api.login.yahoo.com/oauth2/request_auth',
      token: 'https://api.login.yahoo.com/oauth2/get_token',
    },
    scopes: ['mail-r', 'mail-w'],
    // It takes only https for a redirect.
    redirect: 'oob',
    noDevice: 'Yahoo has nothing of the kind',
    sources: [
      'https://developer.yahoo.com/oauth2/guide/flows_authcode/',
      'scopes for mail: on application only; untried',
    ],
  },
  aol: {
    issuer: 'https://api.login.aol.com',
    endpoints: {
      authorization: 'https://api.login.aol.com/oauth2/request_auth',
      token: 'https://api.login.aol.com/oauth2/get_token',
    },
    scopes: ['mail-r', 'mail-w'],
    redirect: 'oob',
    noDevice: 'AOL has nothing of the kind',
    sources: ['as Yahoo, to which it belongs; untried'],
  },
  fastmail: {
    issuer: 'https://api.fastmail.com',
    scopes: ['urn:ietf:params:oauth:scope:mail', 'offline_access'],
    noDevice: 'Fastmail has nothing of the kind',
    sources: [
      'https://api.fastmail.com/.well-known/oauth-authorization-server',
      'https://www.fastmail.com/for-developers/oauth/',
      'draft-ietf-mailmaint-oauth-public; untried',
    ],
  },
}
