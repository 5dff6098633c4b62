import { DOMParser } from '@xmldom/xmldom'
import { PeerError, StoreError } from '../errors.ts'
import { type Contents, measure } from './contents.ts'
import { S3Connection } from './s3-request.ts'
import type { S3Place } from './s3-place.ts'
import type { Target } from './target.ts'

/** A listing of 1,000 names is no longer than this (octets). */
const longestListing = 8 << 20

/**
 * A bucket of S3, or of what speaks like it. The server verifies the SHA-256 of what it is given before it takes it, and keeps it as the object's
 * checksum; `readBack`: it is read again all the same.
 */
export class S3Target implements Target {
  readonly place: string
  readonly #connection: S3Connection
  readonly #readBack: boolean

  constructor(place: S3Place, options: { readBack?: boolean; pause?: number } = {}) {
    this.place = place.name
    this.#connection = new S3Connection(place, options.pause)
    this.#readBack = options.readBack ?? false
  }

  async list(beginning: string): Promise<Map<string, number>> {
    const found = new Map<string, number>()
    const { prefix } = this.#connection.place
    for (let token: string | undefined; ;) {
      const query = {
        'list-type': '2',
        prefix: prefix + beginning,
        ...(token !== undefined && { 'continuation-token': token }),
      }
      const { body } = await this.#connection.ask({ method: 'GET', key: '', query })
      const page = new DOMParser({ onError: () => undefined }).parseFromString(
        await textOf(this.#octets(body)),
        'text/xml',
      )
      for (const object of Array.from(page.getElementsByTagName('Contents'))) {
        const name = object.getElementsByTagName('Key')[0]?.textContent ?? ''
        const size = Number(object.getElementsByTagName('Size')[0]?.textContent)
        if (name.startsWith(prefix)) found.set(name.slice(prefix.length), size)
      }
      token = page.getElementsByTagName('NextContinuationToken')[0]?.textContent ?? undefined
      if (token === undefined || token === '') return found
    }
  }

  async put(name: string, contents: Contents): Promise<void> {
    const checksum = Buffer.from(contents.hash, 'hex').toString('base64')
    // The hash of the body is signed with the request (x-amz-content-sha256), so that a body with another one is refused.
    await this.#connection.do({
      method: 'PUT',
      key: name,
      body: contents,
      headers: { 'x-amz-checksum-sha256': checksum },
    })
    if (this.#readBack) {
      const { size, hash } = await measure(this.read(name))
      if (size === contents.size && hash === contents.hash) return
    } else {
      const headers = await this.#connection.do({
        method: 'HEAD',
        key: name,
        headers: { 'x-amz-checksum-mode': 'ENABLED' },
      })
      const kept = headers['x-amz-checksum-sha256']
      if (Number(headers['content-length']) === contents.size && (kept === undefined || kept === checksum)) return
    }
    throw new StoreError('damaged', `${this.place}/${name}: what is kept there is not what was sent`)
  }

  async *read(name: string): AsyncGenerator<Uint8Array> {
    const { headers, body } = await this.#connection.ask({ method: 'GET', key: name })
    let size = 0
    for await (const chunk of this.#octets(body)) {
      size += chunk.length
      yield chunk
    }
    if (size < Number(headers['content-length'] ?? 0))
      throw new PeerError('connection-lost', `${this.place}/${name} broke off`)
  }

  async remove(name: string): Promise<void> {
    await this.#connection.do({ method: 'DELETE', key: name })
  }

  async *#octets(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    try {
      yield* body
    } catch (error) {
      if (!(error instanceof Error) || !('code' in error)) throw error
      throw new PeerError('connection-lost', `${this.place}: the connection broke: ${error.message}`, { cause: error })
    }
  }
}

async function textOf(octets: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of octets) {
    chunks.push(chunk)
    size += chunk.length
    if (size > longestListing)
      throw new PeerError('reply-too-long', `a listing is longer than ${longestListing} octets`)
  }
  return Buffer.concat(chunks).toString()
}
