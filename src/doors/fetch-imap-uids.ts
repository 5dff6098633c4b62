/** Servers take command lines of a few thousand octets (RFC 2683 §3.2.1.5, RFC 7162 §4). */
const longestSet = 4000

/** Ascending numbers as a sequence-set (RFC 9051 §9): `1:4,7`. */
export function setOf(numbers: readonly number[]): string {
  return runsOf(numbers).join(',')
}

/** The numbers in portions, each with its sequence-set; in a portion they ascend. */
export function* portions(
  numbers: readonly number[],
  most: number,
): Generator<{ set: string; uids: readonly number[] }> {
  for (let at = 0; at < numbers.length; at += most) {
    const uids = numbers.slice(at, at + most).toSorted((a, b) => a - b)
    const set = setOf(uids)
    if (set.length <= longestSet) yield { set, uids }
    else yield* portions(uids, Math.max(1, Math.floor((uids.length * longestSet) / set.length / 2)))
  }
}

/** The numbers that a sequence-set of ours stands for. */
export function* numbersIn(set: string): Generator<number> {
  for (const run of set.split(',')) {
    const [first = Number.NaN, last = first] = run.split(':').map(Number)
    for (let number = first; number <= last; number++) yield number
  }
}

function runsOf(numbers: readonly number[]): string[] {
  const runs: string[] = []
  let first = 0
  for (const [place, number] of numbers.entries()) {
    if (place === 0) first = number
    if (numbers[place + 1] === number + 1) continue
    runs.push(first === number ? String(number) : `${first}:${number}`)
    first = numbers[place + 1] ?? 0
  }
  return runs
}
