import { MisuseError } from '../errors.ts'

/** Where a bucket is, and with what to go there. */
export interface S3Place {
  /** `s3://bucket/prefix`, for messages. */
  readonly name: string
  /** What stands before the names of objects: `https://s3.example.it/bucket/`. */
  readonly base: string
  /** Of all names; empty, or ends with `/`. */
  readonly prefix: string
  readonly region: string
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken: string | undefined
}

export interface S3Options {
  /** The URL of another provider than Amazon. */
  readonly endpoint?: string | undefined
  readonly region?: string | undefined
}

/** Understands `s3://bucket/prefix`, with the usual variables of the environment. Throws MisuseError. */
export function s3Place(url: string, options: S3Options, environment: NodeJS.ProcessEnv): S3Place {
  const [, bucket = '', path = ''] = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/(.*))?$/.exec(url) ?? []
  const words = path.split('/').filter((word) => word !== '')
  if (bucket === '' || words.some((word) => word === '.' || word === '..'))
    throw new MisuseError('usage', `${url}: write it so: s3://bucket/prefix`)
  const first = (...names: string[]): string | undefined => names.map((name) => environment[name]).find((one) => one)
  const region = options.region ?? first('AWS_REGION', 'AWS_DEFAULT_REGION') ?? 'us-east-1'
  if (!/^[a-z0-9-]{1,64}$/.test(region)) throw new MisuseError('usage', `not a region: ${JSON.stringify(region)}`)
  const endpoint = options.endpoint ?? first('AWS_ENDPOINT_URL_S3', 'AWS_ENDPOINT_URL')
  const accessKeyId = first('AWS_ACCESS_KEY_ID')
  const secretAccessKey = first('AWS_SECRET_ACCESS_KEY')
  if (accessKeyId === undefined || secretAccessKey === undefined)
    throw new MisuseError(
      'usage',
      `${url} needs AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment, and one of them is not there`,
    )
  return {
    name: url.replace(/\/+$/, ''),
    base: endpoint === undefined ? amazon(bucket, region) : `${checked(endpoint)}/${bucket}/`,
    prefix: words.map((word) => `${word}/`).join(''),
    region,
    accessKeyId,
    secretAccessKey,
    sessionToken: first('AWS_SESSION_TOKEN'),
  }
}

/** A certificate of Amazon's does not fit a bucket that has a dot in its name. */
function amazon(bucket: string, region: string): string {
  return bucket.includes('.')
    ? `https://s3.${region}.amazonaws.com/${bucket}/`
    : `https://${bucket}.s3.${region}.amazonaws.com/`
}

function checked(endpoint: string): string {
  const url = URL.canParse(endpoint) ? new URL(endpoint) : undefined
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.search !== '' || url.username !== '')
    throw new MisuseError('usage', `${endpoint} is not the URL of an S3 server, such as https://s3.example.it`)
  // Mail and keys go that way.
  if (url.protocol === 'http:' && !/^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(url.hostname))
    throw new MisuseError('usage', `${endpoint} would carry all mail for everybody to read: use https`)
  return url.href.replace(/\/+$/, '')
}
