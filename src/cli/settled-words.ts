import type { SettleReport } from '../store/settle.ts'
import { octetsText, plural } from './amounts.ts'

/** What came of it, for a person: `10,000 messages, 619 MB, now 240 MB; 3 attachments kept once`. */
export function settledWords(report: SettleReport): string {
  const { segments, messages, before, after, dropped, parts, raw } = report
  if (segments === 0) return `nothing to settle, ${octetsText(after)}`
  const more = [
    parts === 0 ? '' : `${plural(parts, 'attachment')} kept once`,
    dropped === 0 ? '' : `the octets of ${plural(dropped, 'removed message')} are gone`,
    raw === 0 ? '' : `${plural(raw, 'message')} only compressed`,
  ].filter((text) => text !== '')
  return [`${plural(messages, 'message')}, ${octetsText(before)}, now ${octetsText(after)}`, ...more].join('; ')
}
