import { StoreError } from '../errors.ts'
import type { Hash } from '../ids.ts'
import { BodyPlaces } from './body-places.ts'
import { readBody } from './body-reader.ts'
import { openIndex } from './index-file.ts'
import type { Twin } from './repair.ts'
import { SegmentFiles } from './segment-files.ts'
import { SqliteIndex } from './sqlite-index.ts'

/** The mail in another folder as a twin: that of another user, or a copy of it. */
export function twinIn(name: string, folder: string, user: string): Twin {
  return {
    name,
    async find(hash) {
      return hasOctets(folder, user, hash) ? octetsIn(folder, user, hash) : undefined
    },
  }
}

/** Whether the index of some mail knows of octets; not whether they are whole. */
export function hasOctets(folder: string, user: string, hash: Hash): boolean {
  try {
    const database = openIndex(folder, user)
    try {
      return new SqliteIndex(database).body(hash) !== undefined
    } finally {
      database.close()
    }
  } catch (error) {
    // Mail that cannot be opened has nothing to give.
    if (error instanceof StoreError) return false
    throw error
  }
}

async function* octetsIn(folder: string, user: string, hash: Hash): AsyncGenerator<Uint8Array> {
  const database = openIndex(folder, user)
  const files = new SegmentFiles(8 << 20)
  try {
    const index = new SqliteIndex(database)
    const place = index.body(hash)
    const body = place && new BodyPlaces(() => index, folder).bodyAt(place, hash)
    if (body === undefined) throw new StoreError('missing', `the octets have left ${folder} meanwhile`)
    yield* readBody(files, body)
  } finally {
    await files.close()
    database.close()
  }
}
