import { chownSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { collect, collectorMaildir } from './collect.ts'
import type { Collect, Collected } from './collect.ts'
import { mailOwner } from './maildir.ts'

/** What puts fetchmail's messages into the Maildir, for it cannot itself. */
export type FetchmailDelivery = 'cat' | 'dovecot-lda'

/** The delivery agent of Debian's dovecot-core. */
export const dovecotLda = '/usr/lib/dovecot/dovecot-lda'

/**
 * Fetches with fetchmail, which gives each message to a program to deliver: `cat` is the smallest and durable in no way,
 * `dovecot-lda` delivers as a mail server does, with fsync. Where root asks, it runs as `nobody`, as its manual wants.
 */
export async function runFetchmail(options: Collect & { readonly delivery?: FetchmailDelivery }): Promise<Collected> {
  const { folder, tls = 'none' } = options
  const maildir = collectorMaildir(folder)
  const owner = mailOwner()
  const config = join(folder, 'fetchmailrc')
  const state = join(folder, 'state')
  const put = (path: string, lines: readonly string[]): void => {
    writeFileSync(path, lines.join('\n') + '\n', { mode: 0o600 })
    chownSync(path, owner.uid, owner.gid)
  }
  collectorMaildir(state)
  chownSync(state, owner.uid, owner.gid)
  const ldaConfig = join(folder, 'lda.conf')
  const logging = [`log_path = ${state}/log`, `base_dir = ${state}`, `postmaster_address = u@example.test`]
  put(ldaConfig, [`mail_location = maildir:${maildir}`, 'first_valid_uid = 1', ...logging])
  const secure = { implicit: 'ssl no sslcertck', starttls: "sslproto 'TLS1.2+' no sslcertck", none: "sslproto ''" }[tls]
  const deliver =
    (options.delivery ?? 'cat') === 'cat' ? `exec cat > ${maildir}/new/$$` : `exec ${dovecotLda} -c ${ldaConfig}`
  put(config, [
    'set no bouncemail',
    'set no syslog',
    `poll ${options.host} protocol pop3 service ${options.port} uidl auth password`,
    `  user "${options.login}" password "${options.password}" is "nobody" here`,
    `  ${options.remove === true ? 'no keep' : 'keep'} no rewrite ${secure}`,
    `  mda "${deliver}"`,
  ])
  const files = ['--fetchmailrc', config, '--idfile', join(state, 'ids'), '--pidfile', join(state, 'pid')]
  const words = ['fetchmail', '--silent', '--nodetach', '--invisible', ...files]
  const command =
    process.getuid?.() === 0 ? ['setpriv', '--reuid=nobody', '--regid=nogroup', '--clear-groups', ...words] : words
  // 1: there was no new mail.
  return collect(folder, command[0] as string, command.slice(1), {
    env: { FETCHMAILHOME: state, HOME: state },
    fine: [0, 1],
  })
}
