import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const cache = mkdtempSync(join(tmpdir(), 'postino-compiled-'))
process.on('exit', () => rmSync(cache, { recursive: true, force: true }))

/** The environment of a process that runs sources: what Node makes of them is made once, for all that this test starts. */
export const compiled: NodeJS.ProcessEnv = { ...process.env, NODE_COMPILE_CACHE: cache }
