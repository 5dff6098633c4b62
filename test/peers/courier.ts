import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePorts } from './dovecot.ts'
import { fillMaildir, mailOwner } from './maildir.ts'
import { startInOwnRoot } from './own-root.ts'
import { ready, type UnpackedServer, writeCertificate } from './unpacked-server.ts'

export interface CourierOptions {
  /** An empty folder; the mail comes to be in it. */
  readonly folder: string
  readonly login: string
  readonly password: string
  readonly messages: Iterable<Uint8Array>
}

/** Starts Courier's POP3 server (courier-pop) on 127.0.0.1, with one user. Ask `peerFault` first. */
export async function startCourier(options: CourierOptions): Promise<UnpackedServer> {
  const { folder, login, password } = options
  const [pop3 = 0, pop3s = 0] = await freePorts(2)
  const certificate = writeCertificate(folder)
  const home = join(folder, 'home')
  mkdirSync(home)
  chmodSync(folder, 0o755)
  const { uid, gid } = mailOwner()
  fillMaildir(join(home, 'Maildir'), options.messages)
  writeFileSync(join(folder, 'password'), password)
  const user = `uid=${uid}|gid=${gid}|home=/own/home|mail=/own/home/Maildir`
  const child = startInOwnRoot(
    'courier',
    folder,
    `
echo 'courier:x:65530:65530::/:/bin/sh' >>/etc/passwd
echo 'courier:x:65530:' >>/etc/group
cat >>/etc/courier/authdaemonrc <<'END'
authmodulelist="authuserdb"
daemons=2
END
printf '%s\\t%s|pop3pw=%s\\n' '${login}' '${user}' "$(userdbpw -md5 </own/password)" >/etc/courier/userdb
chmod 600 /etc/courier/userdb
makeuserdb
cat >>/etc/courier/pop3d <<'END'
POP3AUTH="PLAIN LOGIN"
POP3AUTH_TLS="PLAIN LOGIN"
MAXPERIP=40
END
cat >>/etc/courier/pop3d-ssl <<'END'
TLS_CERTFILE=/etc/courier/pop3d.pem
TLS_TRUSTCERTS=
TLS_CACHEFILE=
TLS_DHPARAMS=
END
cp /own/certificate.pem /etc/courier/pop3d.pem
chown courier /etc/courier/pop3d.pem
mkdir -p /run/courier/authdaemon
set -a +u
. /etc/courier/authdaemonrc
/usr/lib/courier/courier-authlib/authdaemond &
prefix=/usr exec_prefix=/usr sbindir=/usr/sbin bindir=/usr/bin libexecdir=/usr/lib/courier
. /etc/courier/pop3d-ssl
. /etc/courier/pop3d
serve() {
  port=$1
  shift
  couriertcpd -address=127.0.0.1 -maxprocs=40 -maxperip=40 -nodnslookup -noidentlookup "$port" "$@" \
    /usr/lib/courier/courier/courierpop3login /usr/lib/courier/courier/courierpop3d Maildir
}
serve ${pop3} &
POP3_TLS=1 POP3_STARTTLS=NO POP3_TLS_REQUIRED=0
serve ${pop3s} /usr/bin/couriertls -server -tcpd -user=courier
`,
  )
  return { host: '127.0.0.1', ports: { pop3, pop3s }, certificate, stop: await ready(child, pop3) }
}
