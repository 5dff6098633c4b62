import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { after, before, test } from 'node:test'
import type { TestContext } from 'node:test'
import { parseFetchmailRc } from '../../src/migrate/fetchmail-rc.ts'
import { readFetchmail } from '../../src/migrate/fetchmail.ts'
import { readMpop } from '../../src/migrate/mpop.ts'
import { postino } from '../cli/postino.ts'
import type { Postino } from '../cli/postino.ts'
import { generateMessages } from '../corpus/generate.ts'
import { folderOf } from '../folder-of.ts'
import { collect, collectorMaildir } from './collect.ts'
import type { Collect, Collected } from './collect.ts'
import { startDovecot } from './dovecot.ts'
import type { Dovecot } from './dovecot.ts'
import { runFetchmail } from './fetchmail.ts'
import { getmail, runGetmail } from './getmail.ts'
import { readMaildir } from './maildir.ts'
import { runMpop } from './mpop.ts'
import { available, runWell } from './run.ts'

const password = 's3cret of mine'
const messages = Array.from(generateMessages({ seed: 9, count: 30, profile: 'small' }), (message) =>
  Buffer.from(message),
)
const half = messages.slice(0, 15)
const rest = messages.slice(15)

let folder = ''
let dovecot: Dovecot | undefined
let users = 0

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'postino-migrate-'))
  chmodSync(folder, 0o755)
  if (!available('dovecot')) return
  const names = Array.from({ length: 9 }, (_, index) => [`user${index}`, password] as const)
  dovecot = await startDovecot({
    folder: join(folder, 'dovecot'),
    users: Object.fromEntries(names),
    protocols: ['pop3', 'imap'],
  })
})

after(async () => {
  await dovecot?.stop()
  rmSync(folder, { recursive: true, force: true })
})

/** A new mailbox at Dovecot; undefined, and the test skipped, where that or the program is not installed. */
function mailbox(t: TestContext, program?: string): (Collect & { readonly dovecot: Dovecot }) | undefined {
  for (const name of ['dovecot', ...(program === undefined ? [] : [program])]) {
    if (available(name)) continue
    t.skip(`${name} is not installed`)
    return undefined
  }
  const login = `user${users++}`
  const own = join(folder, login)
  mkdirSync(own)
  return {
    dovecot: dovecot as Dovecot,
    host: '127.0.0.1',
    port: dovecot?.ports['pop3'] ?? 0,
    login,
    password,
    folder: own,
  }
}

function identifiers(list: readonly Buffer[]): string[] {
  return list.map((octets) => /^Message-ID: (\S+)/im.exec(octets.toString('latin1'))?.[1] ?? 'none').toSorted()
}

/** Moves in, and sees that the next fetches bring the rest, and then nothing. */
async function moveIn(t: TestContext, from: Collect, paths: readonly string[], known: number): Promise<Postino> {
  const here = await postino(t)
  const [moved] = await here.json(['migrate', ...paths])
  assert.deepEqual([moved?.['login'], moved?.['known'], moved?.['password']], [from.login, known, true])
  assert.doesNotMatch(JSON.stringify(moved), /s3cret/)
  const fetched = async (): Promise<unknown> => {
    const [report] = await here.json(['fetch'])
    assert.equal(report?.['error'], undefined)
    return [report?.['new'], report?.['failed']]
  }
  assert.deepEqual(await fetched(), [rest.length, 0])
  assert.deepEqual(await fetched(), [0, 0])
  const out = join(from.folder, 'out')
  assert.equal((await here.run(['export', out])).code, 0)
  assert.deepEqual(identifiers(readMaildir(out)), identifiers(rest))
  assert.deepEqual(
    (await here.json(['migrate', ...paths])).map(({ added }) => added),
    [false],
  )
  assert.deepEqual(await fetched(), [0, 0])
  return here
}

/** What each program is run by, and the files that it leaves. */
const programs: Readonly<Record<string, readonly [(options: Collect) => Promise<Collected>, readonly string[]]>> = {
  fetchmail: [runFetchmail, ['fetchmailrc', 'state/ids']],
  getmail: [runGetmail, ['getmailrc']],
  mpop: [runMpop, ['mpoprc']],
}

for (const [program, [runIt, files]] of Object.entries(programs)) {
  test(`what ${program} has fetched is not fetched again, and all else is`, async (t) => {
    const from = mailbox(t, program)
    if (from === undefined) return
    from.dovecot.fill(from.login, half)
    assert.equal((await runIt(from)).messages, half.length)
    from.dovecot.fill(from.login, rest)
    const paths = files.map((file) => join(from.folder, file))
    await moveIn(t, from, paths, half.length)
    assert.equal(from.dovecot.tally(from.login).messages, messages.length)
  })
}

