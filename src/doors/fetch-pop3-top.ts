import { HeaderPrint } from '../intake/header-print.ts'
import type { LedgerEntry, UserMail } from '../store/store.ts'
import type { Pop3Connection } from './pop3-connection.ts'

/** So many TOPs are asked for together. */
const wave = 500

/** The headers of messages, by TOP (RFC 1939 §7, which makes it optional): undefined for each that the server does not give. */
export async function headersOf(
  connection: Pop3Connection,
  numbers: readonly number[],
): Promise<(HeaderPrint | undefined)[]> {
  const found: (HeaderPrint | undefined)[] = []
  for (let at = 0; at < numbers.length; at += wave) {
    const some = numbers.slice(at, at + wave).map((number) => headerOf(connection, number))
    found.push(...(await Promise.all(some)))
    // A server that refuses them all has no TOP.
    if (found.every((print) => print === undefined))
      return [...found, ...Array<undefined>(numbers.length - found.length)]
  }
  return found
}

async function headerOf(connection: Pop3Connection, number: number): Promise<HeaderPrint | undefined> {
  const print = new HeaderPrint()
  const reply = await connection.ask({ verb: 'TOP', number, lines: 0 }, (event) => {
    if (event.kind === 'octets') print.update(event.octets)
    return undefined
  })
  return reply.ok ? print : undefined
}

/** What names the header of the message that a row of the ledger is about: as noted, or else as the message says that is at home. */
export async function notedHead(mail: UserMail, entry: LedgerEntry): Promise<string | undefined> {
  const noted = await mail.read((view) => view.head(entry))
  if (noted !== undefined || entry.message === undefined) return noted
  const print = new HeaderPrint()
  for await (const octets of mail.bytes(entry.message)) {
    print.update(octets)
    if (print.ended) break
  }
  return print.finish()
}
