import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { usualSettings } from '../../src/accounts/settings.ts'
import { Maildrops } from '../../src/doors/serve-pop3-maildrops.ts'
import { StoreError } from '../../src/errors.ts'
import { stage } from '../../src/store/contract-mail.ts'
import { DiskStore } from '../../src/store/disk.ts'
import { MemoryLeases } from '../../src/store/leases.ts'
import { Random } from '../corpus/generate-random.ts'
import { compiled } from './compiled.ts'
import { seed } from './kill-bench.ts'
import { mayMount, mountSmallDisk } from './small-disk.ts'

// RFC 1939 §6: what UPDATE does is done whole, or, where it is stopped, not at all.

const count = 600
const session = join(import.meta.dirname, 'update-session.ts')

async function fill(folder: string): Promise<void> {
  const store = new DiskStore(folder)
  const mail = await store.open('mario')
  const staged = await stage(mail, 'Subject: x\r\n\r\nx\r\n')
  await mail.change((draft) => {
    const mailbox = draft.openMailbox('INBOX')
    for (let n = 0; n < count; n++) draft.add(staged, { mailbox, received: n })
    draft.openDevice('phone', 'all')
  })
  await store.close()
}

interface Ended {
  readonly said: string
  /** From the beginning of the update to the end (milliseconds). */
  readonly took: number
}

/** Runs a session; kills it so long (milliseconds) after its update has begun. */
function run(folder: string, dele: string, device: string, killAfter?: number): Promise<Ended> {
  const child = spawn(process.execPath, [session, folder, dele, device], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: compiled,
  })
  let said = ''
  let began = 0
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    if (said === '') {
      began = performance.now()
      if (killAfter !== undefined) setTimeout(() => child.kill('SIGKILL'), killAfter)
    }
    said += text
  })
  return new Promise((resolve, reject) => {
    child.once('error', reject).once('close', () => resolve({ said, took: performance.now() - began }))
  })
}

for (const [dele, device] of [
  ['hide', ''],
  ['hide', 'phone'],
  ['trash', ''],
  ['expunge', ''],
] as const) {
  test(`an update (${dele}${device && `, ${device}`}) that is killed has removed all or nothing`, async () => {
    const folder = await mkdtemp(join(tmpdir(), 'postino-update-'))
    try {
      const [full, data] = [join(folder, 'full'), join(folder, 'data')]
      await fill(full)
      await cp(full, data, { recursive: true })
      const { took, said } = await run(data, dele, device)
      assert.match(said, /updated/)
      const random = new Random(seed + dele.length + device.length)
      for (let trial = 0; trial < 6; trial++) {
        await rm(data, { recursive: true })
        await cp(full, data, { recursive: true })
        const { said: heard } = await run(data, dele, device, random.between(0, Math.ceil(took)))
        const store = new DiskStore(data)
        const mail = await store.open('mario')
        const left = await mail.read((view) => view.maildrop(device === '' ? undefined : device).count)
        assert.ok(left === 0 || (left === count && !heard.includes('updated')), `${left} are left, heard ${heard}`)
        const kept = await mail.read((view) => view.messages().length)
        assert.equal(kept, dele === 'expunge' ? left : count)
        assert.deepEqual((await store.check('mario')).problems, [])
        await store.close()
      }
    } finally {
      await rm(folder, { recursive: true })
    }
  })
}

test('an update on a full disk fails whole, and goes once there is room', { skip: !mayMount }, async () => {
  await using disk = await mountSmallDisk(6)
  await fill(disk.folder)
  const store = new DiskStore(disk.folder)
  const maildrops = new Maildrops({
    mails: { borrow: (user) => store.open(user), giveBack: () => undefined },
    settings: () => ({ ...usualSettings, dele: 'expunge' }),
    leases: new MemoryLeases(),
  })
  const all = Array.from({ length: count }, (_, place) => place + 1)
  const quit = async (): Promise<number> => {
    const open = await maildrops.open({ user: 'mario', device: undefined, address: '127.0.0.1' })
    try {
      return await open.update(all)
    } finally {
      open.close()
    }
  }
  const mail = await store.open('mario')
  try {
    // Fills what is left.
    for (let size = 1 << 20; size >= 1; size >>= 1)
      for (let n = 0; n < 100; n++)
        if (
          !(await writeFile(join(disk.folder, `more-${size}-${n}`), Buffer.alloc(size)).then(
            () => true,
            () => false,
          ))
        )
          break
    await assert.rejects(quit(), (error) => error instanceof StoreError && error.code === 'disk-full')
    assert.equal(await mail.read((view) => view.maildrop().count), count)
    await disk.free()
    assert.equal(await quit(), count)
    assert.equal(await mail.read((view) => view.maildrop().count), 0)
    assert.deepEqual((await store.check('mario')).problems, [])
  } finally {
    maildrops.close()
    await store.close()
  }
})