test('what getmail has fetched by IMAP is not fetched again, and all else is', async (t) => {
  const from = mailbox(t, 'getmail')
  if (from === undefined) return
  from.dovecot.fill(from.login, half)
  const rc = join(from.folder, 'getmailrc')
  const owner = process.getuid?.() === 0 ? 'user = nobody\n' : ''
  writeFileSync(
    rc,
    `[retriever]
type = SimpleIMAPRetriever
server = ${from.host}
port = ${from.dovecot.ports['imap']}
username = ${from.login}
password = ${password}
[destination]
type = Maildir
path = ${collectorMaildir(from.folder)}/
${owner}[options]
read_all = false
delivered_to = false
received = false
`,
  )
  const words = ['--getmaildir', from.folder, '--rcfile', rc]
  assert.equal((await collect(from.folder, ...getmail(...words))).messages, half.length)
  from.dovecot.fill(from.login, rest)
  await moveIn(t, from, [rc], half.length)
  assert.equal(from.dovecot.tally(from.login).messages, messages.length)
})

test('where fetchmail deleted what it had fetched, so does Postino from now on', async (t) => {
  const from = mailbox(t, 'fetchmail')
  if (from === undefined) return
  from.dovecot.fill(from.login, half)
  assert.equal((await runFetchmail({ ...from, remove: true })).messages, half.length)
  from.dovecot.fill(from.login, rest)
  await moveIn(t, from, [join(from.folder, 'fetchmailrc')], 0)
  assert.equal(from.dovecot.tally(from.login).messages, 0)
})

test('what another program had is never deleted at the server, although the account deletes', async (t) => {
  const from = mailbox(t, 'mpop')
  if (from === undefined) return
  from.dovecot.fill(from.login, half)
  await runMpop(from)
  from.dovecot.fill(from.login, rest)
  const rc = join(from.folder, 'mpoprc')
  // mpop has had half, and is told only now to delete.
  writeFileSync(rc, readFileSync(rc, 'utf8').replace('keep on', 'keep off'))
  await moveIn(t, from, [rc], half.length)
  assert.equal(from.dovecot.tally(from.login).messages, half.length)
})

/** The unique-ids of a mailbox, as its server lists them. */
async function uniqueIds({ port, login }: Collect): Promise<string[]> {
  const socket = connect(port, '127.0.0.1').setEncoding('latin1')
  socket.write(`USER ${login}\r\nPASS ${password}\r\nUIDL\r\nQUIT\r\n`)
  return [...(await text(socket)).matchAll(/^\d+ (\S+)\r$/gm)].map(([, id = '']) => id)
}

test('what Thunderbird has is not fetched again, by a profile in its format', async (t) => {
  const from = mailbox(t)
  if (from === undefined) return
  from.dovecot.fill(from.login, half)
  const ids = await uniqueIds(from)
  from.dovecot.fill(from.login, rest)
  const server: Readonly<Record<string, unknown>> = {
    type: 'pop3',
    hostname: from.host,
    port: from.port,
    userName: from.login,
    leave_on_server: true,
    'directory-rel': '[ProfD]Mail/127.0.0.1',
  }
  const prefs = Object.entries(server).map(
    ([name, value]) => `user_pref("mail.server.server1.${name}", ${JSON.stringify(value)});\n`,
  )
  const profile = join(from.folder, 'abc.default-release')
  mkdirSync(join(profile, 'Mail', '127.0.0.1'), { recursive: true })
  writeFileSync(join(profile, 'prefs.js'), `user_pref("mail.account.account1.server", "server1");\n${prefs.join('')}`)
  const state = ids.map((id, index) => `${index === 0 ? 'd' : 'k'} ${id} 1700000000\n`).join('')
  writeFileSync(
    join(profile, 'Mail', '127.0.0.1', 'popstate.dat'),
    `# POP3 State File\n# This is a generated file!  Do not edit.\n\n*127.0.0.1 ${from.login}\n${state}`,
  )
  const here = await postino(t)
  const [moved] = await here.json(['migrate', profile])
  const address = String(moved?.['account'])
  assert.deepEqual([moved?.['known'], moved?.['password']], [half.length, false])
  const set = await here.run(['account', 'set', address, '--password-stdin'], { input: `${password}\n` })
  assert.equal(set.code, 0, set.stderr)
  const [report] = await here.json(['fetch'])
  assert.deepEqual([report?.['new'], report?.['error']], [rest.length, undefined])
  assert.equal(from.dovecot.tally(from.login).messages, messages.length)
})

const runControls = [
  `set idfile = "/x/y" set daemon 300 set postmaster mario set no bouncemail
defaults proto pop3 timeout 60 envelope 1 "X-To" localdomains x.y, password dfp is dd here keep folder INBOX
poll pop.example.it via pop.real.it user "mario" with password pa\\x41s is mario=m1 luigi * here options ssl
  and user: keep; password: is, nokeep
poll nouser.example keep limit 7
poll dflt.example proto IMAP localdomains q.r user a there is b here folder A "B C",D user c here is d there`,
  `skip sk.example service 995 protocol pop3 user joe password "a
b\\
c" is joe fetchall sslproto '' no sslcertck
server "s p" auth password proto apop qvirtual mbox- username 'it''s'`,
  `poll h proto pop3 user a pass "se\\"cret" is "b c" here user 'tis pass "#x" # a comment`,
  `poll h user a password secret words`,
  `poll h proto pop3 user a b keep`,
  `poll h keep user a`,
  `poll h user a timeout 5`,
  `poll h user = a`,
  `hello`,
]

