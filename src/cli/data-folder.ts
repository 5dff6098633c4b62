import { homedir } from 'node:os'
import { join, resolve } from 'node:path'

/** The data folder: `--data`, else POSTINO_DATA, else where this system keeps a person's data. */
export function dataFolder(given: string | undefined, environment: NodeJS.ProcessEnv, platform: string): string {
  const named = given ?? environment['POSTINO_DATA']
  if (named !== undefined && named !== '') return resolve(named)
  switch (platform) {
    case 'win32':
      return join(environment['LOCALAPPDATA'] ?? join(homedir(), 'AppData', 'Local'), 'Postino')
    case 'darwin':
      return join(homedir(), 'Library', 'Application Support', 'Postino')
    default: {
      // XDG Base Directory Specification: a path that is not absolute is to be ignored.
      const base = environment['XDG_DATA_HOME']
      return join(base?.startsWith('/') === true ? base : join(homedir(), '.local', 'share'), 'postino')
    }
  }
}
