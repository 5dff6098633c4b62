/** The version of `index.sqlite`, kept in its `user_version`; `migrations` lead from each to the next. */
export const schemaVersion = 5

const addedInVersion2 = `
create index messages_trashed on messages (trashed) where trashed is not null;
create index messages_surrogate on messages (id, surrogate) where surrogate is not null;

create table devices (
  id integer primary key,
  name text not null unique,
  since integer not null,        -- the first message it sees
  created integer not null
) strict;

create table device_hidden (
  message integer not null,
  device integer not null,
  primary key (message, device)
) strict, without rowid;
`

/** Legal holds: what is held is never removed. */
const holds = `
create table holds (
  id integer primary key,
  mailbox text,                  -- all that is, or comes, into this mailbox or one below it
  accounts text,                 -- all that came, or comes, by one of these names in the ledger (JSON)
  message integer,               -- this one; all three null: all the mail
  why text not null,
  placed_by text not null,
  placed integer not null,
  note text,                     -- null: it is in force
  released_by text,
  released integer
) strict;

create table held (
  message integer not null,
  hold integer not null,
  primary key (message, hold)
) strict, without rowid;
`

const addedInVersion4 = `
-- Which file of a segment counts, where it was settled; the others are as they were written.
create table generations (
  segment integer primary key,
  generation integer not null
) strict;

-- What was compressed together in a settled segment.
create table runs (
  segment integer not null,
  start integer not null,        -- where its first frame begins
  size integer not null,         -- octets of its content
  lengths blob not null,         -- octets of its frames in the segment, 32 bits each, little-endian
  primary key (segment, start)
) strict, without rowid;

-- Attachments that are kept once, decoded.
create table parts (
  hash blob primary key,
  segment integer not null,
  start integer not null,        -- of its run
  at integer not null,           -- where it begins in the run's content
  length integer not null
) strict, without rowid;

create table body_parts (
  body integer not null,
  part blob not null,
  primary key (body, part)
) strict, without rowid;
create index body_parts_by_part on body_parts (part);
${holds}`

/** Not called `bodies` as it was until version 4: whatever an older Postino that runs on would do to a body fails as a whole. */
const bodies = `
create table kept_bodies (
  id integer primary key,        -- never given twice
  hash blob not null,            -- SHA-256
  segment integer not null,      -- -1: the octets have left, or never were here; the ledger knows them
  start integer not null,        -- where its zstd frame, or its run, begins
  size integer not null,
  at integer,                    -- where its piece begins in the run's content; null: it lies as it came
  length integer,                -- octets of the piece
  coded integer                  -- 1: the piece is a recipe, 0: it is the octets
) strict;
`

/** The ledger; `ledger` is how one reads it. */
const ways = `
create table accounts (
  id integer primary key,
  name text not null unique
) strict;

create table ways (
  account integer not null,
  unique_id text not null,
  body integer not null,         -- whose octets came by it
  nth integer not null,
  listed integer,
  size integer not null,
  stored integer not null,
  message integer not null,      -- may be gone, 0: never was here; the row stays
  head text,                     -- names the header; null where an earlier Postino wrote none down
  primary key (account, unique_id, body, nth)
) strict, without rowid;
`

const changedInVersion5 = `
drop view if exists ledger;
create view ledger as
  select a.name as account, w.unique_id, b.hash, w.nth, w.listed, w.size, w.stored, w.message, w.head, w.body
  from ways w join accounts a on a.id = w.account left join kept_bodies b on b.id = w.body;
-- Some octets of what is looked for make an index half as large; who looks compares the rest.
create index bodies_by_hash on kept_bodies (substr(hash, 1, 6));
create index messages_by_unique_id on messages (substr(unique_id, 5, 2) || substr(unique_id, -5));
`

/**
 * One user's index. Everything in it can be made again from the segments. Times are milliseconds since 1970; `form` is a sum of
 * `maildropForm`.
 */
