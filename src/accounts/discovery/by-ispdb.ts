import { fromConfig } from './by-config.ts'
import { readConfig } from './config-xml.ts'
import type { Answer, Question } from './found.ts'
import type { IspdbFolder } from './ispdb-folder.ts'
import type { Look } from './look.ts'

/** Where Thunderbird's ISPDB answers. It is told the domain, and nothing else of the address. */
const ispdb = 'https://autoconfig.thunderbird.net/v1.1/'

/** Thunderbird's ISPDB as it is shipped. */
export function byIspdb(question: Question, folder: IspdbFolder): Answer {
  if (folder.isEmpty) return { why: 'it is not shipped with this copy' }
  const config = folder.config(question.domain)
  if (config === undefined) return { why: `${question.domain} is not in it` }
  return fromConfig(config, question, 'ispdb', `Thunderbird's ISPDB, as shipped (${config.id})`)
}

/** The same on the network, where it may be newer. */
export async function byIspdbOnline(question: Question, look: Look, signal: AbortSignal): Promise<Answer> {
  const page = await look.page(ispdb + encodeURIComponent(question.domain), signal)
  if (page === undefined) return { why: `it has nothing on ${question.domain}` }
  const config = readConfig(page)
  return fromConfig(config, question, 'ispdb-online', `Thunderbird's ISPDB (${config.id})`)
}

/** What Thunderbird's ISPDB on the network has on the domain of an MX host. */
export async function byIspdbOfMx(
  domain: string,
  question: Question,
  look: Look,
  signal: AbortSignal,
): Promise<Answer> {
  const page = await look.page(ispdb + encodeURIComponent(domain), signal)
  if (page === undefined) return { why: `Thunderbird's ISPDB has nothing on ${domain}` }
  const config = readConfig(page)
  return fromConfig(
    config,
    question,
    'mx',
    `the MX record of ${question.domain}, and Thunderbird's ISPDB (${config.id})`,
  )
}
