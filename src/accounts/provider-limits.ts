import { readFile } from 'node:fs/promises'
import type { ProviderLimits } from './provider.ts'

const providersFile = new URL('../../data/providers/providers.toml', import.meta.url)
let text: Promise<string> | undefined

/** As `limitsOf`, of whoever asks at each fetch: of a server that the table does not name nothing of it is read, or even loaded. */
export async function limitsOfServer(server: string): Promise<ProviderLimits> {
  text ??= readFile(providersFile, 'utf8')
  if (!(await text).includes(`"${server.toLowerCase()}"`)) return {}
  const { limitsOf } = await import('./providers.ts')
  return limitsOf({ server })
}
