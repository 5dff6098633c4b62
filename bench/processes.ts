import { readFileSync, readdirSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'

/** Ticks a second of /proc/PID/stat: 100 on every Linux that Node runs on. */
const ticks = 100

/** A process and all that descend from it and still run (Linux). */
export function family(pid: number): number[] {
  const children = new Map<number, number[]>()
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue
    // proc(5): after the name in parentheses, the 2nd field is the parent.
    const parent = Number(statOf(Number(name))[1])
    children.set(parent, [...(children.get(parent) ?? []), Number(name)])
  }
  const all = (of: number): number[] => [of, ...(children.get(of) ?? []).flatMap(all)]
  return all(pid)
}

/** Seconds of processor time that a process and all that descend from it have used so far. */
export function processorSeconds(pid: number): number {
  let used = 0
  for (const one of family(pid)) {
    // proc(5): the 12th and 13th behind the name are user and system time.
    const fields = statOf(one)
    used += (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) / ticks
  }
  return used
}

/** Seconds of processor time of all processes that this one has started and that have ended, and of theirs. */
export function endedSeconds(): number {
  // proc(5): the 14th and 15th behind the name are user and system time of children that were waited for.
  const fields = statOf(process.pid)
  return (Number(fields[13] ?? 0) + Number(fields[14] ?? 0)) / ticks
}

/** What memory a process and all that descend from it take up, octets. What they share is counted once. */
export function memoryOf(pid: number): number {
  return sumOf(pid, 'smaps_rollup', /^Pss:\s+(\d+) kB/m)
}

/** The most memory that a running process has had resident so far, in octets (Linux: VmHWM). 0 when it is gone. */
export function peakMemory(pid: number): number {
  return Number(/^VmHWM:\s+(\d+) kB/m.exec(read(pid, 'status'))?.[1] ?? 0) * 1024
}

/** The most that each of them has had resident so far, octets. What they share is counted for each. */
export function peakMemoryOfAll(pid: number): number {
  return sumOf(pid, 'status', /^VmHWM:\s+(\d+) kB/m)
}

/** The resident memory of all of them, octets. */
export function residentMemory(pid: number): number {
  return sumOf(pid, 'status', /^VmRSS:\s+(\d+) kB/m)
}

/** How many files and sockets they have open. */
export function openFiles(pid: number): number {
  let open = 0
  for (const one of family(pid)) {
    try {
      open += readdirSync(`/proc/${one}/fd`).length
    } catch {
      // It ended just now.
    }
  }
  return open
}

/** Waits until a server rests: it has used less than 2 % of a processor for a second. Gives up after a minute. */
export async function atRest(pid: number): Promise<void> {
  for (let tries = 0, before = processorSeconds(pid); tries < 60; tries++) {
    await wait(1000)
    const now = processorSeconds(pid)
    if (now - before <= 0.02) return
    before = now
  }
}

function sumOf(pid: number, file: string, line: RegExp): number {
  let kilobytes = 0
  for (const one of family(pid)) kilobytes += Number(line.exec(read(one, file))?.[1] ?? 0)
  return kilobytes * 1024
}

function statOf(pid: number): string[] {
  const stat = read(pid, 'stat')
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')
}

function read(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'latin1')
  } catch {
    // It ended just now.
    return ''
  }
}
