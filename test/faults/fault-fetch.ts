import { readFileSync } from 'node:fs'
import { fetchPop3 } from '../../src/doors/fetch-pop3.ts'
import type { FetchOptions, Remote } from '../../src/doors/fetching.ts'
import { DiskStore } from '../../src/store/disk.ts'

// One fetch in a process of its own, so that it can be killed; told by its argument, and tells on stdout when it begins and how it ended.

/** What to fetch, and into which folder. */
export interface FetchOrder {
  readonly data: string
  readonly remote: Remote
  readonly options: FetchOptions
  /** How far its clock is ahead (milliseconds). */
  readonly ahead: number
}

/** How it ended. */
export interface FetchEnd {
  readonly error: { readonly code: string; readonly message: string } | undefined
  readonly problems: readonly string[]
  readonly new: number
  /** The most memory that the process had (octets); 0 where the system does not tell. */
  readonly memory: number
}

const { data, remote, options, ahead } = JSON.parse(process.argv[2] ?? '') as FetchOrder
const store = new DiskStore(data)
const mail = await store.open('mario')
process.stdout.write('ready\n')
const { error, problems, new: fresh } = await fetchPop3(remote, mail, { ...options, now: () => Date.now() + ahead })
await store.close()
const end: FetchEnd = {
  error: error && { code: error.code, message: error.message },
  problems,
  new: fresh,
  memory: mostMemory(),
}
process.stdout.write(JSON.stringify(end))

/** Not by `process.resourceUsage`: that counts the memory of the process that started this one, too. */
function mostMemory(): number {
  if (process.platform !== 'linux') return 0
  return Number(/^VmHWM:\s*(\d+) kB/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? 0) * 1024
}
