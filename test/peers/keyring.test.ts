import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { available, run, runWell } from './run.ts'

const script = join(import.meta.dirname, 'keyring-user.ts')

for (const needed of ['dbus-run-session', 'gnome-keyring-daemon'])
  if (!available(needed)) test(`the keyring of the system`, { skip: `${needed} is not installed` }, () => undefined)

if (available('dbus-run-session') && available('gnome-keyring-daemon'))
  test('a password is kept in a real keyring (GNOME), changed, and taken away', async (t) => {
    const home = await mkdtemp(join(tmpdir(), 'postino-keyring-'))
    t.after(() => rm(home, { recursive: true, force: true, maxRetries: 3 }))
    const env = { HOME: home, XDG_RUNTIME_DIR: home, DISPLAY: '', WAYLAND_DISPLAY: '' }
    const words = `printf pw | gnome-keyring-daemon --unlock --components=secrets >/dev/null 2>&1; "$0" "$1"`
    const { stdout } = await runWell('dbus-run-session', ['--', 'sh', '-c', words, process.execPath, script], { env })
    assert.deepEqual(stdout.trimEnd().split('\n'), [
      'pàss wörd',
      'another',
      'the keyring of the system has no password for mario@example.it (it would stand under "postino"); give it again',
    ])
  })

test(
  'where there is no keyring the person hears that, and what to see to',
  { skip: process.platform !== 'linux' },
  async () => {
    const env = { DBUS_SESSION_BUS_ADDRESS: 'unix:path=/nonexistent', XDG_RUNTIME_DIR: '/nonexistent' }
    const { code, stderr } = await run(process.execPath, [script], { env })
    assert.equal(code, 1)
    assert.match(
      stderr,
      /MisuseError: the keyring of the system does not give or take the password of mario@example\.it: /,
    )
    assert.match(stderr, /see that it is there and unlocked/)
  },
)
