/** Which server is to be examined, and as whom. */
export interface Target {
  readonly host: string
  readonly port: number
  /** How its connections are secured: TLS from the start (RFC 8314), by STLS (RFC 2595), or not. */
  readonly tls: 'implicit' | 'starttls' | 'none'
  /** Without it, only what can be seen before a log-in is tried. */
  readonly credentials?: { readonly login: string; readonly password: string }
  /** Certificates to trust beside the usual ones, PEM. */
  readonly certificate?: string
  /** Log in although the certificate is not trusted. */
  readonly trustAnyway?: boolean
  /** Log in although nothing hides the password. */
  readonly inTheClear?: boolean
}
