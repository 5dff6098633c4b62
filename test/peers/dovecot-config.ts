import { readFileSync } from 'node:fs'
import { userInfo } from 'node:os'
import { mailOwner } from './maildir.ts'

export type DovecotProtocol = 'pop3' | 'imap'

/** What the configuration is to say. */
export interface DovecotPlan {
  /** For sockets and pids: short, as a Unix socket's path must be. */
  readonly base: string
  /** The password file, the log and the users' homes are in it. */
  readonly folder: string
  readonly ports: Readonly<Record<string, number>>
  readonly protocols: readonly DovecotProtocol[]
  readonly tls: boolean
  /** Appended as it is. */
  readonly settings: string
}

/** Dovecot's configuration as an administrator writes it who wants speed: see docs/benchmarks.md for each choice. */
export function dovecotConfig(plan: DovecotPlan): string {
  const { base, folder, ports } = plan
  const owner = mailOwner()
  const root = process.getuid?.() === 0
  // Without root, Dovecot's processes cannot change user or root folder.
  const self = userInfo()
  const asSelf = root
    ? ''
    : `default_login_user = ${self.username}
default_internal_user = ${self.username}
default_internal_group = ${groupName(self.gid)}
`
  const chroot = root ? '' : '  chroot =\n'
  const listener = (name: string, port: number | undefined, tls: boolean): string =>
    `  inet_listener ${name} {\n    port = ${port ?? 0}\n    ssl = ${tls ? 'yes' : 'no'}\n  }\n`
  const services = plan.protocols.map(
    (protocol) => `service ${protocol}-login {
${chroot}${listener(protocol, ports[protocol], false)}${listener(`${protocol}s`, ports[`${protocol}s`], true)}  service_count = 0
  process_min_avail = 2
  process_limit = 2
  client_limit = 4000
}
service ${protocol} {
  service_count = 0
  process_min_avail = 16
  process_limit = 1200
}
`,
  )
  return `base_dir = ${base}
state_dir = ${base}
instance_name = ${base.slice(base.lastIndexOf('/') + 1)}
log_path = ${folder}/dovecot.log
protocols = ${plan.protocols.join(' ')}
listen = 127.0.0.1
${asSelf}disable_plaintext_auth = no
auth_mechanisms = plain login apop
auth_cache_size = 10 M
login_trusted_networks =
mail_max_userip_connections = 0
first_valid_uid = 1
first_valid_gid = 1
mail_location = maildir:~/Maildir
maildir_very_dirty_syncs = yes
mail_cache_min_mail_count = 0
pop3_no_flag_updates = yes
pop3_fast_size_lookups = yes
pop3_lock_session = no
passdb {
  driver = passwd-file
  args = scheme=PLAIN ${folder}/passwords
}
userdb {
  driver = static
  args = uid=${owner.uid} gid=${owner.gid} home=${folder}/users/%u
}
ssl = ${plan.tls ? 'yes' : 'no'}
${plan.tls ? `ssl_cert = <${folder}/certificate.pem\nssl_key = <${folder}/key.pem\n` : ''}ssl_min_protocol = TLSv1.2
${services.join('')}service anvil {
${chroot}  client_limit = 8000
}
service auth {
  client_limit = 8000
}
service stats {
  client_limit = 8000
}
${plan.settings}
`
}

function groupName(gid: number): string {
  return new RegExp(`^([^:]+):[^:]*:${gid}:`, 'm').exec(readFileSync('/etc/group', 'utf8'))?.[1] ?? String(gid)
}
