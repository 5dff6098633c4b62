import { renameSync } from 'node:fs'
import { diskError } from '../disk-errors.ts'
import { type SegmentFile, segmentFiles, segmentPath, segmentsFolder, sizeOf, syncFolder } from './layout.ts'
import { decodeRecords, recordHead, recordLength, type Seal } from './record-frame.ts'
import { type Damage, replay, type ReplayOptions } from './replay.ts'
import type { SegmentFiles } from './segment-files.ts'
import type { SqliteIndex } from './sqlite-index.ts'

/**
 * `replay` for whoever wants all there is: it goes on behind a segment whose file is missing, and says so. Messages whose octets are nowhere at the
 * end leave: until then they may come further on, where they were repaired.
 */
export async function replayAll(
  index: SqliteIndex,
  files: SegmentFiles,
  folder: string,
  options: ReplayOptions & Required<Pick<ReplayOptions, 'lenient'>>,
): Promise<void> {
  const { until, lenient } = options
  const numbers = segmentFiles(folder).map(({ segment }) => segment)
  const last = until?.segment ?? Math.max(0, ...numbers)
  for (;;) {
    await replay(index, files, folder, options)
    if (index.segment >= last) break
    const next = numbers.find((number) => number > index.segment && number <= last)
    for (let missing = index.segment + 1; missing < (next ?? last + 1); missing++)
      lenient({ path: segmentPath(folder, missing), offset: 0, what: 'the file is missing' })
    if (next === undefined) break
    // From one that has nothing, `replay` comes to the next.
    index.segment = next - 1
    index.tail = 0
  }
  for (const id of index.dropPlaceless())
    lenient({ path: folder, offset: 0, what: `message ${id} has its octets in a place that is damaged` })
}

/** Segments whose first record says that they are others than their name. */
export async function misplacedSegments(folder: string, files: SegmentFiles, seal: Seal): Promise<Damage[]> {
  return (await misplaced(folder, files, seal)).map(({ path, number }) => ({
    path,
    offset: 0,
    what: `this is segment ${number}, under the name of another`,
  }))
}

/**
 * Gives such files the names that they say; where another file has that name rightly, it is kept aside. Gives what was done, for a
 * person.
 */
export async function putInPlace(folder: string, files: SegmentFiles, seal: Seal): Promise<string[]> {
  const wrong = await misplaced(folder, files, seal)
  if (wrong.length === 0) return []
  await files.close(folder)
  const done: string[] = []
  try {
    for (const { path } of wrong) renameSync(path, `${path}.misplaced`)
    for (const { path, number, generation } of wrong) {
      const right = segmentPath(folder, number, generation)
      if (sizeOf(right) === undefined) {
        renameSync(`${path}.misplaced`, right)
        done.push(`${path} is segment ${number}: it is ${right} now`)
      } else done.push(`${path} is segment ${number}, which is there already: it is kept as ${path}.misplaced`)
    }
    await syncFolder(segmentsFolder(folder))
  } catch (error) {
    throw diskError(error, folder)
  }
  return done
}

async function misplaced(
  folder: string,
  files: SegmentFiles,
  seal: Seal,
): Promise<(SegmentFile & { readonly number: number })[]> {
  const wrong: (SegmentFile & { readonly number: number })[] = []
  for (const file of segmentFiles(folder)) {
    const number = await numberOf(file.path, files, seal)
    if (number !== undefined && number !== file.segment) wrong.push({ ...file, number })
  }
  return wrong
}

/** Which segment a file says that it is; undefined where its first record cannot be read. */
async function numberOf(path: string, files: SegmentFiles, seal: Seal): Promise<number | undefined> {
  const head = await files.readAfresh(path, 0, recordHead)
  const length = recordLength(head)
  if (length === undefined) return undefined
  const frame = await files.readAfresh(path, 0, length)
  const [first] = (frame.length === length ? decodeRecords(frame, seal) : undefined) ?? []
  return first?.t === 'segment' ? first.number : undefined
}
