import { PeerError } from '../../errors.ts'
import { providerOfMx, suffixes } from '../providers.ts'
import { fromConfig } from './by-config.ts'
import { askIspdb } from './by-ispdb.ts'
import { fromProvider } from './by-provider.ts'
import type { Answer, Question } from './found.ts'
import type { IspdbFolder } from './ispdb-folder.ts'
import type { Look } from './look.ts'

/** So many domains of MX hosts are asked about at Thunderbird's ISPDB. */
const most = 3

/**
 * Who takes the domain's mail (MX) most often has its mailboxes, too. Only providers that are known count, so that a forged record can
 * send nobody to a server of the forger.
 */
export async function byMx(question: Question, look: Look, signal: AbortSignal, folder: IspdbFolder): Promise<Answer> {
  const records = await look.mx(question.domain, signal)
  // RFC 7505: "." is a domain that takes no mail.
  const hosts = records
    .toSorted((a, b) => a.priority - b.priority)
    .map(({ exchange }) => exchange.toLowerCase().replace(/\.$/, ''))
    .filter((host) => host !== '')
  if (hosts.length === 0) return { why: 'it has no MX records' }
  const from = `the MX record of ${question.domain}`
  for (const host of hosts) {
    const provider = providerOfMx(host)
    if (provider !== undefined) return fromProvider(provider, question, 'mx', `${from}: ${provider.name}`)
  }
  // The domain itself was asked about before.
  const domains = [...new Set(hosts.flatMap(suffixes))].filter((one) => one !== question.domain)
  for (const domain of domains) {
    const config = await folder.config(domain)
    if (config !== undefined)
      return fromConfig(config, question, 'mx', `${from}, and Thunderbird's ISPDB, as shipped (${config.id})`)
  }
  // The shorter ones are whole providers, the longer ones single machines.
  const asked = domains.toSorted((a, b) => a.split('.').length - b.split('.').length).slice(0, most)
  for (const answer of await Promise.allSettled(asked.map((domain) => askIspdb(domain, look, signal)))) {
    if (answer.status === 'rejected' && !(answer.reason instanceof PeerError)) throw answer.reason
    if (answer.status === 'rejected' || answer.value === undefined) continue
    return fromConfig(answer.value, question, 'mx', `${from}, and Thunderbird's ISPDB (${answer.value.id})`)
  }
  return { why: `its mail is taken by ${hosts[0]}, a provider that is not known` }
}
