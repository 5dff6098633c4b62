import { argon2, randomBytes, timingSafeEqual } from 'node:crypto'
import { isProhibited, prepared } from '../sasl/prepare.ts'

/** What argon2 is asked to spend. */
interface Cost {
  /** KiB. */
  readonly memory: number
  readonly passes: number
  readonly parallelism: number
}

// OWASP Password Storage Cheat Sheet: argon2id with 19 MiB, 2 passes, 1 lane is the least to use.
const today: Cost = { memory: 19_456, passes: 2, parallelism: 1 }
const tagLength = 32

/** The stored form of a password: argon2id of what SASLprep makes of it (RFC 6856 §2.2), as a PHC string. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(16)
  const tag = await derive(prepared(password), salt, tagLength, today)
  const cost = `m=${today.memory},t=${today.passes},p=${today.parallelism}`
  return `$argon2id$v=19$${cost}$${unpadded(salt)}$${unpadded(tag)}`
}

/**
 * Whether the password is the one that `stored` was made from, as it was typed (so were those of before) or prepared. Where nothing is
 * stored it is false, and takes as long: the time of an answer does not tell which users there are.
 */
export async function verifyPassword(password: string, stored: string | undefined): Promise<boolean> {
  if (await isStored(password, stored)) return true
  const alike = prepared(password)
  return alike !== password && (await isStored(alike, stored))
}

async function isStored(password: string, stored: string | undefined): Promise<boolean> {
  const parsed = stored === undefined ? undefined : parse(stored)
  const { salt, tag, cost } = parsed ?? nobody
  const derived = await derive(password, salt, tag.length, cost)
  return timingSafeEqual(derived, tag) && parsed !== undefined
}

/** Why a password cannot be taken, or undefined when it can. */
export function passwordFault(password: string): string | undefined {
  if (prepared(password) === '') return 'it is empty'
  // RFC 2449 §4: a command is at most 255 octets, CRLF included, and "PASS " takes five of them.
  if (Buffer.byteLength(password) > 240) return 'it is longer than 240 octets, which no mail program could send'
  if (isProhibited(password))
    return 'it has a control character in it, or another with which no log-in is let through (RFC 4013 §2.3)'
  return undefined
}

interface Parsed {
  readonly salt: Uint8Array
  readonly tag: Uint8Array
  readonly cost: Cost
}

const nobody: Parsed = { salt: new Uint8Array(16), tag: new Uint8Array(tagLength), cost: today }

function parse(stored: string): Parsed | undefined {
  const form = /^\$argon2id\$v=19\$m=(\d{1,7}),t=(\d{1,3}),p=(\d{1,2})\$([A-Za-z0-9+/]{11,86})\$([A-Za-z0-9+/]{22,86})$/
  const [, memory, passes, parallelism, salt = '', tag = ''] = form.exec(stored) ?? []
  if (memory === undefined) return undefined
  return {
    salt: Buffer.from(salt, 'base64'),
    tag: Buffer.from(tag, 'base64'),
    cost: { memory: Number(memory), passes: Number(passes), parallelism: Number(parallelism) },
  }
}

function derive(message: string, nonce: Uint8Array, length: number, cost: Cost): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    argon2('argon2id', { message, nonce, tagLength: length, ...cost }, (error, tag) => {
      if (error) reject(error)
      else resolve(tag)
    })
  })
}

function unpadded(octets: Uint8Array): string {
  return Buffer.from(octets).toString('base64').replaceAll('=', '')
}
