import { fromConfig } from './by-config.ts'
import type { ClientConfig } from './client-config.ts'
import type { Answer, Question } from './found.ts'
import type { IspdbFolder } from './ispdb-folder.ts'
import type { Look } from './look.ts'

/** Where Thunderbird's ISPDB answers. */
const ispdb = 'https://autoconfig.thunderbird.net/v1.1/'

/** Thunderbird's ISPDB as it is shipped. */
export async function byIspdb(question: Question, folder: IspdbFolder): Promise<Answer> {
  if (folder.isEmpty) return { why: "Thunderbird's ISPDB is not shipped with this copy" }
  const config = await folder.config(question.domain)
  if (config === undefined) return { why: "Thunderbird's ISPDB, as shipped, does not know it" }
  return fromConfig(config, question, 'ispdb', `Thunderbird's ISPDB, as shipped (${config.id})`)
}

/** The same on the network, where it may be newer. */
export async function byIspdbOnline(question: Question, look: Look, signal: AbortSignal): Promise<Answer> {
  const config = await askIspdb(question.domain, look, signal)
  if (config === undefined) return { why: "Thunderbird's ISPDB does not know it" }
  return fromConfig(config, question, 'ispdb-online', `Thunderbird's ISPDB (${config.id})`)
}

/** What it has on a domain, on the network. It is told the domain, and nothing else of the address. */
export async function askIspdb(domain: string, look: Look, signal: AbortSignal): Promise<ClientConfig | undefined> {
  const page = await look.page(ispdb + encodeURIComponent(domain), signal)
  if (page === undefined) return undefined
  const { readConfig } = await import('./config-xml.ts')
  return readConfig(page)
}
