import { existsSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { StoreError } from '../../errors.ts'
import { type ClientConfig, longestConfig } from './client-config.ts'

/** What stands beside the files of Thunderbird's ISPDB, so that one is found without reading all; scripts/ispdb.ts writes it. */
export interface IspdbIndex {
  /** The file of each domain. */
  readonly domains: Readonly<Record<string, string>>
  /** All hosts that are named anywhere. */
  readonly hosts: readonly string[]
}

/** Thunderbird's ISPDB as it is shipped (data/ispdb), or another folder that scripts/ispdb.ts has filled; it may be empty. */
export class IspdbFolder {
  readonly folder: string
  #index: IspdbIndex | undefined

  constructor(folder: string = fileURLToPath(new URL('../../../data/ispdb', import.meta.url))) {
    this.folder = folder
  }

  get isEmpty(): boolean {
    return Object.keys(this.#read().domains).length === 0
  }

  /** What it has on a domain; undefined where it has nothing. */
  async config(domain: string): Promise<ClientConfig | undefined> {
    const { domains } = this.#read()
    const name = Object.hasOwn(domains, domain) ? domains[domain] : undefined
    if (name === undefined) return undefined
    const file = join(this.folder, name)
    try {
      // A name in the index is that of a file beside it, nothing else.
      if (!/^[\w][\w.-]*\.xml$/.test(name)) throw new Error(`"${name}" is no name of a file here`)
      if (statSync(file).size > longestConfig) throw new Error('it is too long')
      const { readConfig } = await import('./config-xml.ts')
      return readConfig(readFileSync(file, 'utf8'))
    } catch (cause) {
      const why = `${file} cannot be read: ${(cause as Error).message}; fill the folder anew with \`npm run ispdb\``
      throw new StoreError('damaged', why, { cause })
    }
  }

  /** Whether a provider in it has this host. */
  hasHost(host: string): boolean {
    return this.#read().hosts.includes(host)
  }

  #read(): IspdbIndex {
    if (this.#index !== undefined) return this.#index
    const file = join(this.folder, 'index.json')
    if (!existsSync(file)) return (this.#index = { domains: {}, hosts: [] })
    try {
      const { domains, hosts } = JSON.parse(readFileSync(file, 'utf8')) as Partial<IspdbIndex>
      if (typeof domains !== 'object' || !Array.isArray(hosts)) throw new Error('it has not the form of an index')
      return (this.#index = { domains, hosts })
    } catch (cause) {
      const why = `${file} cannot be read: ${(cause as Error).message}; fill the folder anew with \`npm run ispdb\``
      throw new StoreError('damaged', why, { cause })
    }
  }
}
