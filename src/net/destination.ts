/** Whom to connect to. */
export interface Destination {
  readonly host: string
  readonly port: number
}

/** `HOST:PORT`, an IPv6 address in brackets. */
export function spelt({ host, port }: Destination): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}
