/** Why something was refused: one word of ours, spelt here in the words of each protocol. */
export type Reason = 'in-use' | 'bad-login' | 'login-delay' | 'try-later' | 'broken' | 'needs-utf8' | 'no'

/** The POP3 response code of a reason, empty where there is none (RFC 2449 §8.1, RFC 3206 §4 and §5, RFC 6856 §5). */
export const pop3Code: Readonly<Record<Reason, string>> = {
  'in-use': '[IN-USE]',
  'bad-login': '[AUTH]',
  'login-delay': '[LOGIN-DELAY]',
  'try-later': '[SYS/TEMP]',
  broken: '[SYS/PERM]',
  'needs-utf8': '[UTF8]',
  no: '',
}

/** The reason that a POP3 -ERR names with its response code; `no` where it names none that we know. */
export function reasonOfPop3Reply(text: string): Reason {
  const code = /^\[[^\]]*\]/.exec(text)?.[0].toUpperCase()
  if (code === undefined) return 'no'
  for (const [reason, spelt] of Object.entries(pop3Code)) if (spelt !== '' && code === spelt) return reason as Reason
  // RFC 2449 §8: codes are hierarchical; an unknown sub-code counts as its parent.
  if (code.startsWith('[SYS/TEMP')) return 'try-later'
  if (code.startsWith('[SYS')) return 'broken'
  return 'no'
}
