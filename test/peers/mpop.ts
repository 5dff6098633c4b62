import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { collect, collectorMaildir } from './collect.ts'
import type { Collect, Collected } from './collect.ts'

/** Fetches with mpop, pipelined where the server allows it, byte for byte but with LF at each line's end. */
export async function runMpop(options: Collect & { readonly auth?: 'user' | 'scram-sha-256' }): Promise<Collected> {
  const { folder, tls = 'none' } = options
  const config = join(folder, 'mpoprc')
  const maildir = collectorMaildir(folder)
  const lines = [
    'account bench',
    `host ${options.host}`,
    `port ${options.port}`,
    `auth ${options.auth ?? 'user'}`,
    `user ${options.login}`,
    `password ${options.password}`,
    `tls ${tls === 'none' ? 'off' : 'on'}`,
    ...(tls === 'none' ? [] : [`tls_starttls ${tls === 'starttls' ? 'on' : 'off'}`, 'tls_certcheck off']),
    'pipelining auto',
    `keep ${options.remove === true ? 'off' : 'on'}`,
    'received_header off',
    `uidls_file ${join(folder, 'uidls')}`,
    `delivery maildir ${maildir}`,
    'account default : bench',
  ]
  writeFileSync(config, lines.join('\n') + '\n', { mode: 0o600 })
  return collect(folder, 'mpop', ['--quiet', `--file=${config}`])
}
