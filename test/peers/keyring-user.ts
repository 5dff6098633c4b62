// Uses the keyring of this session: prints what it has after each step. See keyring.test.ts.
import { keepInKeyring, passwordInKeyring, removeFromKeyring } from '../../src/accounts/secret-keyring.ts'

const address = 'mario@example.it'
await keepInKeyring(address, 'pàss wörd')
console.log(await passwordInKeyring(address))
await keepInKeyring(address, 'another')
console.log(await passwordInKeyring(address))
await removeFromKeyring(address)
console.log(await passwordInKeyring(address).catch((error: Error) => error.message))
