// One POP3 session's update, in a process of its own so that it can be killed: `update-session.ts FOLDER POLICY DEVICE`.
import { writeSync } from 'node:fs'
import { type UserSettings, usualSettings } from '../../src/accounts/settings.ts'
import { Maildrops } from '../../src/doors/serve-pop3-maildrops.ts'
import { DiskStore } from '../../src/store/disk.ts'
import { MemoryLeases } from '../../src/store/leases.ts'

const [folder = '', dele = '', device = ''] = process.argv.slice(2)
const store = new DiskStore(folder)
const maildrops = new Maildrops({
  mails: { borrow: (user) => store.open(user), giveBack: () => undefined },
  settings: () => ({ ...usualSettings, dele: dele as UserSettings['dele'] }),
  leases: new MemoryLeases(),
})
const open = await maildrops.open({ user: 'mario', device: device === '' ? undefined : device, address: '127.0.0.1' })
const all = Array.from({ length: open.maildrop.count }, (_, place) => place + 1)
writeSync(1, 'update\n')
await open.update(all)
writeSync(1, 'updated\n')
open.close()
maildrops.close()
await store.close()
