import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { collect, collectorMaildir } from './collect.ts'
import type { Collect, Collected } from './collect.ts'
import { runWell } from './run.ts'

/** Fetches with mpop, pipelined where the server allows it, byte for byte but with LF at each line's end. */
export async function runMpop(
  options: Collect & {
    readonly auth?: 'user' | 'scram-sha-256' | 'scram-sha-256-plus'
    readonly maxVersion?: 'TLSv1.2' | 'TLSv1.3'
  },
): Promise<Collected> {
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
    ...(options.maxVersion === 'TLSv1.2' ? ['tls_priorities NORMAL:-VERS-ALL:+VERS-TLS1.2'] : []),
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

/** The ways to log in that the installed mpop knows, as `auth` names them; it has SCRAM-SHA-256-PLUS from 1.4.19 on. */
export async function mpopMethods(): Promise<string[]> {
  const { stdout } = await runWell('mpop', ['--version'])
  return /^Supported authentication methods:\n(.*)$/m.exec(stdout)?.[1]?.trim().split(' ') ?? []
}
