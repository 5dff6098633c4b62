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

/** What IMAP's response codes say (RFC 5530 §3, RFC 9208 §4.3), in our words. */
const imapCodes: Readonly<Record<string, Reason>> = {
  AUTHENTICATIONFAILED: 'bad-login',
  AUTHORIZATIONFAILED: 'bad-login',
  EXPIRED: 'bad-login',
  PRIVACYREQUIRED: 'bad-login',
  UNAVAILABLE: 'try-later',
  LIMIT: 'try-later',
  OVERQUOTA: 'try-later',
  INUSE: 'in-use',
  SERVERBUG: 'broken',
  CORRUPTION: 'broken',
  CONTACTADMIN: 'broken',
}

/** The reason that an IMAP response code gives, without its brackets (`LIMIT`, `BADCHARSET (UTF-8)`); `no` for one that gives none. */
export function reasonOfImapCode(code: string): Reason {
  const [word = ''] = code.toUpperCase().split(' ')
  return Object.hasOwn(imapCodes, word) ? (imapCodes[word] ?? 'no') : 'no'
}

/** The reason that an SMTP reply code gives (RFC 5321 §4.2.1, RFC 4954 §6). */
export function reasonOfSmtpCode(code: number): Reason {
  if (code === 535 || code === 534) return 'bad-login'
  return code < 500 ? 'try-later' : 'no'
}
