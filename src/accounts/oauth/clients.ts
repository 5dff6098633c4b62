import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { MisuseError, StoreError } from '../../errors.ts'

/** `[oauth_client.NAME]` of the configuration: as which program we ask an issuer, and what of it is not known here. */
export interface ConfiguredClient {
  readonly id?: string
  readonly secret?: string
  readonly issuer?: string
  readonly scopes?: readonly string[]
  /** Microsoft: whose users, `common` unless said. */
  readonly tenant?: string
  readonly redirect?: string
  readonly resource?: string
  /** After so many days somebody must log in again. */
  readonly days?: number
  readonly authorization_endpoint?: string
  readonly token_endpoint?: string
  readonly device_authorization_endpoint?: string
}

/** The table of postino.toml in which they stand. */
export const clientTable = 'oauth_client'

const words = [
  'id',
  'secret',
  'issuer',
  'tenant',
  'redirect',
  'resource',
  'authorization_endpoint',
  'token_endpoint',
  'device_authorization_endpoint',
] as const

/** The client that the configuration has under a name: the environment before postino.toml. */
export async function configuredClient(
  data: string,
  name: string,
  environment: NodeJS.ProcessEnv = process.env,
): Promise<ConfiguredClient> {
  const file = join(data, 'postino.toml')
  const table = clientIn(await tableIn(file), name, file)
  const variable = `POSTINO_OAUTH_CLIENT_${name.toUpperCase().replace(/[^A-Z0-9]/g, '_')}`
  const id = environment[`${variable}_ID`]
  const secret = environment[`${variable}_SECRET`]
  return { ...table, ...(id && { id }), ...(secret && { secret }) }
}

/** One client of the table, if what stands there is right. `file`: where it stands. */
function clientIn(table: unknown, name: string, file: string): ConfiguredClient {
  if (table === undefined) return {}
  const fault = (path: string, expected: string): MisuseError =>
    new MisuseError('configuration', `${file}: ${path} is not ${expected}`)
  if (!isTable(table)) throw fault(clientTable, `a table, such as [${clientTable}.${name}]`)
  const given = table[name]
  if (given === undefined) return {}
  if (!isTable(given)) throw fault(`${clientTable}.${name}`, 'a table')
  const client: Record<string, unknown> = {}
  for (const [key, value] of Object.entries(given)) {
    const path = `${clientTable}.${name}.${key}`
    if (key === 'scopes') {
      if (!Array.isArray(value) || !value.every(isText)) throw fault(path, 'a list of texts')
    } else if (key === 'days') {
      if (typeof value !== 'number' || !(value > 0)) throw fault(path, 'a number of days')
    } else if (!words.some((word) => word === key))
      throw new MisuseError(
        'configuration',
        `${file}: there is no key ${path}; there are ${[...words, 'scopes', 'days'].join(', ')}`,
      )
    else if (!isText(value)) throw fault(path, 'a text that is not empty')
    client[key] = value
  }
  return client
}

/** Throws MisuseError where anything in the table is wrong. */
export function checkClients(table: unknown, file: string): void {
  for (const name of isTable(table) ? Object.keys(table) : ['google']) clientIn(table, name, file)
}

async function tableIn(file: string): Promise<unknown> {
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    throw new StoreError('io', `${file} cannot be read (${code}); give yourself the right to read it`, { cause })
  }
  const { parse } = await import('smol-toml')
  try {
    return parse(text)[clientTable]
  } catch (cause) {
    const why = (cause instanceof Error ? cause.message : String(cause)).split('\n')[0] ?? ''
    throw new MisuseError('configuration', `${file}: ${why}`, { cause })
  }
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== ''
}

function isTable(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
