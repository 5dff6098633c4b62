import { textLines } from './listing.ts'
import type { Probe } from './probe.ts'
import type { Reply } from './reply.ts'

/** What CAPA answered. */
export interface Capabilities {
  readonly reply: Reply
  readonly lines: readonly string[]
  /** The arguments of each capability, by its name in upper case (RFC 2449 §5: names are case-insensitive). */
  readonly all: ReadonlyMap<string, readonly string[]>
}

/** Asks CAPA. A server that does not know it has none. */
export async function askCapabilities(probe: Probe): Promise<Capabilities> {
  const { reply, body } = await probe.askLines('CAPA')
  const lines = textLines(body)
  const all = new Map<string, readonly string[]>()
  for (const line of lines) {
    const [name = '', ...words] = line.split(' ')
    all.set(name.toUpperCase(), words)
  }
  return { reply, lines, all }
}

/** The SASL mechanisms announced, in upper case. */
export function mechanismsOf({ all }: Capabilities): string[] {
  return (all.get('SASL') ?? []).filter((one) => one !== '').map((one) => one.toUpperCase())
}
