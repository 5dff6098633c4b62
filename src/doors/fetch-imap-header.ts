import { StoreError } from '../errors.ts'
import { HeaderPrint } from '../intake/header-print.ts'
import type { LedgerEntry, UserMail } from '../store/store.ts'
import { notedHead } from './fetch-pop3-top.ts'

/** The header that the server gives of a message; undefined where it gives none. */
export function headerOf(headers: Uint8Array | undefined): HeaderPrint | undefined {
  if (headers === undefined || headers.length === 0) return undefined
  const print = new HeaderPrint()
  print.update(headers)
  return print
}

/** What names the header of the message that a row of the ledger is about; undefined where nobody can read it. */
export async function readableHead(mail: UserMail, entry: LedgerEntry): Promise<string | undefined> {
  try {
    return await notedHead(mail, entry)
  } catch (error) {
    if (error instanceof StoreError) return undefined
    throw error
  }
}
