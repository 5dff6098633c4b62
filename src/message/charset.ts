const utf8 = new TextDecoder('utf-8', { fatal: true })
const lenientUtf8 = new TextDecoder('utf-8')
const windows1252 = new TextDecoder('windows-1252')

/** Labels seen in mail that the Encoding Standard does not know. */
const alsoKnownAs: Readonly<Record<string, string>> = {
  cp932: 'shift_jis',
  cp936: 'gbk',
  'euc-cn': 'gbk',
  cp949: 'euc-kr',
  cp950: 'big5',
  cp874: 'windows-874',
  cp866: 'ibm866',
  utf: 'utf-8',
  utf8mb4: 'utf-8',
}

const known = new Map<string, TextDecoder | undefined>()

/** The decoder of a charset label; undefined where there is none: `us-ascii`, unknown, or not worth a guess. */
function decoderOf(label: string): TextDecoder | undefined {
  if (known.has(label)) return known.get(label)
  const guess =
    alsoKnownAs[label] ??
    label
      .replace(/^.*utf-?_?8.*$/, 'utf-8')
      .replace(/^.*8859[-_]?(\d{1,2})(?!\d).*$/, 'iso-8859-$1')
      .replace(/^.*(125[0-8])$/, 'windows-$1')
  let decoder: TextDecoder | undefined
  for (const name of [label, guess]) {
    try {
      decoder ??= new TextDecoder(name)
    } catch {
      // Not a label that can be decoded.
    }
  }
  // The labels are the sender's: remember only so many.
  if (known.size >= 256) known.clear()
  known.set(label, decoder)
  return decoder
}

/**
 * The text of octets in a charset. Never fails: an unknown label, or none, is read as UTF-8 where the octets are that, and as
 * windows-1252 where they are not.
 */
export function decodeCharset(octets: Uint8Array, label?: string): string {
  const name = label?.trim().toLowerCase().slice(0, 64) ?? ''
  // What says ASCII and is not, is UTF-8 or windows-1252.
  const decoder = name === '' || name.endsWith('ascii') ? undefined : decoderOf(name)
  try {
    return (decoder ?? utf8).decode(octets)
  } catch {
    return (decoder === undefined ? windows1252 : lenientUtf8).decode(octets)
  }
}

// oxlint-disable-next-line no-control-regex
const controls = /[\u0000-\u001f\u007f-\u009f]+/g
// oxlint-disable-next-line no-control-regex
const controlsInText = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]+/g

/** More marks than this on one letter are no writing (UAX #15 §13), and to put them in order takes their number squared. */
const manyMarks = /([\p{M}\uff9e\uff9f]{30})[\p{M}\uff9e\uff9f]+/gu
/** The scripts that most mail is in, and dashes and quotes, have none. */
const mayHaveMarks = new RegExp(
  String.raw`[\u0300-\u036f\u0483-\u0489\u0591-\u1dff\u20d0-\u20ff\u2cef-\u303f\u3099-\u33ff\ua000-\uabff\ud7a4-\uffff]`,
)

function withFewMarks(text: string): string {
  return mayHaveMarks.test(text) ? text.replace(manyMarks, '$1') : text
}

/** One line that is safe to print: control characters, which a terminal would obey, become a space. */
export function oneLine(text: string): string {
  return withFewMarks(text.replace(controls, ' ').trim())
}

/** Lines that are safe to print: ended by LF, and without control characters but tab. */
export function printable(text: string): string {
  return withFewMarks(text.replace(/\r\n?/g, '\n').replace(controlsInText, ''))
}
