import { Directory } from '../../src/accounts/directory.ts'
import { Secrets } from '../../src/accounts/secrets.ts'
import { handOnAll } from '../../src/cli/hand-on.ts'
import { DiskStore } from '../../src/store/disk.ts'

// What `postino` does once it has fetched: hands on for all accounts of a folder of data. Killed by tests at any moment.

const [data = ''] = process.argv.slice(2)
const directory = await Directory.open(data)
const store = new DiskStore(data)
const parts = { data, directory, secrets: new Secrets(data), open: (user: string) => store.open(user) }
const outcomes = await Promise.all(
  directory.accounts().map(async (account) => await handOnAll(parts, account, { settle: 300 })),
)
const reports = outcomes.flat().map(({ target, report: { error, ...report } }) => ({
  target,
  ...report,
  ...(error !== undefined && { error: error.message }),
}))
process.stdout.write(JSON.stringify(reports))
await store.close()
directory.close()
