import type { Header } from './header.ts'

/** No field is read further than this (characters). */
const fieldLimit = 1 << 16

/** Of a longer list of references, the first and the last of so many say enough. */
const referenceLimit = 50

const quoted = String.raw`"(?:\\.|[^"\\])*"`
const angled = new RegExp(`<((?:${quoted}|[^<>"])*)>`, 'gs')

/**
 * The message ids in a field, without angle brackets and as they compare: RFC 5256 §3 has quoting undone. What is no id (RFC 5322
 * §3.6.4) is passed over.
 */
export function messageIdsIn(value: string): string[] {
  const ids: string[] = []
  for (const [, inside = ''] of value.slice(0, fieldLimit).matchAll(angled)) {
    const id = inside.replace(/"((?:\\.|[^"\\])*)"/gs, (_, text: string) => text.replace(/\\(.)/gs, '$1'))
    const plain = id.replace(/\s+/g, '')
    if (/.@./s.test(plain)) ids.push(plain)
  }
  return ids
}

/** A message's own id; undefined where it has none. */
export function messageIdOf(header: Header): string | undefined {
  return messageIdsIn(header.get('message-id') ?? '')[0]
}

/** The ids of the messages that it answers, the oldest first: RFC 5256 §3, REFERENCES. */
export function referencesOf(header: Header): string[] {
  const references = messageIdsIn(header.all('references').join(' '))
  if (references.length === 0) return messageIdsIn(header.get('in-reply-to') ?? '').slice(0, 1)
  if (references.length <= referenceLimit) return references
  return [...references.slice(0, 1), ...references.slice(1 - referenceLimit)]
}
