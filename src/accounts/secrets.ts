import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import {
  closeSync,
  fstatSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { StoreError } from '../errors.ts'
import { storeErrorOf } from './database.ts'

const keyOctets = 32
const nonceOctets = 12
const tagOctets = 16
/** The form of what `seal` gives: this octet, the nonce, the tag, the ciphertext. */
const form = 1

/**
 * Keeps secrets that must be had back: AES-256-GCM under DATA/secret.key, each bound to its owner: the password of an account to
 * its address, its tokens to `oauth ADDRESS`, that of a user to `apopOwner`.
 */
export class Secrets {
  readonly file: string

  constructor(data: string) {
    this.file = join(data, 'secret.key')
  }

  /** Encrypts a secret of somebody; makes the key if there is none yet. */
  seal(owner: string, secret: string): Uint8Array {
    const key = this.#read() ?? this.#make()
    const nonce = randomBytes(nonceOctets)
    const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: tagOctets })
    cipher.setAAD(Buffer.from(owner))
    const sealed = Buffer.concat([cipher.update(secret, 'utf8'), cipher.final()])
    return Buffer.concat([Uint8Array.of(form), nonce, cipher.getAuthTag(), sealed])
  }

  /** Decrypts a secret of somebody. */
  unseal(owner: string, sealed: Uint8Array): string {
    const key = this.#read()
    if (key === undefined)
      throw new StoreError(
        'missing',
        `${this.file} is not there, and without it the ${named(owner)} cannot be read; ${again(owner)}`,
      )
    try {
      if (sealed[0] !== form) throw new Error('unknown form')
      const nonce = sealed.subarray(1, 1 + nonceOctets)
      const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: tagOctets })
      decipher.setAAD(Buffer.from(owner))
      decipher.setAuthTag(sealed.subarray(1 + nonceOctets, 1 + nonceOctets + tagOctets))
      return decipher.update(sealed.subarray(1 + nonceOctets + tagOctets), undefined, 'utf8') + decipher.final('utf8')
    } catch (cause) {
      throw new StoreError('damaged', `the ${named(owner)} was not encrypted with ${this.file}; ${again(owner)}`, {
        cause,
      })
    }
  }

  #read(): Uint8Array | undefined {
    let file: number
    try {
      file = openSync(this.file, 'r')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
      throw storeErrorOf(error, this.file)
    }
    try {
      const mode = fstatSync(file).mode & 0o777
      // On Windows the mode says nothing of who may read.
      if (process.platform !== 'win32' && (mode & 0o077) !== 0)
        throw new StoreError(
          'io',
          `${this.file} can be read by others (mode ${mode.toString(8)}); run: chmod 600 ${this.file}`,
        )
      const key = readFileSync(file)
      if (key.length !== keyOctets)
        throw new StoreError(
          'damaged',
          `${this.file} has ${key.length} octets instead of ${keyOctets}; bring it back from a copy`,
        )
      return key
    } finally {
      closeSync(file)
    }
  }

  /** Two processes may come here at once: a link appears whole or not at all, and only the first one's does. */
  #make(): Uint8Array {
    const draft = `${this.file}.${randomBytes(6).toString('hex')}`
    try {
      mkdirSync(dirname(this.file), { recursive: true, mode: 0o700 })
      const file = openSync(draft, 'wx', 0o600)
      try {
        writeFileSync(file, randomBytes(keyOctets))
        fsyncSync(file)
      } finally {
        closeSync(file)
      }
      try {
        linkSync(draft, this.file)
        syncFolder(dirname(this.file))
      } finally {
        unlinkSync(draft)
      }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw storeErrorOf(error, this.file)
    }
    const key = this.#read()
    if (key === undefined) throw new StoreError('io', `${this.file} could not be made`)
    return key
  }
}

function named(owner: string): string {
  const address = /^oauth (.*)$/.exec(owner)?.[1]
  return address === undefined ? `password of ${owner}` : `log-in at the issuer of ${address}`
}

function again(owner: string): string {
  const address = /^oauth (.*)$/.exec(owner)?.[1]
  if (address !== undefined) return `bring the key back from a copy, or run: postino account login ${address}`
  const user = /^user (.*)$/.exec(owner)?.[1]
  const how =
    user === undefined
      ? `postino account remove ${owner}\`, then \`account add`
      : `postino user password ${user} --apop`
  return `bring the key back from a copy, or give the password again: \`${how}\``
}

/** Makes a new name in a folder durable. Windows cannot open folders, and does it by itself. */
function syncFolder(folder: string): void {
  if (process.platform === 'win32') return
  const handle = openSync(folder, 'r')
  try {
    fsyncSync(handle)
  } finally {
    closeSync(handle)
  }
}
