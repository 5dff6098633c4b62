import { createPrivateKey, randomBytes, X509Certificate } from 'node:crypto'
import { mkdir, open, readFile, rename, stat } from 'node:fs/promises'
import { hostname } from 'node:os'
import { dirname, join } from 'node:path'
import { createSecureContext } from 'node:tls'
import { MisuseError, StoreError } from '../errors.ts'
import { makeSelfSigned } from './self-signed.ts'

/** A certificate chain and its key, PEM, as `node:tls` takes them. */
export interface ServerCertificate {
  readonly cert: string
  readonly key: string
  /** When it stops to be valid, milliseconds since 1970. */
  readonly expires: number
}

const tenYears = 3653 * 24 * 3_600_000

/** The certificate and key in the files that the configuration names. */
export async function readCertificate(certificate: string, key: string): Promise<ServerCertificate> {
  const cert = await readGiven(certificate, 'tls.certificate')
  const secret = await readGiven(key, 'tls.key')
  return checked(cert, secret, certificate, key)
}

/** The self-signed certificate kept in `folder`; made where there is none, or where it is no longer valid. */
export async function ownCertificate(folder: string): Promise<ServerCertificate> {
  const certificate = join(folder, 'certificate.pem')
  const key = join(folder, 'key.pem')
  const cert = await readOwn(certificate)
  const secret = cert === undefined ? undefined : await readOwn(key)
  if (cert !== undefined && secret !== undefined) {
    const mode = (await stat(key)).mode & 0o777
    if (process.platform !== 'win32' && (mode & 0o077) !== 0)
      throw new StoreError('io', `${key} can be read by others (mode ${mode.toString(8)}); run: chmod 600 ${key}`)
    const found = checked(cert, secret, certificate, key)
    if (found.expires > Date.now()) return found
  }
  const made = makeCertificate()
  await writeWhole(key, made.key, 0o600) // the key first: without a certificate beside it, both are made again
  await writeWhole(certificate, made.cert, 0o644)
  return made
}

/** A new self-signed certificate for this machine: ten years. */
export function makeCertificate(now: number = Date.now()): ServerCertificate {
  const hosts = [...new Set(['localhost', hostname().toLowerCase()])].filter((name) => /^[a-z0-9.-]{1,253}$/.test(name))
  const addresses = [Uint8Array.of(127, 0, 0, 1), Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1)]
  const until = now + tenYears
  const from = now - 3_600_000 // for clients whose clock is behind
  return { ...makeSelfSigned({ name: 'localhost', hosts, addresses, from, until }), expires: until }
}

function checked(cert: string, key: string, certificateFile: string, keyFile: string): ServerCertificate {
  let parsed: X509Certificate
  try {
    parsed = new X509Certificate(cert)
  } catch (cause) {
    throw new MisuseError('configuration', `${certificateFile} is not a certificate in PEM form`, { cause })
  }
  let matching: boolean
  try {
    matching = parsed.checkPrivateKey(createPrivateKey(key))
  } catch (cause) {
    throw new MisuseError('configuration', `${keyFile} is not a private key in PEM form without a password`, { cause })
  }
  if (!matching)
    throw new MisuseError('configuration', `${keyFile} is not the key of the certificate ${certificateFile}`)
  try {
    createSecureContext({ cert, key })
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new MisuseError('configuration', `${certificateFile} cannot be used for TLS (${why})`, { cause })
  }
  return { cert, key, expires: Date.parse(parsed.validTo) }
}

async function readGiven(file: string, name: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (cause) {
    throw new MisuseError('configuration', `${file}, which ${name} names, cannot be read (${codeOf(cause)})`, { cause })
  }
}

async function readOwn(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8')
  } catch (cause) {
    if (codeOf(cause) === 'ENOENT') return undefined
    throw new StoreError('io', `${file} cannot be read (${codeOf(cause)}); give yourself the right to read it`, {
      cause,
    })
  }
}

/** Writes a file so that it is there whole or not at all. */
async function writeWhole(file: string, text: string, mode: number): Promise<void> {
  const draft = `${file}.${randomBytes(6).toString('hex')}`
  try {
    await mkdir(dirname(file), { recursive: true, mode: 0o700 })
    const handle = await open(draft, 'wx', mode)
    try {
      await handle.writeFile(text)
      await handle.sync()
    } finally {
      await handle.close()
    }
    await rename(draft, file)
  } catch (cause) {
    const code = codeOf(cause)
    const kind = code === 'ENOSPC' ? 'disk-full' : code === 'EROFS' || code === 'EACCES' ? 'read-only' : 'io'
    throw new StoreError(kind, `${file} cannot be written (${code}); see to ${dirname(file)}`, { cause })
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error)
}
