import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { givenMessages } from './given.ts'
import { bigMessage, generateMessages } from '../test/corpus/generate.ts'
import { Random } from '../test/corpus/generate-random.ts'
import type { Dovecot } from '../test/peers/dovecot.ts'

export type CorpusName =
  | 'realistic'
  | 'realistic-text'
  | 'realistic-thousand'
  | 'realistic-serve'
  | 'small'
  | 'small-two-thousand'
  | 'small-two-hundred'
  | 'twenty'
  | 'hundred-thousand'
  | 'big10'
  | 'big100'
  | 'big300'
  | 'sessions'
  | 'eight'
  | 'listing'
  | 'idle'
  | 'given'

interface Plan {
  readonly profile: 'realistic' | 'small' | 'big'
  readonly count: number
  readonly seed: number
  /** How many users have it; their names are numbered from 1. Default: one, of the corpus's name. */
  readonly users?: number
  /** Those with attachments are passed over. */
  readonly textOnly?: boolean
}

const plans: Readonly<Record<Exclude<CorpusName, 'given'>, Plan>> = {
  realistic: { profile: 'realistic', count: 10_000, seed: 1 },
  'realistic-text': { profile: 'realistic', count: 10_000, seed: 1, textOnly: true },
  'realistic-thousand': { profile: 'realistic', count: 1000, seed: 1 },
  'realistic-serve': { profile: 'realistic', count: 2000, seed: 2 },
  small: { profile: 'small', count: 20_000, seed: 3 },
  'small-two-thousand': { profile: 'small', count: 2000, seed: 3 },
  'small-two-hundred': { profile: 'small', count: 200, seed: 3 },
  twenty: { profile: 'small', count: 200, seed: 9, users: 20 },
  'hundred-thousand': { profile: 'small', count: 100_000, seed: 10 },
  big10: { profile: 'big', count: 10_000_000, seed: 4 },
  big100: { profile: 'big', count: 100_000_000, seed: 4 },
  big300: { profile: 'big', count: 300_000_000, seed: 4 },
  sessions: { profile: 'small', count: 100, seed: 5, users: 64 },
  eight: { profile: 'realistic', count: 500, seed: 6, users: 8 },
  listing: { profile: 'small', count: 20_000, seed: 7 },
  idle: { profile: 'small', count: 20, seed: 8, users: 1000 },
}

/** A corpus that is in Dovecot's Maildirs of those who have it. */
export interface PreparedCorpus {
  /** The first, or only, of the users. */
  readonly user: string
  /** Of each user. */
  readonly messages: number
  readonly octets: number
  /** As `octets`, were every CRLF an LF. */
  readonly lineFeedOctets: number
  /** As `octets`, with the dots that the wire adds (RFC 1939 §3); of mail that has CRLFs. */
  readonly stuffedOctets: number
}

export const password = 'bench'

/** Every user of the benchmark's Dovecot, with the password. */
export function users(): Record<string, string> {
  const names = ([...Object.keys(plans), 'given'] as CorpusName[]).flatMap(usersOf)
  return Object.fromEntries(names.map((name) => [name, password]))
}

/** Who has a corpus. */
export function usersOf(corpus: CorpusName): string[] {
  const { users: count } = corpus === 'given' ? {} : plans[corpus]
  return count === undefined ? [corpus] : Array.from({ length: count }, (_, index) => `${corpus}${index + 1}`)
}

/** Puts a corpus into Dovecot, unless it is there from before. `scale` shrinks it: 0.1 is a tenth. */
export function prepareCorpus(dovecot: Dovecot, work: string, name: keyof typeof plans, scale: number): PreparedCorpus {
  const plan = plans[name]
  const count = plan.profile === 'big' ? plan.count : Math.max(20, Math.round(plan.count * scale))
  // The version of the generator is part of it: when that changes, so must this number.
  const key = JSON.stringify({ ...plan, count, generator: 1 })
  const kept = keptCorpus(dovecot, work, name, key)
  if (kept !== undefined) return kept
  const [user = name, ...others] = usersOf(name)
  for (const one of [user, ...others]) rmSync(dovecot.maildir(one), { recursive: true, force: true })
  const tally = { messages: 0, octets: 0, lineFeedOctets: 0, stuffedOctets: 0 }
  dovecot.fill(user, counted(messages(plan, count), tally))
  // The others have the same files under more names.
  for (const other of others) execFileSync('cp', ['-al', dovecot.maildir(user), dovecot.maildir(other)])
  return keepCorpus(work, name, { key, user, ...tally })
}

/** The same for a folder of real mail. */
export async function prepareGiven(
  dovecot: Dovecot,
  work: string,
  folder: string | undefined,
): Promise<PreparedCorpus> {
  if (folder === undefined) throw new Error('say where the mail is: --corpus DIR')
  const user = 'given'
  const key = JSON.stringify({ folder, changed: statSync(folder).mtimeMs })
  const kept = keptCorpus(dovecot, work, user, key)
  if (kept !== undefined) return kept
  rmSync(dovecot.maildir(user), { recursive: true, force: true })
  const tally = { messages: 0, octets: 0, lineFeedOctets: 0, stuffedOctets: 0 }
  for await (const messages of givenMessages(folder)) dovecot.fill(user, counted(messages, tally))
  return keepCorpus(work, user, { key, user, ...tally })
}

type KeptCorpus = PreparedCorpus & { readonly key: string }

function keptCorpus(dovecot: Dovecot, work: string, name: CorpusName, key: string): PreparedCorpus | undefined {
  const record = join(work, 'corpora', `${name}.json`)
  if (!existsSync(record)) return undefined
  const kept = JSON.parse(readFileSync(record, 'utf8')) as KeptCorpus
  return kept.key === key && dovecot.tally(kept.user).messages === kept.messages ? kept : undefined
}

function keepCorpus(work: string, name: CorpusName, prepared: KeptCorpus): PreparedCorpus {
  mkdirSync(join(work, 'corpora'), { recursive: true })
  writeFileSync(join(work, 'corpora', `${name}.json`), JSON.stringify(prepared))
  return prepared
}

function* messages(plan: Plan, count: number): Generator<Uint8Array> {
  if (plan.profile !== 'big') {
    for (const message of generateMessages({ seed: plan.seed, count, profile: plan.profile }))
      if (plan.textOnly !== true || !Buffer.from(message.buffer, message.byteOffset, message.length).includes(attached))
        yield message
    return
  }
  yield bigMessage(new Random(plan.seed), { seed: plan.seed, index: 0, date: 1_704_067_200_000 }, count)
}

const attached = 'Content-Disposition: attachment'

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] }

function* counted(source: Iterable<Uint8Array>, tally: Mutable<Omit<PreparedCorpus, 'user'>>): Generator<Uint8Array> {
  for (const message of source) {
    const octets = Buffer.from(message.buffer, message.byteOffset, message.byteLength)
    tally.messages++
    tally.octets += octets.length
    tally.lineFeedOctets += octets.length - countOf(octets, '\r\n')
    tally.stuffedOctets += octets.length + countOf(octets, '\n.') + (octets[0] === 0x2e ? 1 : 0)
    yield message
  }
}

function countOf(octets: Buffer, needle: string): number {
  let count = 0
  for (let at = octets.indexOf(needle); at >= 0; at = octets.indexOf(needle, at + 1)) count++
  return count
}
