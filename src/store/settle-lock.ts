import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import { diskError, isBusy } from '../disk-errors.ts'
import { StoreError } from '../errors.ts'

/** How long an index that is to be made anew waits for a settling (milliseconds). */
const patience = 60_000

/**
 * Held until it is closed, by one at a time in all processes: who settles a user's mail, or makes its index anew from files that must
 * not change meanwhile. The system takes it away from one that dies. Throws StoreError `busy` where another holds it.
 */
export function lockSettling(folder: string): DatabaseSync {
  const path = join(folder, 'settling')
  let database: DatabaseSync | undefined
  try {
    database = new DatabaseSync(path, { timeout: 0 })
    database.exec('begin exclusive')
    return database
  } catch (error) {
    database?.close()
    if (isBusy(error)) throw new StoreError('busy', `${folder} is being settled by another process; try again later`)
    throw diskError(error, path)
  }
}

/** The same, waiting for the one who holds it. */
export async function waitToSettle(folder: string): Promise<DatabaseSync> {
  for (const until = performance.now() + patience; ; await sleep(20)) {
    try {
      return lockSettling(folder)
    } catch (error) {
      if (!(error instanceof StoreError) || error.code !== 'busy' || performance.now() > until) throw error
    }
  }
}
