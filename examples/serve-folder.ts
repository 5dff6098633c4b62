// Serves the .eml files of a folder by POP3, to whoever knows the password in the environment:
//
//   PASSWORD=secret node serve-folder.ts FOLDER PORT
//
// DELE and QUIT remove the files. File names must be fit for unique-ids: without spaces, of 70 characters at most.
import { readdir, readFile, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { createPop3Server, type ServedMessage } from 'postino/pop3'

const [folder = '.', port = '1110'] = process.argv.slice(2)

const server = createPop3Server({
  authenticate: (login, password) => (password === process.env['PASSWORD'] ? login : undefined),
  openMaildrop: async () => {
    const names = (await readdir(folder)).filter((name) => name.endsWith('.eml'))
    const messages = names.map((name): ServedMessage => ({ uniqueId: name, read: () => readFile(join(folder, name)) }))
    return {
      messages,
      remove: async (numbers) => {
        for (const number of numbers) await rm(join(folder, names[number - 1] ?? ''))
      },
    }
  },
  log: ({ user, retrieved, removed, end }) =>
    console.log(`${user ?? 'nobody'}: ${retrieved} sent, ${removed} removed, ${end}`),
})

if (!(await stat(folder)).isDirectory()) throw new Error(`${folder} is no folder`)
const at = await server.listen({ port: Number(port) })
console.log(`listening on ${at.host} port ${at.port}`)
process.once('SIGTERM', () => void server.close())
process.once('SIGINT', () => void server.close())
