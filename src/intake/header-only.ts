/** The keyword of a message of which only the header is here. */
export const headerOnly = '$HeaderOnly'

/** The name in the ledger of the headers that stand for messages of an account; a row there does not say that the message is home. */
export function headersOnly(account: string): string {
  return `header:${account}`
}
