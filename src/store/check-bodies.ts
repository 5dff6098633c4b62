import { createHash, hash as digestOf } from 'node:crypto'
import { StoreError } from '../errors.ts'
import type { Hash, MessageId } from '../ids.ts'
import { BodyPlaces } from './body-places.ts'
import { lendBody, readBody } from './body-reader.ts'
import { ForwardReader } from './forward-reader.ts'
import { indexError, openIndex } from './index-file.ts'
import { indexPath, segmentPath } from './layout.ts'
import {
  blockHead,
  blockHeadValue,
  blockSize,
  bodyBlocks,
  type BodyPlace,
  frameHead,
  frameLength,
  isFrameHead,
} from './segment.ts'
import { SegmentFiles } from './segment-files.ts'
import { leftSegment } from './sqlite-bodies.ts'
import { SqliteIndex } from './sqlite-index.ts'
import { bodyOf, messageId, number } from './sqlite-rows.ts'
import { SqliteStatements } from './sqlite-statements.ts'

/** So much of settled segments stays in memory while they are checked (octets). */
const memory = 32 << 20

/** A place in the segments. */
export interface Place {
  readonly segment: number
  readonly start: number
}

/** A body whose octets are not what they must be. */
export interface BadBody extends Place {
  readonly path: string
  readonly hash: Hash
  /** Octets of the body. */
  readonly size: number
  /** Whose octets these are; nobody's, where all such messages were removed. */
  readonly messages: readonly MessageId[]
  readonly why: string
}

/** One of several parts, from 0. */
export interface Share {
  readonly part: number
  readonly of: number
}

/** How bodies are checked. */
export interface BodiesOptions {
  /** What lies before this place was checked already. */
  readonly from?: Place | undefined
  /** So many octets more were read, up to here. Where it returns a promise, it is waited for. */
  readonly onPassed?: ((octets: number, place?: Place) => Promise<void> | undefined) | undefined
  readonly signal?: AbortSignal | undefined
  /** Only one of so many parts of each segment, for several threads together; all of it unless said. */
  readonly share?: Share | undefined
  /** What seemed wrong before that place; it is looked at again. */
  readonly suspects?: readonly Hash[] | undefined
  /** Something seems wrong. */
  readonly onSuspect?: ((hash: Hash) => void) | undefined
}

/** What came of it. */
export interface BodiesReport {
  /** Octets of the bodies. */
  readonly octets: number
  readonly bad: readonly BadBody[]
}

interface Row {
  readonly hash: Hash
  readonly place: BodyPlace
}

/**
 * Reads every body of a user's mail from front to back, and holds it against its SHA-256. It looks into the index for one segment at a
 * time and keeps no transaction open, so that it may take days.
 */
export async function checkBodies(folder: string, user: string, options: BodiesOptions = {}): Promise<BodiesReport> {
  const { from = { segment: 0, start: 0 }, onPassed, signal, share } = options
  const database = openIndex(folder, user)
  const files = new SegmentFiles(memory)
  try {
    const sql = new SqliteStatements(database)
    const index = new SqliteIndex(database)
    const places = new BodyPlaces(() => index, folder)
    const suspects = new Set<Hash>(options.suspects)
    let octets = 0
    let spans = spansFrom(sql, from.segment)
    for (const segment of spans.of.keys()) {
      // The index was made again meanwhile: bodies have other numbers.
      if (schemaOf(sql) !== spans.schema) spans = spansFrom(sql, from.segment)
      const span = spans.of.get(segment)
      if (span === undefined) continue
      const path = segmentPath(folder, segment, index.segmentGeneration(segment))
      const reader = new ForwardReader(path)
      try {
        for (const row of shareOf(rowsOf(sql, span, segment === from.segment ? from.start : 0), share)) {
          signal?.throwIfAborted()
          const right = row.place.piece === undefined ? isWhole(reader, row) : isServed(files, places, row)
          if (!(typeof right === 'boolean' ? right : await right)) {
            suspects.add(row.hash)
            options.onSuspect?.(row.hash)
          }
          octets += row.place.size
          const passed = onPassed?.(row.place.size, row.place)
          if (passed !== undefined) await passed
        }
      } finally {
        await reader.close()
      }
    }
    const bad = await confirm(suspects, index, places)
    // These lie in no part of any segment, so one looks for them for all.
    if ((share?.part ?? 0) === 0) bad.push(...leftBodies(sql, indexPath(folder)))
    return { octets, bad: withOwners(bad, sql) }
  } catch (error) {
    throw indexError(error, indexPath(folder), user)
  } finally {
    await files.close()
    database.close()
  }
}

/** The numbers that the bodies of a segment have: by these they are found without going through all that there are. */
interface Span {
  readonly segment: number
  readonly first: number
  readonly last: number
}

/** The spans of segments, in order; and of which tables. */
interface Spans {
  readonly of: ReadonlyMap<number, Span>
  readonly schema: number
}

function spansFrom(sql: SqliteStatements, from: number): Spans {
  const schema = schemaOf(sql)
  const open = number(sql.get('select segment from state')?.['segment'])
  const columns = 'segment, min(id), max(id)'
  const rows = sql.arrays(
    `select ${columns} from kept_bodies where segment >= ? group by segment order by segment`,
    from,
  )
  const spans = rows.map((row): [number, Span] => {
    const [segment, first, last] = [number(row[0]), number(row[1]), number(row[2])]
    // To what is written now more is added.
    return [segment, { segment, first, last: segment < open ? last : Number.MAX_SAFE_INTEGER }]
  })
  return { of: new Map(spans), schema }
}

/** Another number where tables were made since. */
function schemaOf(sql: SqliteStatements): number {
  return number(sql.get('pragma schema_version')?.['schema_version'])
}

