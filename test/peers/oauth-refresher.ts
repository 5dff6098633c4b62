// One of several processes that refresh the tokens of one account at once: prints the access token it came to.
import { Directory } from '../../src/accounts/directory.ts'
import { registrationOf } from '../../src/accounts/oauth/registration.ts'
import { tokenSource } from '../../src/accounts/oauth/token-source.ts'
import { Secrets } from '../../src/accounts/secrets.ts'

const [data = '', address = '', refused] = process.argv.slice(2)
const directory = await Directory.open(data)
const account = directory.account(address)
if (account === undefined) throw new Error(`there is no account ${address}`)
const source = tokenSource({ data, directory, secrets: new Secrets(data) }, address, () =>
  registrationOf(account.options, data),
)
console.log(await source(refused))
directory.close()
