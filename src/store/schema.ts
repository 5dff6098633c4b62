/** The version of `index.sqlite`, kept in its `user_version`; `migrations` (none yet) lead from each to the next. */
export const schemaVersion = 1

/**
 * One user's index. Everything in it can be made again from the segments. Times are milliseconds since 1970; `line_ends` is
 * 0 for CRLF, 1 for LF.
 */
export const schema: string = `
create table state (
  one integer primary key check (one = 1),
  seal integer not null,         -- a random number in each record of the segments
  segment integer not null,      -- the segment that is written now
  tail integer not null,         -- up to here it is committed (octets)
  modseq integer not null,
  next_message integer not null
) strict;
insert into state values (1, abs(random()) % 4294967296, 0, 0, 0, 1);

create table mailboxes (
  id integer primary key,
  name text not null unique,
  uid_validity integer not null,
  uid_next integer not null,
  messages integer not null
) strict;

create table bodies (
  id integer primary key,
  hash blob not null unique,
  segment integer not null,
  start integer not null,        -- where its zstd frame begins
  size integer not null
) strict;

create table messages (
  id integer primary key,
  mailbox integer not null,
  uid integer not null,
  modseq integer not null,
  added integer not null,        -- the modseq at which it was added
  unique_id text not null,
  size integer not null,
  octets integer not null,
  line_ends integer not null,
  received integer not null,
  flags text not null,           -- space-separated
  hidden integer not null,
  body integer not null
) strict;
create unique index messages_by_uid on messages (mailbox, uid);
create index messages_by_modseq on messages (modseq);
create index messages_by_unique_id on messages (unique_id);

create table removed (
  id integer primary key,
  modseq integer not null
) strict;
create index removed_by_modseq on removed (modseq);

create table ledger (
  account text not null,
  unique_id text not null,
  hash blob not null,
  nth integer not null,
  listed integer,
  size integer not null,
  stored integer not null,
  message integer not null,      -- may be gone: the row stays
  primary key (account, unique_id, hash, nth)
) strict, without rowid;

create table troubles (
  account text not null,
  unique_id text not null,
  attempts integer not null,
  why text not null,
  next integer not null,
  primary key (account, unique_id)
) strict, without rowid;

pragma user_version = ${schemaVersion};
`