/** The bodies of a segment, in the order in which they lie. */
function rowsOf(sql: SqliteStatements, { segment, first, last }: Span, start: number): Row[] {
  const columns = `lower(hex(hash)), segment, start, size, at, length, coded,
    (select generation from generations g where g.segment = b.segment)`
  const where = 'id between ? and ? and segment = ? and start >= ?'
  return sql
    .arrays(`select ${columns} from kept_bodies b where ${where} order by start, at`, first, last, segment, start)
    .map(bodyOf)
}

/** Each a stretch, so that it reads on; what begins at one place, as all of a run does, is not parted. */
function shareOf(rows: Row[], share: Share | undefined): Row[] {
  if (share === undefined) return rows
  const from = (part: number): number => {
    const near = Math.floor((rows.length * part) / share.of)
    const start = rows[near]?.place.start
    return start === undefined ? rows.length : rows.findIndex(({ place }) => place.start === start)
  }
  return rows.slice(from(share.part), share.part + 1 === share.of ? rows.length : from(share.part + 1))
}

/** What seems wrong is looked at once more as it would be served: meanwhile it may have been repaired, removed or settled. */
async function confirm(suspects: ReadonlySet<Hash>, index: SqliteIndex, places: BodyPlaces): Promise<BadBody[]> {
  const bad: BadBody[] = []
  const files = new SegmentFiles(memory)
  places.forget()
  try {
    for (const hash of suspects) {
      const place = index.body(hash)
      if (place === undefined) continue
      const { path, why } = await faultOf(files, places, { hash, place })
      const { segment, start, size } = place
      if (why !== undefined) bad.push({ segment, start, path, hash, size, messages: [], why })
    }
  } finally {
    await files.close()
  }
  return bad
}

/** The bodies of messages that by the index have left: no message should have such. */
function leftBodies(sql: SqliteStatements, path: string): BadBody[] {
  const where = `segment = ${leftSegment} and id in (select body from messages)`
  const why = 'the index does not say where the octets of this message are'
  return sql
    .arrays(`select lower(hex(hash)), segment, start, size, at, length, coded, null from kept_bodies where ${where}`)
    .map(bodyOf)
    .map(({ hash, place: { segment, start, size } }) => ({ segment, start, path, hash, size, messages: [], why }))
}

function withOwners(bad: readonly BadBody[], sql: SqliteStatements): BadBody[] {
  const owners = ownersOf(bad, sql)
  return bad.map((one) => ({ ...one, messages: owners.get(one.hash) ?? [] }))
}

/** The messages of bodies; all looked up together, for messages are not found by their bodies otherwise. */
function ownersOf(bad: readonly BadBody[], sql: SqliteStatements): Map<Hash, MessageId[]> {
  const owners = new Map<Hash, MessageId[]>()
  if (bad.length === 0) return owners
  const rows = sql.arrays(
    `select m.id, lower(hex(b.hash)) from messages m join kept_bodies b on b.id = m.body
     where b.hash in (select unhex(value) from json_each(?)) order by m.id`,
    JSON.stringify(bad.map(({ hash }) => hash)),
  )
  for (const row of rows) {
    const hash = String(row[1]) as Hash
    owners.set(hash, [...(owners.get(hash) ?? []), messageId(row)])
  }
  return owners
}

async function isServed(files: SegmentFiles, places: BodyPlaces, row: Row): Promise<boolean> {
  return (await faultOf(files, places, row)).why === undefined
}

/** What whoever reads the body is told, and of which file; undefined: nothing. */
async function faultOf(
  files: SegmentFiles,
  places: BodyPlaces,
  { hash, place }: Row,
): Promise<{ readonly path: string; readonly why: string | undefined }> {
  const body = places.bodyAt(place, hash)
  // Settled meanwhile: it is looked at where it is then.
  if (body === undefined) return { path: '', why: 'the index does not say where its octets are' }
  const { path } = body
  try {
    // What is settled is proved whenever it is made again; of what lies as it came, what was proved earlier does not count.
    if (body.settled !== undefined) await lendBody(files, body, () => undefined)
    else for await (const _ of readBody(files, body));
    return { path, why: undefined }
  } catch (error) {
    if (error instanceof StoreError) return { path, why: error.message }
    throw error
  }
}

/** Whether a body lies in a segment as it was written there. */
function isWhole(reader: ForwardReader, { hash, place }: Row): boolean | Promise<boolean> {
  if (place.size > blockSize) return isWholeLarge(reader, { hash, place })
  const taken = reader.take(place.start, frameLength(place.size))
  const isRight = (frame: Buffer): boolean =>
    frame.length === frameLength(place.size) &&
    isFrameHead(frame, place.size) &&
    frame.readUIntLE(frameHead, blockHead) === blockHeadValue(place.size, true) &&
    digestOf('sha256', frame.subarray(frameHead + blockHead)) === hash
  return taken instanceof Promise ? taken.then(isRight, () => false) : isRight(taken)
}

async function isWholeLarge(reader: ForwardReader, { hash, place }: Row): Promise<boolean> {
  try {
    const head = await reader.take(place.start, frameHead)
    if (head.length < frameHead || !isFrameHead(head, place.size)) return false
    const running = createHash('sha256')
    for (const { at, size, last } of bodyBlocks(place)) {
      const taken = reader.take(at, blockHead + size)
      const block = taken instanceof Promise ? await taken : taken
      if (block.length < blockHead + size || block.readUIntLE(0, blockHead) !== blockHeadValue(size, last)) return false
      running.update(block.subarray(blockHead))
    }
    return running.digest('hex') === hash
  } catch (error) {
    // That it cannot be read is told when it is looked at once more.
    if (error instanceof StoreError) return false
    throw error
  }
}
