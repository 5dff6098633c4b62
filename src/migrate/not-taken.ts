/** What several old programs have and an account has no place for: what to say of it. */
export const notTaken = {
  delivery: 'mail comes into Postino now; to hand it on as well, see docs/hand-on.md',
  timeOut: 'Postino has time-outs of its own for each step',
  filters: 'there are no filters',
  nameOfCertificate: 'a certificate must name the server: give the account the name that it has, or pin it',
  unverified: 'a certificate that nobody vouches for must be trusted or pinned by its SHA-256',
  tlsVersion: 'TLS 1.2 and newer are used',
  amount: 'each fetch brings all that is new; octets a day can be limited',
  again: 'each message is fetched once',
  move: 'nothing is moved at the server',
} as const
