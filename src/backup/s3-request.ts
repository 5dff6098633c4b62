import { once } from 'node:events'
import http from 'node:http'
import https from 'node:https'
import { pipeline } from 'node:stream/promises'
import { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { AwsV4Signer } from 'aws4fetch'
import { PeerError, PostinoError, RefusedError, StoreError } from '../errors.ts'
import type { Reason } from '../reasons.ts'
import type { Contents } from './contents.ts'
import type { S3Place } from './s3-place.ts'

/** SHA-256 of nothing. */
const emptyHash = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'
/** How long the other side may be silent, milliseconds. */
const patience = 60_000
/** How often one request is tried, and how long the first pause is, milliseconds; each is twice as long as the one before. */
const mostTries = 5
const firstPause = 500
/** What S3 says of an error is no longer than this, octets. */
const longestError = 64 << 10

export interface S3Request {
  readonly method: 'GET' | 'PUT' | 'HEAD' | 'DELETE'
  /** Of the object; empty: the bucket itself. */
  readonly key: string
  readonly query?: Readonly<Record<string, string>>
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Contents
}

export interface S3Answer {
  readonly headers: http.IncomingHttpHeaders
  readonly body: http.IncomingMessage
}

/** Asks an S3 server; signed with AWS Signature Version 4, tried again where that can help. */
export class S3Connection {
  readonly place: S3Place
  readonly #pause: number
  readonly #agents = { 'http:': new http.Agent({ keepAlive: true }), 'https:': new https.Agent({ keepAlive: true }) }

  constructor(place: S3Place, pause: number = firstPause) {
    this.place = place
    this.#pause = pause
  }

  /** Throws PeerError, RefusedError, StoreError `missing`, and what reading the body threw. */
  async ask(request: S3Request): Promise<S3Answer> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#once(request)
      } catch (error) {
        const again = error instanceof PeerError || (error instanceof RefusedError && error.reason === 'try-later')
        if (!again || attempt === mostTries) throw error
        await sleep(this.#pause * 2 ** (attempt - 1))
      }
    }
  }

  /** The same for whoever wants nothing of the answer but that it is good. */
  async do(request: S3Request): Promise<http.IncomingHttpHeaders> {
    const { headers, body } = await this.ask(request)
    body.resume()
    return headers
  }

  async #once(request: S3Request): Promise<S3Answer> {
    const { method, body } = request
    const { url, headers } = await this.#signed(request)
    const secure = url.protocol === 'https:'
    const asked = (secure ? https : http).request(url, {
      method,
      agent: this.#agents[secure ? 'https:' : 'http:'],
      headers: { ...headers, ...(body !== undefined && { 'content-length': body.size }) },
      timeout: patience,
    })
    // Whoever waits for something is told by that; what comes after it is nobody's.
    asked.on('error', () => undefined)
    asked.on('timeout', () => asked.destroy(new PeerError('timed-out', `${this.place.name}: silent for a minute`)))
    try {
      const answered = once(asked, 'response') as Promise<[http.IncomingMessage]>
      const sent = body === undefined ? void asked.end() : pipeline(Readable.from(body.read()), asked)
      // A server may refuse before it has read everything; what it says counts.
      const [answer] = await Promise.all([answered, Promise.race([sent, answered])]).then(([first]) => first)
      const status = answer.statusCode ?? 0
      if (status >= 200 && status < 300) return { headers: answer.headers, body: answer }
      throw this.#refusal(request, status, await textOf(answer))
    } catch (error) {
      asked.destroy()
      throw this.#explained(error)
    }
  }

  async #signed({
    method,
    key,
    query,
    headers,
    body,
  }: S3Request): Promise<{ url: URL; headers: Record<string, string> }> {
    const { base, prefix, accessKeyId, secretAccessKey, sessionToken, region } = this.place
    const asked = Object.entries(query ?? {}).map(([name, value]) => `${name}=${encoded(value)}`)
    const path = key === '' ? '' : (prefix + key).split('/').map(encoded).join('/')
    const url = `${base}${path}${asked.length === 0 ? '' : `?${asked.join('&')}`}`
    const signed = await new AwsV4Signer({
      method,
      url,
      headers: { ...headers, 'x-amz-content-sha256': body?.hash ?? emptyHash },
      accessKeyId,
      secretAccessKey,
      ...(sessionToken !== undefined && { sessionToken }),
      service: 's3',
      region,
    }).sign()
    return { url: signed.url, headers: Object.fromEntries(signed.headers) }
  }

  #refusal({ method, key }: S3Request, status: number, text: string): PostinoError {
    const tag = (name: string): string => new RegExp(`<${name}>([^<]*)</${name}>`).exec(text)?.[1] ?? ''
    const reply = [String(status), tag('Code'), tag('Message')].filter((word) => word !== '').join(' ')
    const { name, region } = this.place
    if (status === 404 && tag('Code') !== 'NoSuchBucket' && method !== 'PUT')
      return new StoreError('missing', `${name}/${key} is not there`)
    const advice =
      status === 301 || tag('Code') === 'AuthorizationHeaderMalformed' || tag('Code') === 'PermanentRedirect'
        ? `; is ${region} the region of the bucket? --region says which`
        : status === 403
          ? '; check the keys in the environment, what they may do, and the clock of this machine'
          : ''
    return new RefusedError(reasonOf(status, tag('Code')), reply, `${name}: the server said ${reply}${advice}`)
  }

  #explained(error: unknown): unknown {
    if (error instanceof PostinoError || !(error instanceof Error)) return error
    const { code } = error as NodeJS.ErrnoException
    if (typeof code !== 'string') return error
    const host = new URL(this.place.base).host
    if (code === 'ECONNREFUSED' || code === 'ENOTFOUND' || code === 'EAI_AGAIN')
      return new PeerError('unreachable', `${this.place.name}: ${host} cannot be reached (${code})`, { cause: error })
    const tls = /CERT|TLS|SSL|ALTNAME/.test(code)
    return new PeerError(tls ? 'tls' : 'connection-lost', `${this.place.name}: ${host}: ${error.message}`, {
      cause: error,
    })
  }
}

function reasonOf(status: number, code: string): Reason {
  if (status >= 500 || status === 429 || status === 408 || code === 'RequestTimeout' || code === 'SlowDown')
    return 'try-later'
  return status === 401 || status === 403 ? 'bad-login' : 'no'
}

/** RFC 3986 §2.3: all but the unreserved characters is encoded, as it is where the request is signed. */
function encoded(word: string): string {
  const hexadecimal = (sign: string): string => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`
  return encodeURIComponent(word).replace(/[!'()*]/g, hexadecimal)
}

async function textOf(answer: http.IncomingMessage): Promise<string> {
  let text = ''
  for await (const chunk of answer.setEncoding('utf8') as AsyncIterable<string>) {
    text += chunk
    if (text.length > longestError) break
  }
  return text
}
