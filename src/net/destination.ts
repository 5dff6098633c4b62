/** Whom to connect to. */
export interface Destination {
  readonly host: string
  readonly port: number
}

export function spelt({ host, port }: Destination): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}
