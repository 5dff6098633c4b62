import { existsSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { diskError } from '../disk-errors.ts'
import { openIndex } from '../store/index-file.ts'
import { form, searchPath, versionOf } from './database.ts'

/** How long it may wait for another process (milliseconds). */
const patience = 10_000

/**
 * What is wrong with the search index of the mail in a folder: itself, or what it has of the mail up to where it has read. One that is
 * not there, or of another form, is made anew by whoever needs it, so nothing is wrong with that.
 */
export function searchFaults(folder: string, user: string): string[] {
  const path = searchPath(folder)
  if (!existsSync(path)) return []
  try {
    const search = new DatabaseSync(path, { timeout: patience })
    try {
      if (versionOf(search) !== form) return []
      const broken = search
        .prepare('pragma integrity_check(5)')
        .all()
        .map((row) => String(row['integrity_check']))
        .filter((line) => line !== 'ok')
      return broken.length > 0 ? broken : differences(search, folder, user)
    } finally {
      search.close()
    }
  } catch (error) {
    return [diskError(error, path).message]
  }
}

/** What is indexed must be what is stored. The search index is looked at first: what the mail knows of later is left out. */
function differences(search: DatabaseSync, folder: string, user: string): string[] {
  search.exec('begin')
  const modseq = numberOf(search.prepare('select modseq as n from state').get())
  const indexed = idsOf(search, 'select id from messages order by id')
  let ours = indexed.next()
  const mail = openIndex(folder, user)
  try {
    mail.exec('begin')
    if (numberOf(mail.prepare('select modseq as n from state').get()) < modseq)
      return ['it is of later mail than this: the mail was put back from a copy']
    const missing: number[] = []
    const strange: number[] = []
    const wasThere = mail.prepare('select 1 from removed where id = ? and modseq > ?')
    const isStrange = (id: number): boolean => wasThere.get(id, modseq) === undefined
    const stored = mail.prepare('select id, added from messages order by id')
    stored.setReturnArrays(true)
    for (const row of stored.iterate() as unknown as Iterable<readonly number[]>) {
      const [id = 0, added = 0] = row
      for (; ours.done !== true && ours.value < id; ours = indexed.next())
        if (isStrange(ours.value)) strange.push(ours.value)
      if (ours.done !== true && ours.value === id) ours = indexed.next()
      else if (added <= modseq) missing.push(id)
    }
    for (; ours.done !== true; ours = indexed.next()) if (isStrange(ours.value)) strange.push(ours.value)
    return [...told(missing, 'not in it'), ...told(strange, 'in it, but not in the mail')]
  } finally {
    mail.close()
  }
}

function told(ids: readonly number[], what: string): string[] {
  const [first, ...more] = ids
  if (first === undefined) return []
  return [
    more.length === 0 ? `message ${first} is ${what}` : `${ids.length} messages are ${what}, the first is ${first}`,
  ]
}

function* idsOf(database: DatabaseSync, sql: string): Generator<number> {
  for (const row of database.prepare(sql).iterate()) yield numberOf({ n: row['id'] })
}

function numberOf(row: Readonly<Record<string, unknown>> | undefined): number {
  return Number(row?.['n'])
}
