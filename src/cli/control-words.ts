import { hash } from 'node:crypto'
import { lstatSync, mkdirSync } from 'node:fs'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import type { FetchProgress } from '../doors/fetching.ts'
import type { Outcome } from './fetch-outcome.ts'

/** What a command asks of the `serve` that runs on the same data folder: one line of JSON. */
export interface ControlRequest {
  readonly fetch: {
    readonly accounts: readonly string[]
    readonly dryRun: boolean
    /** Only the messages of these unique-ids. */
    readonly only?: readonly string[] | undefined
  }
}

/** What it answers: lines of JSON, the last one says `done`. */
export interface ControlLine {
  readonly progress?: { readonly address: string; readonly amount: FetchProgress }
  readonly outcome?: Outcome
  readonly done?: true
}

/** A socket's path has some 100 octets at most, whatever the system (unix(7)). */
const longestPath = 100

/** Where `serve` takes requests: a socket in the data folder that only its owner can use, or a pipe of Windows. */
export function controlPath(data: string): string {
  const name = hash('sha256', data).slice(0, 24)
  if (process.platform === 'win32') return `\\\\.\\pipe\\postino-${name}`
  const path = join(data, 'locks', 'control')
  return Buffer.byteLength(path) <= longestPath ? path : join(ownFolder(), name)
}

/** A folder for sockets whose own path would be too long. */
function ownFolder(): string {
  const { uid } = userInfo()
  const folder = join(tmpdir(), `postino-${uid}`)
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const found = lstatSync(folder)
  // Everybody may make folders and links there: what is no folder of ours alone is not used.
  if (!found.isDirectory() || found.uid !== uid || (found.mode & 0o077) !== 0)
    throw new Error(`${folder} belongs to others`)
  return folder
}
