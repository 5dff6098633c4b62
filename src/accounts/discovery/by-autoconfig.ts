import { PeerError } from '../../errors.ts'
import { fromConfig } from './by-config.ts'
import type { Answer, Question } from './found.ts'
import type { Look } from './look.ts'

/**
 * The file that a domain may have for its own mail programs. By https only: whoever is on the way of plain http could name a server of
 * his own, and be sent the password.
 */
export async function byAutoconfig(question: Question, look: Look, signal: AbortSignal): Promise<Answer> {
  const { address, domain } = question
  const query = `?emailaddress=${encodeURIComponent(address)}`
  const urls = [
    `https://autoconfig.${domain}/mail/config-v1.1.xml${query}`,
    `https://${domain}/.well-known/autoconfig/mail/config-v1.1.xml${query}`,
  ]
  const pages = await Promise.allSettled(urls.map((url) => look.page(url, signal)))
  const whys: string[] = []
  let silent = true
  for (const [index, page] of pages.entries()) {
    const host = URL.parse(urls[index] ?? '')?.host ?? domain
    try {
      if (page.status === 'rejected') throw page.reason
      silent = false
      if (page.value === undefined) continue
      const { readConfig } = await import('./config-xml.ts')
      const answer = fromConfig(readConfig(page.value), question, 'autoconfig', `the settings that ${host} tells`)
      if (answer.found !== undefined) return answer
      whys.push(answer.why ?? '')
    } catch (error) {
      if (!(error instanceof PeerError)) throw error
      // Many sites have a page for everything: that it is no such file is no fault.
      if (error.code !== 'unreachable' && error.code !== 'timed-out') silent = false
      if (error.code !== 'protocol') whys.push(error.message)
    }
  }
  return { why: whys.length === 0 ? 'it tells no settings (autoconfig)' : [...new Set(whys)].join('; '), silent }
}
