import { maildropForm, type Content, type MaildropRows, type Message } from './store.ts'

/** The bits of `maildropForm` for these octets. */
export function formOf({ lineEnds, surrogate, dots }: Pick<Content, 'lineEnds' | 'surrogate' | 'dots'>): number {
  const { lf, international, noDots } = maildropForm
  return (lineEnds === 'lf' ? lf : 0) | (surrogate === undefined ? 0 : international) | (dots ? 0 : noDots)
}

/** These messages, in this order, in columns. */
export function rowsOf(messages: readonly Message[]): MaildropRows {
  let end = 0
  return {
    count: messages.length,
    ids: Float64Array.from(messages, ({ id }) => id),
    octets: Float64Array.from(messages, ({ octets }) => octets),
    uniqueIds: Buffer.from(messages.map(({ uniqueId }) => uniqueId).join(''), 'latin1'),
    uniqueIdEnds: Uint32Array.from(messages, ({ uniqueId }) => (end += uniqueId.length)),
    forms: Uint8Array.from(messages, formOf),
    surrogates: surrogatesOf(messages),
  }
}

function surrogatesOf(messages: readonly Message[]): Map<number, number> {
  const surrogates = new Map<number, number>()
  for (const [place, { surrogate }] of messages.entries())
    if (surrogate !== undefined) surrogates.set(place + 1, surrogate)
  return surrogates
}
