/** A subject without what replies, forwards and lists add to it. */
export interface BaseSubject {
  /** As it is written; compare it without case. */
  readonly base: string
  /** Whether something was taken away that a reply or a forward adds (RFC 5256 §3, THREAD). */
  readonly isReply: boolean
}

const blob = /\[[^[\]]*\] */y
const reply = /(?:re|fwd?) *(?:\[[^[\]]*\] *)?: */iy

/** The base subject (RFC 5256 §2.1) of a subject whose encoded words are decoded. It takes time as the length does. */
export function baseSubject(subject: string): BaseSubject {
  let text = subject.replace(/[ \t\r\n]+/g, ' ')
  let isReply = false
  for (;;) {
    // RFC 5256 §2.1 (2).
    const end = endOfText(text)
    if (end.forwarded) isReply = true
    text = text.slice(0, end.at)
    const leader = afterLeader(text)
    if (leader.isReply) isReply = true
    text = text.slice(leader.at)
    // RFC 5256 §2.1 (6).
    if (!/^\[fwd:/i.test(text) || !text.endsWith(']')) return { base: text, isReply }
    isReply = true
    text = text.slice('[fwd:'.length, -1)
  }
}

/** Where the text ends that is no trailer. Looked for from the end: a regular expression would begin at every space. */
function endOfText(text: string): { at: number; forwarded: boolean } {
  let at = text.length
  let forwarded = false
  for (;;) {
    if (text[at - 1] === ' ') at--
    else if (text.slice(Math.max(0, at - 5), at).toLowerCase() === '(fwd)') {
      at -= 5
      forwarded = true
    } else return { at, forwarded }
  }
}

/** Where the text begins that is no leader: RFC 5256 §2.1 (3) to (5). */
function afterLeader(text: string): { at: number; isReply: boolean } {
  let at = 0
  let isReply = false
  for (;;) {
    while (text[at] === ' ') at++
    let last = at
    let after = at
    for (let next = matchEnd(blob, text, after); next !== undefined; next = matchEnd(blob, text, after)) {
      last = after
      after = next
    }
    const next = matchEnd(reply, text, after)
    if (next === undefined) {
      // What is left must not be empty: then the last one in brackets is the subject.
      return { at: after < text.length ? after : last, isReply }
    }
    isReply = true
    at = next
  }
}

function matchEnd(pattern: RegExp, text: string, at: number): number | undefined {
  pattern.lastIndex = at
  return pattern.test(text) ? pattern.lastIndex : undefined
}
