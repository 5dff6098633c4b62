import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Directory } from '../accounts/directory.ts'
import { segmentsFolder } from '../store/layout.ts'

/** The names of the folders of mail that no user has: the directory of users was lost, or is an older one. */
export function mailOfNobody(data: string, directory: Directory): string[] {
  const folder = join(data, 'users')
  if (!existsSync(folder)) return []
  const names = new Set(directory.users().map(({ name }) => name))
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.') && !names.has(entry.name))
    .filter(({ name }) => hasSegments(join(folder, name)))
    .map(({ name }) => name)
    .toSorted()
}

function hasSegments(folder: string): boolean {
  const segments = segmentsFolder(folder)
  return existsSync(segments) && readdirSync(segments).length > 0
}
