import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runWell } from './run.ts'

/** A message as Python's imaplib sees it in a mailbox. */
export interface SeenByImaplib {
  readonly uid: number
  readonly octets: Buffer
  readonly flags: readonly string[]
  /** INTERNALDATE, milliseconds since 1970. */
  readonly received: number
}

export interface ImapAccess {
  readonly port: number
  readonly login: string
  readonly password: string
}

const connecting = `
import base64, calendar, imaplib, json, re, sys
port, login, password, mailbox = sys.argv[1:5]
imaplib._MAXLINE = 1 << 28
server = imaplib.IMAP4('127.0.0.1', int(port))
server.login(login, password)
def must(answer):
    if answer[0] != 'OK':
        raise Exception(str(answer))
    return answer[1]
`

const reading = `${connecting}
must(server.select('"' + mailbox + '"', readonly=True))
seen = []
for uid in must(server.uid('SEARCH', 'ALL'))[0].split():
    text, meta = None, b''
    for part in must(server.uid('FETCH', uid, '(FLAGS INTERNALDATE BODY.PEEK[])')):
        if isinstance(part, tuple):
            meta += part[0]
            text = part[1]
        else:
            meta += part
    if text is None:
        text = re.search(rb'BODY\\[\\] "(.*?)"', meta).group(1)
    seen.append({
        'uid': int(uid),
        'octets': base64.b64encode(text).decode(),
        'flags': [flag.decode() for flag in imaplib.ParseFlags(meta)],
        'received': calendar.timegm(__import__('time').gmtime(__import__('time').mktime(imaplib.Internaldate2tuple(meta)))) * 1000,
    })
json.dump(seen, open(sys.argv[5], 'w'))
server.logout()
`

/** Every message of a mailbox, by Python's imaplib. */
export async function readByImaplib(access: ImapAccess, mailbox: string): Promise<SeenByImaplib[]> {
  const folder = mkdtempSync(join(tmpdir(), 'postino-imaplib-'))
  const file = join(folder, 'seen.json')
  try {
    await runWell('python3', ['-c', reading, String(access.port), access.login, access.password, mailbox, file])
    const seen = JSON.parse(readFileSync(file, 'utf8')) as (Omit<SeenByImaplib, 'octets'> & { octets: string })[]
    return seen.map((one) => ({ ...one, octets: Buffer.from(one.octets, 'base64') }))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const doing = `${connecting}
for step in json.load(open(sys.argv[5])):
    what = step[0]
    if what == 'create':
        must(server.create('"' + step[1] + '"'))
    elif what == 'rename':
        must(server.rename('"' + step[1] + '"', '"' + step[2] + '"'))
    elif what == 'append':
        must(server.append('"' + step[1] + '"', step[2] and '(' + step[2] + ')', step[3] and '"' + step[3] + '"', base64.b64decode(step[4])))
    elif what == 'select':
        must(server.select('"' + step[1] + '"'))
    else:
        must(server.uid(*step[1:]))
server.logout()
`

/** What another mail program does there meanwhile. */
export type ImapStep =
  | readonly ['create', string]
  | readonly ['rename', string, string]
  /** Mailbox, flags, INTERNALDATE, and the octets in base64. */
  | readonly ['append', string, string, string, string]
  | readonly ['select', string]
  | readonly ['uid', ...string[]]

/** Changes mail at a server, by Python's imaplib. */
export async function changeByImaplib(access: ImapAccess, steps: readonly ImapStep[]): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'postino-imaplib-'))
  const file = join(folder, 'steps.json')
  try {
    writeFileSync(file, JSON.stringify(steps))
    await runWell('python3', ['-c', doing, String(access.port), access.login, access.password, '', file])
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
