// Fetches into a folder what is not there yet, and leaves everything on the server:
//
//   PASSWORD=secret node fetch-new.ts LOGIN HOST PORT implicit|starttls|none FOLDER
import { existsSync } from 'node:fs'
import { mkdir, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Pop3Client } from 'postino/pop3'

const [login = '', host = '', port = '995', tls = 'implicit', folder = '.'] = process.argv.slice(2)
if (tls !== 'implicit' && tls !== 'starttls' && tls !== 'none')
  throw new Error(`${tls} is not implicit, starttls or none`)

const client = await Pop3Client.connect({ host, port: Number(port), tls })
await client.logIn({ login, password: process.env['PASSWORD'] ?? '' })
await mkdir(folder, { recursive: true })

// A unique-id names a message for ever, so a file of that name is that message.
const files = new Map<number, string>()
for (const { number, uniqueId } of await client.uniqueIds()) {
  const file = join(folder, `${Buffer.from(uniqueId).toString('base64url')}.eml`)
  if (!existsSync(file)) files.set(number, file)
}
for await (const { number, octets, refused } of client.retrieveAll(files.keys())) {
  const file = files.get(number) ?? ''
  if (octets === undefined) console.error(`message ${number}: ${refused.message}`)
  else {
    // There whole or not at all.
    await writeFile(`${file}.part`, octets)
    await rename(`${file}.part`, file)
  }
}
await client.quit()
console.log(`${files.size} new`)
