/** So long after an answer the next command is looked for without sleeping (milliseconds): docs/decisions/lingering.md. */
const short = 0.05
/** At the most so many answers pass without lingering, where it has been in vain. */
const mostPassed = 64

let until = 0
let looking = false
let inVain = 0
let toPass = 0

/** Keeps this process awake for a moment: another command is likely to come at once. */
export function linger(): void {
  if (toPass > 0) {
    toPass--
    return
  }
  until = performance.now() + short
  if (looking) return
  looking = true
  setImmediate(look)
}

/** A command has come. */
export function lingered(): void {
  if (looking) inVain = 0
}

function look(): void {
  if (performance.now() < until) {
    setImmediate(look)
    return
  }
  looking = false
  // Nobody near is talking: try it again, but ever more seldom.
  toPass = Math.min(2 ** inVain, mostPassed)
  inVain++
}
