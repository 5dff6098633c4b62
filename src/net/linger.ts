/** So long after an answer the next command is looked for without sleeping (milliseconds): docs/decisions/lingering.md. */
const short = 0.05

let until = 0
let looking = false

/** Keeps this process awake for a moment: another command is likely to come at once. */
export function linger(): void {
  until = performance.now() + short
  if (looking) return
  looking = true
  setImmediate(look)
}

function look(): void {
  if (performance.now() < until) setImmediate(look)
  else looking = false
}
