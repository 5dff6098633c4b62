import { spawn } from 'node:child_process'

/** What opens a URL on each system. */
function opener(url: string, platform: string, environment: NodeJS.ProcessEnv): [string, ...string[]] | undefined {
  if (platform === 'darwin') return ['open', url]
  // `start` is a word of the shell, which would take a URL's & for its own.
  if (platform === 'win32') return ['rundll32', 'url.dll,FileProtocolHandler', url]
  const screen = environment['DISPLAY'] || environment['WAYLAND_DISPLAY']
  return screen ? ['xdg-open', url] : undefined
}

/** Opens a URL in the person's browser, where there is one; whether that works is not known. False: there is none. */
export function openBrowser(
  url: string,
  platform: string = process.platform,
  environment: NodeJS.ProcessEnv = process.env,
): boolean {
  const words = opener(url, platform, environment)
  if (words === undefined) return false
  const [command, ...rest] = words
  const child = spawn(command, rest, { stdio: 'ignore', detached: true, env: environment })
  // The URL is shown as well.
  child.on('error', () => undefined).unref()
  return true
}
