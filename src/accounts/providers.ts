import { MisuseError } from '../errors.ts'
import { domainOf } from './names.ts'

/** How to reach the mailboxes of one provider by POP3. */
export interface Provider {
  readonly domains: readonly string[]
  readonly server: string
  readonly port: number
  readonly tls: 'implicit' | 'starttls'
  /** What a person must know or do first, one sentence. */
  readonly note?: string
}

/** A provider whose mailboxes cannot be fetched by POP3 with a password, and why. */
interface Closed {
  readonly domains: readonly string[]
  readonly why: string
}

const appPassword = 'its log-in needs an app password, made in the account settings, instead of your usual one'
const switchedOn = 'POP3 must first be switched on in the settings of its web mail'

const providers: readonly Provider[] = [
  // Italy
  { domains: ['aruba.it'], server: 'pop3s.aruba.it', port: 995, tls: 'implicit' },
  { domains: ['pec.it', 'arubapec.it', 'pec.aruba.it'], server: 'pop3s.pec.aruba.it', port: 995, tls: 'implicit' },
  {
    domains: ['libero.it', 'iol.it', 'inwind.it', 'blu.it', 'giallo.it'],
    server: 'popmail.libero.it',
    port: 995,
    tls: 'implicit',
  },
  { domains: ['virgilio.it'], server: 'in.virgilio.it', port: 995, tls: 'implicit' },
  { domains: ['tim.it'], server: 'pop.tim.it', port: 110, tls: 'starttls' },
  { domains: ['alice.it', 'tin.it'], server: 'in.alice.it', port: 110, tls: 'starttls' },
  { domains: ['tiscali.it'], server: 'pop.tiscali.it', port: 995, tls: 'implicit' },
  { domains: ['postecert.it'], server: 'mail.postecert.it', port: 995, tls: 'implicit' },
  {
    domains: ['legalmail.it'],
    server: 'mbox.cert.legalmail.it',
    port: 995,
    tls: 'implicit',
    note: 'it logs in by the user id of your contract, not by the address: give it with --login',
  },
  // Elsewhere
  { domains: ['gmail.com', 'googlemail.com'], server: 'pop.gmail.com', port: 995, tls: 'implicit', note: appPassword },
  { domains: ['yahoo.com', 'yahoo.it'], server: 'pop.mail.yahoo.com', port: 995, tls: 'implicit', note: appPassword },
  { domains: ['fastmail.com'], server: 'pop.fastmail.com', port: 995, tls: 'implicit', note: appPassword },
  { domains: ['gmx.net', 'gmx.de'], server: 'pop.gmx.net', port: 995, tls: 'implicit', note: switchedOn },
  { domains: ['web.de'], server: 'pop3.web.de', port: 995, tls: 'implicit', note: switchedOn },
]

const closed: readonly Closed[] = [
  {
    domains: ['outlook.com', 'hotmail.com', 'live.com', 'hotmail.it', 'outlook.it'],
    why: 'Microsoft takes no passwords over POP3 (outlook.office365.com), only OAuth2, which Postino does not offer yet',
  },
  { domains: ['icloud.com', 'me.com'], why: 'Apple offers no POP3' },
]

/** The provider of an address; undefined where it is not known. Throws MisuseError where it is known to be of no use. */
export function providerOf(address: string): Provider | undefined {
  const domain = domainOf(address)?.toLowerCase()
  if (domain === undefined) return undefined
  const shut = closed.find((one) => one.domains.includes(domain))
  if (shut !== undefined) throw new MisuseError('usage', `${address} cannot be fetched: ${shut.why}`)
  return providers.find((one) => one.domains.includes(domain))
}
