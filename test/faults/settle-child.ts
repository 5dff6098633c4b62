import { DiskStore } from '../../src/store/disk.ts'

// Settles mario's mail and is killed before a step: settle-child.ts DATA STEP NTH. Where that never comes, it ends well.

const [data = '', step = '', nth = '1'] = process.argv.slice(2)
const store = new DiskStore(data)
let left = Number(nth)
await store.settle('mario', {
  all: true,
  onStep: (at) => {
    if (at === step && --left === 0) process.kill(process.pid, 'SIGKILL')
  },
})
await store.close()
