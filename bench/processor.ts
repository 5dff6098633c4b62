import { readFileSync, readdirSync } from 'node:fs'

/** Ticks a second of /proc/PID/stat: 100 on every Linux that Node runs on. */
const ticks = 100

/** Seconds of processor time that a process and all that descend from it and still run have used so far (Linux). */
export function processorSeconds(pid: number): number {
  const children = new Map<number, number[]>()
  const used = new Map<number, number>()
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue
    // proc(5): after the name in parentheses, the 2nd field is the parent; the 12th and 13th are user and system time.
    const fields = statOf(name).split(' ')
    const parent = Number(fields[1])
    children.set(parent, [...(children.get(parent) ?? []), Number(name)])
    used.set(Number(name), (Number(fields[11]) + Number(fields[12])) / ticks)
  }
  const sum = (of: number): number =>
    (used.get(of) ?? 0) + (children.get(of) ?? []).reduce((all, child) => all + sum(child), 0)
  return sum(pid)
}

function statOf(pid: string): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    return stat.slice(stat.lastIndexOf(')') + 2)
  } catch {
    // It ended just now.
    return ''
  }
}
