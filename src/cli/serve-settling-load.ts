import { cpus } from 'node:os'

/** Milliseconds of processor time that were used since some start, and when that was looked up. */
export interface Used {
  /** By everything that runs on this machine. */
  readonly machine: number
  /** By this process, all threads. */
  readonly process: number
  /** By the thread that asks. */
  readonly thread: number
  readonly at: number
}

/** Up to here, others count as idle (processors). */
const idle = 0.25
/** The share of one processor that settling has while others are idle, and while they are not. */
const [much, little] = [0.5, 0.05]

/** The share of one processor that settling may use while everything else uses so many. */
export function shareOf(others: number): number {
  return others <= idle ? much : little
}

/** How long to rest after so much work (milliseconds) to use no more than this share. */
export function restAfter(worked: number, share: number): number {
  return worked * (1 / share - 1)
}

/**
 * How many processors everything uses that is not work behind the scenes: the other processes of the machine, workers that serve
 * among them, and the thread that this is called from, which fetches and serves; but none of this process's other threads.
 */
export class Load {
  readonly #read: () => Used
  #before: Used

  /** `read`: for tests, what the system says. */
  constructor(read: () => Used = used) {
    this.#read = read
    this.#before = read()
  }

  /** Since the last call, or the beginning. */
  others(): number {
    const before = this.#before
    const now = this.#read()
    this.#before = now
    const thread = now.thread - before.thread
    // Where the system tells nothing of the machine, what this thread does is all there is to go by.
    const all = now.machine - before.machine - (now.process - before.process) + thread
    return Math.max(all, thread) / Math.max(1, now.at - before.at)
  }
}

function used(): Used {
  const machine = cpus().reduce((sum, { times: { user, nice, sys, irq } }) => sum + user + nice + sys + irq, 0)
  const sum = ({ user, system }: NodeJS.CpuUsage): number => (user + system) / 1000
  return { machine, process: sum(process.cpuUsage()), thread: sum(process.threadCpuUsage()), at: performance.now() }
}
