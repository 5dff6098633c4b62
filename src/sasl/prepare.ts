/** Spaces that are none of ASCII (RFC 3454 table C.1.2). */
const spaces = /[\u00a0\u1680\u2000-\u200b\u202f\u205f\u3000]/g
/** What is commonly mapped to nothing (RFC 3454 table B.1). */
// oxlint-disable-next-line no-misleading-character-class -- each stands for itself
const nothing = /[\u00ad\u034f\u1806\u180b-\u180d\u200c\u200d\u2060\ufe00-\ufe0f\ufeff]/gu
/** RFC 4013 §2.3, and what was no UTF-8 (U+FFFD by now) among it. */
const prohibited =
  /[\p{Cc}\p{Co}\p{Cs}\p{Noncharacter_Code_Point}\u0340\u0341\u06dd\u070f\u180e\u200e\u200f\u2028-\u202e\u2061-\u206f\u2ff0-\u2ffb\ufff9-\ufffd\u{1d173}-\u{1d17a}\u{e0001}\u{e0020}-\u{e007f}]/u
const ascii = /^[\x20-\x7e]*$/

/**
 * A name or password as SASLprep maps it (RFC 4013 §2.1, §2.2), so that those that look alike are alike. ASCII stays as it is.
 * What it prohibits is let through: that is for `isProhibited` to say.
 */
export function prepared(text: string): string {
  return ascii.test(text) ? text : text.replace(spaces, ' ').replace(nothing, '').normalize('NFKC')
}

/** Whether there is something in a name or password that must not be (RFC 4013 §2.3). */
export function isProhibited(text: string): boolean {
  return prohibited.test(text)
}
