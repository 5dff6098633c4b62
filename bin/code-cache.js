// Where compiled code may be kept from one start to the next: see docs/decisions/code-cache.md.
import { lstatSync, mkdirSync } from 'node:fs'
import { homedir } from 'node:os'
import { isAbsolute, join } from 'node:path'

/**
 * A folder for Node's compile cache into which nobody but this user can write, made where it is not there; undefined where there is none.
 * @param {NodeJS.ProcessEnv} environment
 * @returns {string | undefined}
 */
export function codeCacheFolder(environment = process.env) {
  try {
    if (process.platform === 'win32') {
      const local = environment['LOCALAPPDATA']
      return local === undefined ? undefined : made(join(local, 'postino', 'code'))
    }
    // Who can rename a folder above it can put another in its place.
    const home = homedir()
    if (!isOurs(home)) return undefined
    const given = environment['XDG_CACHE_HOME'] ?? ''
    const caches = isAbsolute(given) ? given : join(home, '.cache')
    if (isAbsolute(given) && !isOurs(given)) return undefined
    const folder = made(join(caches, 'postino', 'code'))
    return [caches, join(caches, 'postino'), folder].every(isOurs) ? folder : undefined
  } catch {
    // A home that is not there, or cannot be written: then each start compiles anew.
    return undefined
  }
}

/** @param {string} folder */
function made(folder) {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  return folder
}

/** @param {string} folder */
function isOurs(folder) {
  const found = lstatSync(folder)
  return found.isDirectory() && found.uid === process.getuid?.() && (found.mode & 0o022) === 0
}