export const schema: string = `
create table state (
  one integer primary key check (one = 1),
  seal integer not null,         -- a random number in each record of the segments
  segment integer not null,      -- the segment that is written now
  tail integer not null,         -- up to here it is committed (octets)
  modseq integer not null,
  next_message integer not null,
  quota integer                  -- octets that may be kept; null: any
) strict;
insert into state values (1, abs(random()) % 4294967296, 0, 0, 0, 1, null);

create table mailboxes (
  id integer primary key,
  name text not null unique,
  uid_validity integer not null,
  uid_next integer not null,
  messages integer not null,
  octets integer not null        -- of all its messages
) strict;

${bodies}
create table messages (
  id integer primary key,
  mailbox integer not null,
  uid integer not null,
  modseq integer not null,
  added integer not null,        -- the modseq at which it was added
  unique_id text not null,
  size integer not null,
  octets integer not null,
  form integer not null,
  received integer not null,
  flags text not null,           -- space-separated
  hidden integer not null,
  body integer not null,
  stored integer not null,
  crc integer,                   -- CRC-32 of the octets; null where an earlier Postino wrote none down
  trashed integer,               -- when it was put into the trash
  surrogate integer,             -- octets of what an old client gets in its place; null where that is the message
  trashed_from integer           -- the mailbox that it was in before
) strict;
create unique index messages_by_uid on messages (mailbox, uid);
create index messages_by_modseq on messages (modseq);

create table removed (
  id integer primary key,
  modseq integer not null
) strict;
create index removed_by_modseq on removed (modseq);

create table troubles (
  account text not null,
  unique_id text not null,
  attempts integer not null,
  why text not null,
  next integer not null,
  primary key (account, unique_id)
) strict, without rowid;
${ways}${addedInVersion2}${addedInVersion4}${changedInVersion5}
pragma user_version = ${schemaVersion};
`

/** What leads from version 1 to 2, from 2 to 3 …; each runs in a transaction, and sets the version last. */
export const migrations: readonly string[] = [
  // 0 for CRLF and 1 for LF were the first two of `form`. What the ledger does not know was stored when it was received, or later.
  `alter table messages rename column line_ends to form;
   alter table messages add column stored integer not null default 0;
   alter table messages add column crc integer;
   alter table messages add column trashed integer;
   alter table messages add column surrogate integer;
   update messages set stored = received;
   update messages set stored = ledger.stored from ledger where ledger.message = messages.id;
   ${addedInVersion2}
   pragma user_version = 2;`,
  `alter table ledger add column head text;
   pragma user_version = 3;`,
  `alter table bodies add column at integer;
   alter table bodies add column length integer;
   alter table bodies add column coded integer;
   ${addedInVersion4}
   create index bodies_by_segment on bodies (segment);
   -- Until then only POP3 put anything into the trash, and only out of INBOX.
   alter table messages add column trashed_from integer;
   update messages set trashed_from = 1 where trashed is not null;
   alter table mailboxes add column octets integer not null default 0;
   update mailboxes set octets = (select coalesce(sum(m.octets), 0) from messages m where m.mailbox = mailboxes.id);
   alter table state add column quota integer;
   pragma user_version = 4;`,
  // What the ledger knows by its hash gets a row in bodies, so that the hash stands there alone.
  `insert into bodies (hash, segment, start, size)
     select hash, -1, 0, max(size) from ledger where hash not in (select hash from bodies) group by hash;
   ${ways}
   insert into accounts (name) select distinct account from ledger order by 1;
   insert into ways
     select a.id, l.unique_id, b.id, l.nth, l.listed, l.size, l.stored, l.message, l.head
     from ledger l join accounts a on a.name = l.account join bodies b on b.hash = l.hash order by 1, 2, 3, 4;
   drop table ledger;
   ${bodies}
   insert into kept_bodies select id, hash, segment, start, size, at, length, coded from bodies order by id;
   drop table bodies;
   drop index messages_by_unique_id;
   ${changedInVersion5}
   pragma user_version = 5;`,
]
