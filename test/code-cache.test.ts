import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { chmod, chown, mkdir, mkdtemp, readdir, rm, stat, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'

const program = fileURLToPath(new URL('../bin/postino.js', import.meta.url))

/** What is in the folder for caches after a start with this home. */
async function kept(
  t: TestContext,
  make: (home: string) => Promise<Record<string, string>>,
): Promise<string | undefined> {
  const home = await mkdtemp(join(tmpdir(), 'postino-home-'))
  t.after(() => rm(home, { recursive: true, force: true }))
  const given = await make(home)
  const { NODE_COMPILE_CACHE: _, XDG_CACHE_HOME: __, ...environment } = process.env
  const env = { ...environment, HOME: home, TMPDIR: join(home, 'tmp'), ...given }
  await mkdir(env.TMPDIR)
  const said = await new Promise<string>((resolve, reject) =>
    execFile(process.execPath, [program, '--version'], { env }, (error, stdout) =>
      error === null ? resolve(stdout) : reject(error),
    ),
  )
  assert.match(said, /^postino \d/)
  assert.deepEqual(await readdir(env.TMPDIR), [], 'nothing is left where all users may write')
  const folder = join(given['XDG_CACHE_HOME'] ?? join(home, '.cache'), 'postino', 'code')
  const names = await readdir(folder).catch(() => [])
  if (names.length === 0) return undefined
  assert.equal((await stat(folder)).mode & 0o777, 0o700)
  return folder
}

const unix = { skip: process.platform === 'win32' }

test("compiled code is kept in the user's own cache folder, which nobody else can write", unix, async (t) => {
  assert.ok((await kept(t, async () => ({}))) !== undefined)
  const elsewhere = async (home: string): Promise<Record<string, string>> => {
    await mkdir(join(home, 'elsewhere'), { mode: 0o700 })
    return { XDG_CACHE_HOME: join(home, 'elsewhere') }
  }
  assert.match((await kept(t, elsewhere)) ?? '', /elsewhere/)
})

test('where somebody else could put code there, none is kept and none is taken', unix, async (t) => {
  const cases: Record<string, (home: string) => Promise<unknown>> = {
    'all may write the home': (home) => chmod(home, 0o777),
    'the group may write the caches': async (home) => {
      await mkdir(join(home, '.cache'))
      await chmod(join(home, '.cache'), 0o770)
    },
    'all may write the folder': async (home) => {
      await mkdir(join(home, '.cache', 'postino', 'code'), { recursive: true })
      await chmod(join(home, '.cache', 'postino', 'code'), 0o777)
    },
    'the caches are a link': async (home) => {
      await mkdir(join(home, 'shared'))
      await symlink(join(home, 'shared'), join(home, '.cache'))
    },
  }
  if (process.getuid?.() === 0) cases["the home is another user's"] = (home) => chown(home, 1, 1)
  for (const [what, prepare] of Object.entries(cases))
    assert.equal(await kept(t, async (home) => (await prepare(home), {})), undefined, what)
})
