import { rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { diskError } from '../disk-errors.ts'

/** The form of `search.sqlite`, kept in its `user_version`. A file of any other form is made anew: it is only derived. */
export const form = 2

/** How long one call may wait for another process that is writing (milliseconds). */
const patience = 10_000

/** Times are milliseconds since 1970. `text` keeps no text: what is shown is read from the message again. */
const schema = `
create table state (
  one integer primary key check (one = 1),
  modseq integer not null,          -- up to here the journal is read
  anchor integer,                   -- a message that was indexed, and its unique-id: is this still the same mail?
  anchor_unique_id text,
  messages integer not null         -- how many there are: to count them takes long where there are a million
) strict;
insert into state values (1, 0, null, null, 0);

create table messages (
  id integer primary key,           -- the store's, and the row of text
  mailbox integer not null,
  flags integer not null,           -- bits of stateBits
  date integer not null,            -- of the Date field, where it can be believed; else when it was received
  octets integer not null,          -- on the wire
  attachment integer not null,
  list integer not null,            -- 0: of no mailing list
  problem text                      -- why its text could not be read
) strict;
-- Who walks through it by date needs nothing else of a message to know whether it matches.
create index messages_by_date on messages (date, id, mailbox, flags, octets, attachment, list);
create index messages_with_problem on messages (id) where problem is not null;

-- What is shown of a message, and its ids for the threads (see idsBlob). Apart, so that the table above stays small.
create table heads (
  id integer primary key,
  subject text not null,
  sender text not null,
  ids blob not null
) strict;

-- Each List-Id once, as it is written, and its words.
create table lists (
  id integer primary key,
  name text not null unique
) strict;
create virtual table list_words using fts5(
  name, content = '', columnsize = 0, tokenize = 'unicode61 remove_diacritics 2'
);

-- Which messages name an id, or have a base subject (see threadTokens). Of messages that are gone it keeps the hashes.
create virtual table thread_tokens using fts5(
  tokens, content = '', columnsize = 0, detail = none, tokenize = 'ascii'
);

create virtual table text using fts5(
  subject, sender, recipients, body, attachments,
  content = '', contentless_delete = 1, tokenize = 'unicode61 remove_diacritics 2'
);
insert into text (text, rank) values ('hashsize', 16777216);
-- Merged less often, what was merged leaves less room behind that stands empty.
insert into text (text, rank) values ('automerge', 8);
pragma user_version = ${form};
`

/** An open `search.sqlite`, and, where it had to be made anew, why. */
export interface SearchFile {
  readonly database: DatabaseSync
  readonly inode: bigint
  readonly remade: string | undefined
}

/** Opens `search.sqlite`, made if it is not there, made anew if it is damaged or of another form. */
export function openSearchFile(path: string): SearchFile {
  const found = attempt(path)
  if (typeof found !== 'string') return found
  removeSearchFile(path)
  const made = attempt(path)
  if (typeof made === 'string') throw diskError(new Error(made), path)
  return { ...made, remade: found }
}

/** Closes a damaged file and makes it anew, unless another process has already done so. */
export function remakeSearchFile(path: string, file: SearchFile): SearchFile {
  file.database.close()
  if (inodeOf(path) === file.inode) removeSearchFile(path)
  return openSearchFile(path)
}

/** Takes everything out of the index. Other processes may have the file open. */
export function emptySearchFile({ database }: SearchFile): void {
  database.exec('begin immediate')
  try {
    database.exec('drop table text; drop table thread_tokens; drop table list_words; drop table lists')
    database.exec('drop table heads; drop table messages; drop table state')
    database.exec(schema)
    database.exec('commit')
  } finally {
    if (database.isTransaction) database.exec('rollback')
  }
}

/** Where the search index of a user's folder is. */
export function searchPath(folder: string): string {
  return join(folder, 'search.sqlite')
}

/** Names the file by more than its path: removed and made again, it is another. */
export function inodeOf(path: string): bigint {
  return statSync(path, { bigint: true, throwIfNoEntry: false })?.ino ?? 0n
}

/** The open file, or why it must be made anew. */
function attempt(path: string): SearchFile | string {
  let database: DatabaseSync | undefined
  try {
    database = new DatabaseSync(path, { timeout: patience })
    // What a power failure takes is read from the journal again.
    database.exec('pragma journal_mode = wal; pragma synchronous = normal; pragma temp_store = memory')
    const version = versionOf(database)
    if (version === 0 && isEmpty(database)) create(database)
    else if (version !== form) {
      database.close()
      return `it was written in another form (${version}) by another version of Postino`
    }
    database.prepare('select modseq from state').get()
    database.prepare('select rowid from text where text match ? limit 1').get('"a"')
    return { database, inode: inodeOf(path), remade: undefined }
  } catch (error) {
    database?.close()
    const found = diskError(error, path)
    if (found.code === 'damaged' || isOurs(error)) return 'it was damaged'
    throw found
  }
}

/** SQLITE_ERROR: a table is not there, or is another. */
function isOurs(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && error.errcode === 1
}

export function versionOf(database: DatabaseSync): number {
  return Number(database.prepare('pragma user_version').get()?.['user_version'])
}

function isEmpty(database: DatabaseSync): boolean {
  return database.prepare('select 1 from sqlite_schema limit 1').get() === undefined
}

function create(database: DatabaseSync): void {
  database.exec('begin immediate')
  // Another process may have been first.
  if (versionOf(database) === 0) database.exec(schema)
  database.exec('commit')
}

/** Removes the file, and what belongs to it. Who has it open finds out (see `inodeOf`). */
export function removeSearchFile(path: string): void {
  for (const file of [path, `${path}-wal`, `${path}-shm`]) {
    try {
      rmSync(file, { force: true })
    } catch (error) {
      throw diskError(error, file)
    }
  }
}
