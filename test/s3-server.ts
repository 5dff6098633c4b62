import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

const keys = { accessKeyId: 'TESTKEY', secretAccessKey: 'a secret / with + signs', region: 'eu-south-1' }
const bucket = 'mail'

/** One request that came, for tests to count. */
export interface Asked {
  readonly method: string
  readonly key: string
  /** Octets of its body. */
  readonly octets: number
}

/** What the server does wrong, for one request; undefined: nothing. */
export type S3Fault = 'unavailable' | 'drop' | 'keep another' | 'break off' | undefined

/**
 * A small S3 server in memory, path-style, with one bucket. It verifies AWS Signature Version 4 by itself, from the description at
 * https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html, and the SHA-256 of each body.
 */
export class S3Server {
  readonly objects: Map<string, Buffer> = new Map()
  readonly asked: Asked[] = []
  /** Asked before each request. */
  fault: (asked: { readonly method: string; readonly key: string }) => S3Fault = () => undefined
  /** Listings have so many names a page. */
  page = 1000
  readonly #server: Server

  private constructor() {
    this.#server = createServer((request, response) => {
      this.#answer(request, response).catch(() => response.destroy())
    })
  }

  static async start(): Promise<S3Server> {
    const server = new S3Server()
    await new Promise<void>((resolve) => server.#server.listen(0, '127.0.0.1', resolve))
    return server
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** The variables of the environment that lead here. */
  get environment(): Record<string, string> {
    return {
      AWS_ACCESS_KEY_ID: keys.accessKeyId,
      AWS_SECRET_ACCESS_KEY: keys.secretAccessKey,
      AWS_REGION: keys.region,
      AWS_ENDPOINT_URL: this.endpoint,
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', headers } = request
    const [path = '', query = ''] = (request.url ?? '').split('?')
    const key = decodeURIComponent(path.slice(bucket.length + 2))
    const fault = this.fault({ method, key })
    if (fault === 'drop') {
      request.socket.destroy()
      return
    }
    const body = await bodyOf(request)
    this.asked.push({ method, key, octets: body.length })
    if (!path.startsWith(`/${bucket}/`)) return refuse(response, 404, 'NoSuchBucket')
    const wrong = signatureFault(request, path, query)
    if (wrong !== undefined) return refuse(response, 403, wrong)
    if (createHash('sha256').update(body).digest('hex') !== headers['x-amz-content-sha256'])
      return refuse(response, 400, 'XAmzContentSHA256Mismatch')
    if (fault === 'unavailable') return refuse(response, 503, 'SlowDown')
    if (method === 'GET' && key === '') return this.#list(new URLSearchParams(query), response)
    if (method === 'PUT') {
      const checksum = headers['x-amz-checksum-sha256']
      if (checksum !== createHash('sha256').update(body).digest('base64')) return refuse(response, 400, 'BadDigest')
      if (fault === 'keep another') body[0] = (body[0] ?? 0) ^ 1
      this.objects.set(key, body)
      response.end()
    } else if (method === 'DELETE') {
      this.objects.delete(key)
      response.writeHead(204).end()
    } else {
      const object = this.objects.get(key)
      if (object === undefined) return refuse(response, 404, 'NoSuchKey')
      const checksum = createHash('sha256').update(object).digest('base64')
      response.writeHead(200, { 'content-length': object.length, 'x-amz-checksum-sha256': checksum })
      if (method === 'HEAD') response.end()
      else if (fault === 'break off') response.write(object.subarray(0, object.length >> 1), () => response.destroy())
      else response.end(object)
    }
  }

  #list(query: URLSearchParams, response: ServerResponse): void {
    const after = query.get('continuation-token') ?? ''
    const all = [...this.objects].filter(([key]) => key.startsWith(query.get('prefix') ?? '') && key > after)
    const shown = all.toSorted(([a], [b]) => (a < b ? -1 : 1)).slice(0, this.page)
    const last = shown.at(-1)?.[0]
    const contents = shown.map(([key, { length }]) => `<Contents><Key>${key}</Key><Size>${length}</Size></Contents>`)
    const next = all.length > shown.length ? `<NextContinuationToken>${last}</NextContinuationToken>` : ''
    response.end(`<?xml version="1.0"?><ListBucketResult>${contents.join('')}${next}</ListBucketResult>`)
  }
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk)
  return Buffer.concat(chunks)
}

function refuse(response: ServerResponse, status: number, code: string): void {
  response.writeHead(status).end(`<Error><Code>${code}</Code><Message>no</Message></Error>`)
}

/** What is wrong with the signature of a request. */
function signatureFault(request: IncomingMessage, path: string, query: string): string | undefined {
  const form =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/s3\/aws4_request, ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$/
  const [, id, day = '', region = '', signed = '', signature = ''] =
    form.exec(request.headers.authorization ?? '') ?? []
  if (id !== keys.accessKeyId) return 'InvalidAccessKeyId'
  if (region !== keys.region) return 'AuthorizationHeaderMalformed'
  const names = signed.split(';')
  const needed = ['host', ...Object.keys(request.headers).filter((name) => name.startsWith('x-amz-'))]
  if (needed.some((name) => !names.includes(name))) return 'AccessDenied'
  const date = String(request.headers['x-amz-date'])
  if (!date.startsWith(day)) return 'AccessDenied'
  const canonical = [
    request.method,
    path,
    query
      .split('&')
      .filter((part) => part !== '')
      .toSorted()
      .join('&'),
    ...names.map((name) => `${name}:${String(request.headers[name]).trim()}`),
    '',
    signed,
    request.headers['x-amz-content-sha256'],
  ].join('\n')
  const scope = `${day}/${region}/s3/aws4_request`
  const toSign = ['AWS4-HMAC-SHA256', date, scope, createHash('sha256').update(canonical).digest('hex')].join('\n')
  const hmac = (key: string | Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest()
  const key = [day, region, 's3', 'aws4_request'].reduce<string | Buffer>(hmac, `AWS4${keys.secretAccessKey}`)
  const right = hmac(key, toSign)
  return timingSafeEqual(right, Buffer.from(signature, 'hex')) ? undefined : 'SignatureDoesNotMatch'
}