test('a run control file means here what it means to fetchmail', async (t) => {
  for (const program of ['fetchmail', 'python3']) if (!available(program)) return t.skip(`${program} is not installed`)
  const person = userInfo().username
  const script = 'import json,sys\nexec(sys.stdin.read())\nprint(json.dumps(fetchmailrc))'
  for (const rc of runControls) {
    const home = folderOf(t, { rc: `${rc}\n` })
    const file = join(home, 'rc')
    chmodSync(file, 0o600)
    const dumped = await runWell('fetchmail', ['-f', file, '--configdump'], {
      env: { HOME: home },
      fine: [0, 5],
    })
    const { servers, faults } = parseFetchmailRc(rc, 'rc')
    if (dumped.code !== 0) {
      assert.equal(faults.length, 1, rc)
      continue
    }
    assert.deepEqual(faults, [], rc)
    const { stdout } = await runWell('python3', ['-c', script], { input: dumped.stdout })
    const theirs = (JSON.parse(stdout) as Dump).servers.flatMap((server) =>
      server.users.map((user) => [
        server.via ?? server.pollname,
        user.remote,
        user.password,
        user.keep === 1 ? 'forever' : 'delete',
        user.ssl === 1,
        server.active === 1,
        user.localnames.map((name) => (Array.isArray(name) ? name.join('=') : name)).join(' '),
      ]),
    )
    const { accounts } = readFetchmail(file, { home, person, lists: [] })
    const names = servers.flatMap(({ kind, users: list }) =>
      kind === 'defaults' ? [] : list.map((user) => user.names),
    )
    const usual = servers.find(({ kind }) => kind === 'defaults')?.users[0]?.names ?? []
    const ours = accounts.map(({ settings, password: secret }, index) => {
      const own = names[index]?.length === 0 ? usual : (names[index] ?? [])
      return [
        settings.server,
        settings.login,
        secret ?? null,
        settings.leave,
        settings.tls === 'implicit',
        settings.options.every !== 0,
        own.map(({ there, here }) => (there === here ? there : `${there}=${here}`)).join(' ') || person,
      ]
    })
    assert.deepEqual(ours, theirs, rc)
  }
})

const mpopConfiguration = `defaults
tls on
keep on
account a
host a.example
user one
delivery mbox /x
account b : a
user "t w o"
tls_starttls off
uidls_file ~/u/%U-%H
defaults
tls off
keep
account c : a,b
port 1110
account d
host d.example
user d
keep off
tls
delivery mbox /x
`

test("mpop's configuration means here what it means to mpop", async (t) => {
  if (!available('mpop')) return t.skip('mpop is not installed')
  const list = ' 1 a.example t w o\nid\n'
  const home = folderOf(t, { '.mpoprc': mpopConfiguration, 'u/t w o-a.example': list })
  chmodSync(join(home, '.mpoprc'), 0o600)
  const { stdout } = await runWell('mpop', ['-P', 'a', 'b', 'c', 'd'], { env: { HOME: home } })
  const theirs = stdout
    .split(/^using account .*\n/m)
    .slice(1)
    .map((text) => {
      const value = (name: string): string => new RegExp(`^${name} = (.*)$`, 'm').exec(text)?.[1] ?? ''
      const tls = value('tls') === 'off' ? 'none' : value('tls_starttls') === 'on' ? 'starttls' : 'implicit'
      const leave = value('keep') === 'on' ? 'forever' : 'delete'
      const hasList = value('uidls file') === join(home, 'u/t w o-a.example')
      return [value('host'), Number(value('port')), value('user'), tls, leave, hasList ? 1 : 0]
    })
  const { accounts, faults } = readMpop(join(home, '.mpoprc'), { home, person: 'x', lists: [] })
  assert.deepEqual(faults, [])
  const ours = accounts.map(({ settings: { server, port, login, tls, leave }, had }) => [
    server,
    port,
    login,
    tls,
    leave,
    had.length,
  ])
  assert.deepEqual(ours, theirs)
  assert.equal(theirs.length, 4)
})

/** What `--configdump` prints, as far as it is looked at. */
interface Dump {
  readonly servers: readonly {
    readonly pollname: string
    readonly via: string | null
    readonly active: number
    readonly users: readonly {
      readonly remote: string
      readonly password: string | null
      readonly keep: number
      readonly ssl: number
      readonly localnames: readonly (string | readonly string[])[]
    }[]
  }[]
}
