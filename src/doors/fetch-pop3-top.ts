import { HeaderPrint } from '../intake/header-print.ts'
import type { LedgerEntry, UserMail } from '../store/store.ts'
import { InStep, type Wanted } from './in-step.ts'
import type { Pop3Connection } from './pop3-connection.ts'

/** So many TOPs are asked for together. */
const wave = 500

/**
 * What names the headers of messages, by TOP (RFC 1939 §7, which makes it optional): undefined for each that the server does not give, or
 * that names no message.
 */
export async function headersOf(
  connection: Pop3Connection,
  numbers: readonly number[],
): Promise<(string | undefined)[]> {
  const inStep = new InStep(connection)
  const found: (string | undefined)[] = []
  let given = 0
  for (let at = 0; at < numbers.length; at += wave) {
    const stretches = inStep.cut(numbers.slice(at, at + wave).map((number) => ({ number })))
    const some = (await Promise.all(stretches.map((stretch) => headersOfStretch(inStep, stretch)))).flat()
    given += some.filter(({ ok }) => ok).length
    found.push(...some.map(({ head }) => head))
    // A server that refuses them all has no TOP.
    if (given === 0) return [...found, ...Array<undefined>(numbers.length - found.length)]
  }
  return found
}

async function headersOfStretch(
  inStep: InStep,
  stretch: readonly Wanted[],
): Promise<{ ok: boolean; head: string | undefined }[]> {
  const prints = stretch.map(() => new HeaderPrint())
  const replies = await inStep.ask('TOP', stretch, (event, place) => {
    if (event.kind === 'octets') prints[place]?.update(event.octets)
    return undefined
  })
  return prints.map((print, place) => {
    const ok = replies[place]?.ok === true
    return { ok, head: ok && print.telling ? print.finish() : undefined }
  })
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
