import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import type { AccountOptions } from '../accounts/account-options.ts'
import { type Account, Directory } from '../accounts/directory.ts'
import { takeLock } from '../accounts/lock.ts'
import { Secrets } from '../accounts/secrets.ts'
import { stage } from '../store/contract-mail.ts'
import { DiskStore } from '../store/disk.ts'
import type { Fetching } from './fetch-account.ts'
import { handOnAll, handOnLine, handOnStates } from './hand-on.ts'
import { HandOnRounds } from './hand-on-rounds.ts'
import { LogLines } from './serve-log.ts'
import { Mails } from './serve-mails.ts'

const address = 'info@example.it'

interface House extends Fetching {
  readonly store: DiskStore
  readonly folder: string
  account(): Account
  /** An account's message comes home, to these users. */
  fetched(uniqueId: string, ...users: string[]): Promise<void>
}

async function house(t: TestContext, options: (folder: string) => AccountOptions): Promise<House> {
  const folder = await mkdtemp(join(tmpdir(), 'postino-hand-on-'))
  const data = join(folder, 'data')
  const directory = await Directory.open(data)
  const store = new DiskStore(data)
  t.after(async () => {
    await store.close()
    directory.close()
    await rm(folder, { recursive: true })
  })
  const secrets = new Secrets(data)
  for (const user of ['anna', 'mario']) await directory.addUser(user, undefined)
  const place = { protocol: 'pop3', server: '127.0.0.1', port: 1, tls: 'none', login: 'x', leave: 'forever' } as const
  await directory.addAccount('mario', { address, ...place, options: options(folder) }, secrets.seal(address, 'x'))
  return {
    data,
    directory,
    secrets,
    store,
    folder,
    open: (user) => store.open(user),
    account: () => directory.account(address) ?? assert.fail(),
    fetched: async (uniqueId, ...users) => {
      const origin = { account: `pop3:${address}`, uniqueId, nth: 0 }
      for (const user of users) {
        const mail = await store.open(user)
        const staged = await stage(mail, `Subject: ${uniqueId}\r\n\r\n`, 'wire')
        await mail.change((draft) => draft.add(staged, { mailbox: draft.openMailbox('INBOX'), received: 1000, origin }))
        staged.discard()
      }
    },
  }
}

async function filesIn(folder: string): Promise<number> {
  return (await readdir(join(folder, 'new'))).length
}

test('one target that is down, and one that makes no sense, hold up no other', async (t) => {
  const parts = await house(t, (folder) => ({
    handOn: [
      { url: 'imap://mario@127.0.0.1:1/INBOX', since: 0 },
      { url: 'gopher://old', since: 0 },
      { url: `maildir:${folder}/a`, since: 0 },
      { url: `maildir:${folder}/b`, since: Date.now() + 60_000 },
    ],
  }))
  await parts.fetched('u1', 'mario')
  const outcomes = await handOnAll(parts, parts.account(), { settle: 0 })
  assert.deepEqual(
    outcomes.map(({ report: { handed, waiting } }) => [handed, waiting]),
    [
      [0, 1],
      [0, 0],
      [1, 0],
      [0, 0],
    ],
  )
  assert.match(
    outcomes[0]?.report.error?.message ?? '',
    /there is no password for imap:\/\/mario@127\.0\.0\.1:1\/INBOX/,
  )
  assert.match(outcomes[1]?.report.error?.message ?? '', /gopher: is not known/)
  assert.equal(await filesIn(join(parts.folder, 'a')), 1)
  assert.ok(!existsSync(join(parts.folder, 'b')))
})

test('mail of a catch-all goes on from whoever has it, and once where two have it, also when one of them removes it', async (t) => {
  const parts = await house(t, (folder) => ({
    handOn: [{ url: `maildir:${folder}/all`, since: 0 }],
    split: { users: { '@example.it': 'anna', 'ghost@example.it': 'ghost' }, otherwise: 'mario' },
  }))
  await parts.fetched('for anna', 'anna')
  await parts.fetched('for both', 'anna', 'mario')
  await parts.fetched('for mario', 'mario')
  const [first] = await handOnAll(parts, parts.account(), {})
  assert.deepEqual([first?.report.handed, first?.report.waiting, first?.report.error], [3, 0, undefined])
  assert.equal(await filesIn(join(parts.folder, 'all')), 3)
  const mario = await parts.open('mario')
  await mario.change((draft) => {
    for (const { id } of draft.view.messages()) draft.remove(id)
  })
  await parts.fetched('another', 'anna')
  const [second] = await handOnAll(parts, parts.account(), {})
  assert.equal(second?.report.handed, 1)
  assert.equal(await filesIn(join(parts.folder, 'all')), 4)
})

