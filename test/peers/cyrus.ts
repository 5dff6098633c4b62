import { chmodSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { freePorts } from './dovecot.ts'
import { startInOwnRoot } from './own-root.ts'
import { ready, type UnpackedServer, writeCertificate } from './unpacked-server.ts'

export interface CyrusOptions {
  /** An empty folder. */
  readonly folder: string
  readonly login: string
  readonly password: string
  readonly messages: Iterable<Uint8Array>
  /** More lines of imapd.conf. */
  readonly settings?: string
}

export interface CyrusServer extends UnpackedServer {
  readonly ports: UnpackedServer['ports'] & { readonly imap: number; readonly imaps: number }
}

/** Starts Cyrus (cyrus-pop3d, cyrus-imapd) on 127.0.0.1, with one user, and delivers to it by LMTP. Ask `peerFault` first. */
export async function startCyrus(options: CyrusOptions): Promise<CyrusServer> {
  const { folder, login, password } = options
  const [pop3 = 0, pop3s = 0, imap = 0, imaps = 0, lmtp = 0] = await freePorts(5)
  const certificate = writeCertificate(folder)
  chmodSync(folder, 0o755)
  writeFileSync(join(folder, 'password'), password)
  const child = startInOwnRoot(
    'cyrus',
    folder,
    `
echo 'cyrus:x:65530:65530::/:/bin/sh' >>/etc/passwd
echo 'mail:x:65530:' >>/etc/group
cat >/etc/imapd.conf <<'END'
configdirectory: /run/cyrus
defaultpartition: default
partition-default: /run/cyrus/mail
servername: localhost
autocreate_quota: 0
autocreate_post: yes
allowplaintext: yes
sasl_pwcheck_method: auxprop
sasl_auxprop_plugin: sasldb
sasl_sasldb_path: /run/cyrus/sasldb2
sasl_mech_list: PLAIN LOGIN CRAM-MD5 SCRAM-SHA-256
tls_server_cert: /run/cyrus/certificate.pem
tls_server_key: /run/cyrus/certificate.pem
${options.settings ?? ''}
END
cat >/etc/cyrus.conf <<'END'
START {
  recover cmd="/usr/lib/cyrus/bin/ctl_cyrusdb -r"
}
SERVICES {
  pop3 cmd="pop3d" listen="127.0.0.1:${pop3}" prefork=0 maxchild=50
  pop3s cmd="pop3d -s" listen="127.0.0.1:${pop3s}" prefork=0 maxchild=50
  imap cmd="imapd" listen="127.0.0.1:${imap}" prefork=0 maxchild=50
  imaps cmd="imapd -s" listen="127.0.0.1:${imaps}" prefork=0 maxchild=50
  lmtp cmd="lmtpd -a" listen="127.0.0.1:${lmtp}" prefork=0 maxchild=5
}
END
mkdir -p /run/cyrus/mail /run/cyrus/proc /run/cyrus/lock /run/cyrus/socket
saslpasswd2 -p -c -f /run/cyrus/sasldb2 -u localhost '${login}' </own/password
cp /own/certificate.pem /run/cyrus/certificate.pem
chown -R cyrus /run/cyrus
exec /usr/lib/cyrus/bin/master
`,
  )
  const stop = await ready(child, pop3)
  try {
    await deliver(lmtp, login, options.messages)
  } catch (error) {
    await stop()
    throw error
  }
  return { host: '127.0.0.1', ports: { pop3, pop3s, imap, imaps }, certificate, stop }
}

/** Delivers messages by LMTP (RFC 2033). */
async function deliver(port: number, user: string, messages: Iterable<Uint8Array>): Promise<void> {
  const socket = connect(port, '127.0.0.1').setEncoding('latin1')
  const lines: AsyncIterator<string> = replies(socket)
  const expect = async (code: string): Promise<void> => {
    const { value, done } = await lines.next()
    if (done === true || !value.startsWith(code)) throw new Error(`LMTP: ${String(value)} instead of ${code}`)
  }
  const ask = async (line: string, code: string): Promise<void> => {
    socket.write(`${line}\r\n`)
    await expect(code)
  }
  try {
    await expect('220')
    await ask('LHLO localhost', '250')
    for (const message of messages) {
      await ask('MAIL FROM:<sender@localhost>', '250')
      await ask(`RCPT TO:<${user}>`, '250')
      await ask('DATA', '354')
      const text = Buffer.from(message).toString('latin1').replace(/\r?\n/g, '\r\n').replace(/^\./gm, '..')
      socket.write(Buffer.from(`${text}${text.endsWith('\r\n') ? '' : '\r\n'}.\r\n`, 'latin1'))
      await expect('250')
    }
    await ask('QUIT', '221')
  } finally {
    socket.destroy()
  }
}

/** Whole replies: of several lines, the last. */
async function* replies(socket: AsyncIterable<string>): AsyncGenerator<string> {
  let waiting = ''
  for await (const text of socket) {
    waiting += text
    for (let end = waiting.indexOf('\r\n'); end !== -1; end = waiting.indexOf('\r\n')) {
      const line = waiting.slice(0, end)
      waiting = waiting.slice(end + 2)
      if (line[3] !== '-') yield line
    }
  }
}
