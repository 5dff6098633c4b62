import { DOMParser, type Element, onWarningStopParsing } from '@xmldom/xmldom'
import { PeerError } from '../../errors.ts'
import { type ClientConfig, type IncomingServer, longestConfig } from './client-config.ts'

/** Reads a `clientConfig`. What is no such file, or is not well-formed, is a PeerError `protocol`. */
export function readConfig(text: string): ClientConfig {
  const wrong = (why: string, cause?: unknown): PeerError => new PeerError('protocol', why, { cause })
  if (text.length > longestConfig) throw wrong(`it has ${text.length} characters, and ${longestConfig} are the most`)
  // No file of autoconfig has a document type, and with none there are no entities but XML's own five.
  if (/<!DOCTYPE/i.test(text)) throw wrong('it has a document type, which no such file has')
  let root: Element | null
  try {
    root = new DOMParser({ onError: onWarningStopParsing, locator: false }).parseFromString(
      text.replace(/^\ufeff/, ''),
      'text/xml',
    ).documentElement
  } catch (error) {
    throw wrong('it is not well-formed XML', error)
  }
  if (root?.nodeName !== 'clientConfig') throw wrong('it is not a clientConfig')
  const version = root.getAttribute('version') ?? ''
  if (!version.startsWith('1.')) throw wrong(`it has version "${version.slice(0, 20)}", and 1.1 is what is read`)
  const provider = child(root, 'emailProvider')
  if (provider === undefined) throw wrong('it has no emailProvider')
  const id = provider.getAttribute('id') ?? ''
  // The specification has oAuth2 and enable beside emailProvider; some files have them inside.
  const inside = (name: string): Element | undefined => child(root, name) ?? child(provider, name)
  return {
    id,
    name: textOf(provider, 'displayName') ?? id,
    domains: children(provider, 'domain').map((one) => trimmed(one).toLowerCase()),
    incoming: children(provider, 'incomingServer').flatMap(incomingServer),
    issuerHost: textOf(inside('oAuth2'), 'issuer'),
    instruction: instructionOf(inside('enable')),
  }
}

/** A server that can be fetched from; empty for what is not (Exchange, a port that is none …). */
function incomingServer(server: Element): IncomingServer[] {
  const type = server.getAttribute('type')
  const host = textOf(server, 'hostname')
  const port = Number(textOf(server, 'port'))
  const tls = { SSL: 'implicit', STARTTLS: 'starttls', plain: 'none' } as const
  const socket = Object.entries(tls).find(([name]) => name === textOf(server, 'socketType'))?.[1]
  if ((type !== 'pop3' && type !== 'imap') || host === undefined || socket === undefined) return []
  if (!Number.isInteger(port) || port < 1 || port > 65_535) return []
  const pop3 = child(server, 'pop3')
  const minutes = Number((pop3 && child(pop3, 'checkInterval'))?.getAttribute('minutes') ?? 0)
  return [
    {
      protocol: type,
      host,
      port,
      tls: socket,
      login: textOf(server, 'username') ?? '%EMAILADDRESS%',
      authentication: children(server, 'authentication').map(trimmed),
      leastInterval: minutes > 0 && minutes <= 24 * 60 ? minutes * 60_000 : undefined,
    },
  ]
}

/** The instruction in English, or in no language, else the first. */
function instructionOf(enable: Element | undefined): string | undefined {
  if (enable === undefined) return undefined
  const all = children(enable, 'instruction')
  const english = all.find((one) => [null, '', 'en'].includes(one.getAttribute('lang')))
  const text = (english ?? all[0])?.textContent?.replace(/\s+/g, ' ').trim().slice(0, 300)
  return text === '' ? undefined : text
}

function children(of: Element, name: string): Element[] {
  const found: Element[] = []
  for (let node = of.firstChild; node !== null; node = node.nextSibling)
    if (node.nodeName === name) found.push(node as Element)
  return found
}

function child(of: Element, name: string): Element | undefined {
  return children(of, name)[0]
}

function textOf(of: Element | undefined, name: string): string | undefined {
  const found = of && child(of, name)
  const text = found === undefined ? '' : trimmed(found)
  return text === '' ? undefined : text
}

function trimmed(element: Element): string {
  return (element.textContent ?? '').trim()
}
