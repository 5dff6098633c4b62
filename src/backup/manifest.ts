import { StoreError } from '../errors.ts'
import { contentsOf, type Contents } from './contents.ts'
import { readAll, type Target } from './target.ts'

/** The form of a manifest; one of a greater number is of a newer Postino. */
export const manifestFormat = 1
export const manifestFolder = 'manifests/'
export const filesFolder = 'files/'

/** A stretch of a file, as it lies at the target under a name that holds its hash. It never changes. */
export interface Piece {
  readonly name: string
  /** Where it begins in the file (octets), and how long it is. */
  readonly from: number
  readonly size: number
  /** SHA-256, 64 lower-case hexadecimal digits. */
  readonly hash: string
}

/** A file of the data folder: its pieces, one after the other, are all of it. */
export interface FileEntry {
  /** In the data folder, with `/`. */
  readonly path: string
  readonly size: number
  /** By it a file is known again that did not change. */
  readonly stamp: string
  readonly pieces: readonly Piece[]
}

/** What is in a backup of a user's mail. */
export interface UserEntry {
  readonly name: string
  readonly seal: number
  readonly modseq: number
  readonly messages: number
}

/** All that makes up one backup. Who reads one can restore it without Postino: docs/backup.md. */
export interface Manifest {
  readonly format: number
  readonly backup: number
  /** When it was begun, milliseconds since 1970. */
  readonly time: number
  /** Names the data folder that it is of. */
  readonly source: string
  readonly users: readonly UserEntry[]
  readonly files: readonly FileEntry[]
  /** What could not be read. */
  readonly problems: readonly string[]
}

/** A backup, by what the name of its manifest says. */
export interface BackupName {
  readonly name: string
  readonly backup: number
  /** Milliseconds since 1970, to the second. */
  readonly time: number
  /** The first 16 digits of the manifest's SHA-256. */
  readonly hash: string
}

/** The name and the octets of a manifest. */
export function encodeManifest(manifest: Manifest): { name: string; contents: Contents } {
  const contents = contentsOf(Buffer.from(`${JSON.stringify(manifest, undefined, 1)}\n`))
  const when = new Date(manifest.time).toISOString().replace(/[-:]|\.\d+/g, '')
  const number = String(manifest.backup).padStart(10, '0')
  return { name: `${manifestFolder}${number}-${when}-${contents.hash.slice(0, 16)}.json`, contents }
}

/** The backups there are, the oldest first. One is there when its manifest is. */
export async function listBackups(target: Target): Promise<BackupName[]> {
  const names = [...(await target.list(manifestFolder)).keys()]
  return names.flatMap(backupNameOf).toSorted((a, b) => a.backup - b.backup || a.time - b.time)
}

function backupNameOf(name: string): BackupName[] {
  const form = /^manifests\/(\d{10})-(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z-([0-9a-f]{16})\.json$/
  const [, number, year, month, day, hours, minutes, seconds, hash = ''] = form.exec(name) ?? []
  if (number === undefined) return []
  const time = Date.parse(`${year}-${month}-${day}T${hours}:${minutes}:${seconds}Z`)
  return [{ name, backup: Number(number), time, hash }]
}

/** Reads a manifest. Throws StoreError `damaged` where it is not what was written, `newer-schema` where a newer Postino wrote it. */
export async function readManifest(target: Target, { name, hash }: BackupName): Promise<Manifest> {
  const octets = await readAll(target, name)
  if (contentsOf(octets).hash.slice(0, 16) !== hash)
    throw new StoreError('damaged', `${target.place}: ${name} is damaged: it does not match the hash in its name`)
  // The hash vouches that this is what `encodeManifest` wrote.
  const manifest = JSON.parse(octets.toString()) as Manifest
  if (manifest.format > manifestFormat)
    throw new StoreError(
      'newer-schema',
      `${target.place}: ${name} was written by a newer Postino (format ${manifest.format}, this one knows ${manifestFormat}): upgrade Postino`,
    )
  for (const file of manifest.files)
    for (const path of [file.path, ...file.pieces.map((piece) => piece.name)])
      if (!isPlain(path)) throw new StoreError('damaged', `${target.place}: ${name} names ${JSON.stringify(path)}`)
  return manifest
}

/** A hash proves what was written, not who wrote it: nothing may lead out of the folder that is restored into. */
function isPlain(path: string): boolean {
  return path.split('/').every((word) => /^[^\\:\0]+$/.test(word) && word !== '.' && word !== '..')
}