test('while another process hands on to a target, this one does not', async (t) => {
  const parts = await house(t, (folder) => ({ handOn: [{ url: `maildir:${folder}/a`, since: 0 }] }))
  await parts.fetched('u1', 'mario')
  await handOnAll(parts, parts.account(), {})
  const [name = ''] = (await readdir(join(parts.data, 'locks'))).filter((each) => /^hand-on-[0-9a-f]{32}$/.test(each))
  const lock = await takeLock(join(parts.data, 'locks', name))
  assert.ok(lock)
  await parts.fetched('u2', 'mario')
  const stop = new AbortController()
  const waiting = handOnAll(parts, parts.account(), { signal: stop.signal })
  const second = handOnAll(parts, parts.account(), {})
  stop.abort()
  assert.equal((await waiting)[0]?.report.error?.message, 'stopped')
  lock.release()
  assert.equal((await second)[0]?.report.handed, 1)
})

test('how it stands is there for a person to see', async (t) => {
  const parts = await house(t, () => ({ handOn: [{ url: 'command:echo full >&2; exit 75', since: 0 }] }))
  await parts.fetched('u1', 'mario')
  const mail = await parts.open('mario')
  const look = async (): Promise<ReturnType<typeof handOnStates>> =>
    await mail.read((view) => handOnStates(view, parts.account(), Date.now()))
  const target = 'command:echo full >&2; exit 75'
  assert.deepEqual(await look(), [{ target, handed: 0, waiting: 1, refused: [], down: undefined, due: 0 }])
  const [outcome] = await handOnAll(parts, parts.account(), {})
  assert.ok(outcome)
  assert.equal(handOnLine(outcome, undefined), `0 handed on to ${target}, 1 not taken there, to be tried again`)
  const [state] = await look()
  assert.deepEqual([state?.handed, state?.waiting, state?.refused.length], [0, 0, 1])
  const [refused] = state?.refused ?? []
  assert.deepEqual([refused?.message, refused?.attempts], [1, 1])
  assert.match(refused?.why ?? '', /exit code 75\) and said: full/)
  assert.equal(state?.due, refused?.next)
  await mail.change((draft) => draft.remove(draft.view.messages()[0]?.id ?? assert.fail()))
  assert.deepEqual(await look(), [{ target, handed: 0, waiting: 0, refused: [], down: undefined, due: undefined }])
})

test('while serve runs: what comes is handed on, and what is refused has its turn when its time comes', async (t) => {
  const parts = await house(t, (folder) => ({
    handOn: [{ url: `command:test -e ${folder}/open && cat >>${folder}/mail`, since: 0 }],
  }))
  const lines: string[] = []
  const notes = { failure: (text: string) => lines.push(text), note: (text: string) => lines.push(text) }
  const log = new LogLines({ json: false, quiet: false, notes } as unknown as ConstructorParameters<typeof LogLines>[0])
  const mails = new Mails(parts.store, parts.directory)
  let now = Date.now()
  const done: string[] = []
  const told = async (count: number): Promise<void> => {
    while (done.length < count) await new Promise((resolve) => setTimeout(resolve, 5))
    await rounds.idle()
  }
  const rounds = new HandOnRounds({
    ...parts,
    mails,
    log,
    now: () => now,
    done: (account, { report }) => done.push(`${account.address} ${report.handed} ${report.refused}`),
  })
  await parts.fetched('u1', 'mario')
  rounds.nudge(address)
  await told(1)
  assert.deepEqual(done, [`${address} 0 1`])
  // Nothing is due yet, however often it is looked.
  rounds.look()
  await rounds.idle()
  assert.equal(done.length, 1)
  await parts.fetched('u2', 'mario')
  await writeFile(join(parts.folder, 'open'), '')
  rounds.nudge(address)
  await told(2)
  assert.equal(done[1], `${address} 1 1`)
  now += 8 * 60_000
  rounds.look()
  await told(3)
  assert.equal(done[2], `${address} 1 0`)
  await rounds.stop()
  rounds.nudge(address)
  await rounds.idle()
  assert.equal(done.length, 3)
  log.flush()
  const text = lines.join('\n')
  assert.match(text, /hand-on info@example\.it: 0 handed on to command:.*1 not taken there.*exit code 1/)
  assert.match(text, /hand-on info@example\.it: 1 handed on to/)
})
