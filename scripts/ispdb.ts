// `npm run ispdb -- SOURCE [FOLDER]`: fills data/ispdb, or that folder, with Thunderbird's ISPDB, from a folder (a checkout of it) or from a .tar.gz at an https URL.
import { execFileSync } from 'node:child_process'
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { isHostName } from '../src/accounts/discovery/by-config.ts'
import { readConfig } from '../src/accounts/discovery/config-xml.ts'
import type { IspdbIndex } from '../src/accounts/discovery/ispdb-folder.ts'

/** The longest archive that is fetched, octets: some hundred times as long as it is. */
const longestArchive = 64 << 20

/** What became of filling a folder. */
export interface Filled {
  readonly files: number
  readonly domains: number
  /** What was left out, and what two files say differently; a line each, for a person. */
  readonly remarks: readonly string[]
}

/** Copies the database in `source` (files in `ispdb/`, or in it) to the folder `to`, instead of what was there. Throws where there is none. */
export function fillIspdb(source: string, to: string): Filled {
  const folder = existsSync(join(source, 'ispdb')) ? join(source, 'ispdb') : source
  const names = readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isFile() && /^\w[\w.-]*\.xml$/.test(entry.name))
    .map(({ name }) => name)
    .toSorted()
  if (names.length === 0) throw new Error(`${folder} has no .xml files: it is no ISPDB`)
  const licence = ['LICENSE', '../LICENSE'].map((name) => join(folder, name)).find((file) => existsSync(file))
  if (
    licence === undefined ||
    !readFileSync(licence, 'utf8').trimStart().startsWith('Mozilla Public License Version 2.0')
  )
    throw new Error(`${source} has no LICENSE that is the Mozilla Public License 2.0: the files must not go without it`)

  const remarks: string[] = []
  const domains = new Map<string, string>()
  const hosts = new Set<string>()
  const good: string[] = []
  for (const name of names) {
    try {
      const config = readConfig(new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(join(folder, name))))
      const odd = config.domains.filter((domain) => !isHostName(domain))
      if (odd.length > 0) remarks.push(`${name}: no domain: ${odd.join(', ')}`)
      for (const domain of config.domains.filter(isHostName)) {
        const other = domains.get(domain)
        // The file that is named after the domain knows best.
        if (other === undefined || name === `${domain}.xml`) domains.set(domain, name)
        if (other !== undefined && other !== name) remarks.push(`${domain} is in ${other} and in ${name}`)
      }
      for (const { host } of config.incoming) if (isHostName(host)) hosts.add(host)
      good.push(name)
    } catch (error) {
      remarks.push(`${name} is left out: ${(error as Error).message}`)
    }
  }
  if (good.length === 0) throw new Error(`none of the ${names.length} files in ${folder} can be read`)

  mkdirSync(to, { recursive: true })
  // The index goes first and comes last: what is half done is not used.
  for (const name of ['index.json', ...readdirSync(to).filter((one) => /\.xml$|^LICENSE$/.test(one))])
    rmSync(join(to, name), { force: true })
  for (const name of good) copyFileSync(join(folder, name), join(to, name))
  copyFileSync(licence, join(to, 'LICENSE'))
  const index: IspdbIndex = {
    domains: Object.fromEntries([...domains].toSorted(([a], [b]) => (a < b ? -1 : 1))),
    hosts: [...hosts].toSorted(),
  }
  writeFileSync(join(to, 'index.json'), `${JSON.stringify(index, undefined, 1)}\n`)
  return { files: good.length, domains: domains.size, remarks }
}

/** Fetches an archive and unpacks it into `folder`; gives the folder that is in it. */
async function unpacked(url: string, folder: string): Promise<string> {
  const archive = join(folder, 'ispdb.tar.gz')
  const answer = await fetch(url)
  if (!answer.ok || answer.body === null) throw new Error(`${url}: it answered ${answer.status}`)
  if (!answer.url.startsWith('https://')) throw new Error(`${answer.url} is not https, and proves nothing`)
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of answer.body) {
    size += chunk.length
    if (size > longestArchive) throw new Error(`${url} is longer than ${longestArchive} octets: that is no ISPDB`)
    chunks.push(chunk)
  }
  writeFileSync(archive, Buffer.concat(chunks))
  execFileSync('tar', ['-xzf', archive, '-C', folder], { stdio: 'inherit' })
  const inside = readdirSync(folder).filter((name) => name !== basename(archive))
  const [only = ''] = inside
  if (inside.length !== 1) throw new Error(`${url}: there are ${inside.length} folders in it, and one is expected`)
  return join(folder, only)
}

if (import.meta.main) {
  const [source, to = join(import.meta.dirname, '../data/ispdb'), ...more] = process.argv.slice(2)
  const temporary = mkdtempSync(join(tmpdir(), 'postino-ispdb-'))
  try {
    if (source === undefined || more.length > 0)
      throw new Error('say where it is: npm run ispdb -- FOLDER|https://….tar.gz')
    const url = /^[a-z]+:\/\//.test(source)
    if (url && !source.startsWith('https://')) throw new Error(`${source} is not https, and proves nothing`)
    const folder = url ? await unpacked(source, temporary) : source
    const { files, domains, remarks } = fillIspdb(folder, to)
    for (const remark of remarks) console.error(remark)
    console.log(`${files} files, ${domains} domains`)
  } catch (error) {
    console.error(`ispdb: ${(error as Error).message}`)
    process.exitCode = 1
  } finally {
    rmSync(temporary, { recursive: true, force: true })
  }
}
