import { statSync } from 'node:fs'
import type { DatabaseSync } from 'node:sqlite'
import { StoreError } from '../errors.ts'
import { openIndex } from './index-file.ts'
import { indexPath } from './layout.ts'
import type { Seal } from './record-frame.ts'
import { SqliteIndex } from './sqlite-index.ts'

export interface Connection {
  readonly database: DatabaseSync
  readonly index: SqliteIndex
  /** The file that is open; another may have taken its name since. */
  readonly inode: bigint
}

/**
 * A user's connections to `index.sqlite`: one that reads, one that writes. Each is opened when it is needed, for open they cost memory
 * (some 200 KB) that thousands of idle sessions would not be worth; `rest` closes them until the next time.
 */
export class IndexConnections {
  readonly #folder: string
  readonly #user: string
  readonly #onOpen: () => void
  #reader: Connection | undefined
  #writer: Connection | undefined
  /** Tells this mail from that of a later user of the same name. */
  #seal: Seal | undefined

  constructor(folder: string, user: string, onOpen: () => void) {
    this.#folder = folder
    this.#user = user
    this.#onOpen = onOpen
  }

  /** Throws StoreError where the index cannot be opened, as does `writer`. */
  reader(): Connection {
    return (this.#reader ??= this.#open())
  }

  writer(): Connection {
    if (this.#writer !== undefined) return this.#writer
    const writer = (this.#writer = this.#open())
    // A change waits without holding up everything else in this process.
    writer.database.exec('pragma busy_timeout = 0')
    // The index may have been rebuilt since: what is written must be what is read.
    if (this.#reader !== undefined && this.#reader.inode !== writer.inode) {
      this.#reader.database.close()
      this.#reader = undefined
    }
    return writer
  }

  rest(): void {
    this.#reader?.database.close()
    this.#writer?.database.close()
    this.#reader = undefined
    this.#writer = undefined
  }

  #open(): Connection {
    const database = openIndex(this.#folder, this.#user)
    try {
      const index = new SqliteIndex(database)
      index.attend()
      const path = indexPath(this.#folder)
      if (this.#seal !== undefined && this.#seal !== index.seal)
        throw new StoreError('missing', `${path} is another one than before; start again`)
      this.#seal = index.seal
      this.#onOpen()
      return { database, index, inode: inodeOf(path) }
    } catch (error) {
      database.close()
      throw error
    }
  }
}

export function inodeOf(path: string): bigint {
  return statSync(path, { bigint: true, throwIfNoEntry: false })?.ino ?? 0n
}
