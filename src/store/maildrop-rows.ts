import { maildropForm, type Content, type MaildropRows, type Message } from './store.ts'

/** The bits of `maildropForm` for these octets. */
export function formOf({
  lineEnds,
  international,
  dots,
}: Pick<Content, 'lineEnds' | 'international' | 'dots'>): number {
  const { lf, international: utf8, noDots } = maildropForm
  return (lineEnds === 'lf' ? lf : 0) | (international ? utf8 : 0) | (dots ? 0 : noDots)
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
  }
}
