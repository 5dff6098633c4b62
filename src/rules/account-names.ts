import { headersOnly } from '../intake/header-only.ts'

/** By which names in the ledger mail of the remote account of this address came. */
export function namesInLedger(address: string): string[] {
  const whole = [`pop3:${address}`, `imap:${address}`]
  return [...whole, ...whole.map(headersOnly)]
}

/** The address of the account that these names are of. */
export function addressOf([first = '']: readonly string[]): string {
  return first.replace(/^(?:header:)?(?:pop3|imap):/, '')
}
